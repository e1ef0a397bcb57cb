"""Copies of syntax trees: equal, apart from the original, and written as sqlglot writes them."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from gristmill_sql.copies import copied, replaced, text_of

QUERIES = sorted(Path(__file__).parent.glob("tpc*/q*.sql"))


@pytest.mark.parametrize("path", QUERIES[::7], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_copy_is_equal_shares_no_node_and_reads_the_same(path: Path) -> None:
    tree = sqlglot.parse_one(path.read_text(), read="duckdb")
    copy = copied(tree)
    assert copy == tree
    assert not {id(node) for node in copy.walk()} & {id(node) for node in tree.walk()}
    assert all(child.parent is node for node in copy.walk() for child in node.iter_expressions())
    assert text_of(tree) == tree.sql(dialect="duckdb", comments=False)


def test_a_changed_copy_of_a_tree_leaves_the_tree() -> None:
    tree = sqlglot.parse_one("a + f(b, a, [c])", read="duckdb")
    new = replaced(tree, lambda node: exp.column("x") if isinstance(node, exp.Column) and node.name == "a" else None)
    assert text_of(new) == "x + F(b, x, [c])"
    assert text_of(tree) == "a + F(b, a, [c])"


def test_only_the_topmost_of_nodes_that_change_is_asked_for() -> None:
    tree = sqlglot.parse_one("f(f(a))", read="duckdb")
    new = replaced(tree, lambda node: exp.func("g", node.copy()) if isinstance(node, exp.Anonymous) else None)
    assert text_of(new) == "G(F(F(a)))"
