"""Copies of syntax trees, and their text: what planning does most often, so without what sqlglot's own ways take.

Used by every step. A copy shares its notes (places in the text, comments, types) with the original, which nothing
changes; sqlglot copies those too, and once more for each text.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from sqlglot import exp
from sqlglot.dialects import Dialect
from sqlglot.generator import Generator

Tree = TypeVar("Tree", bound=exp.Expr)


def copied(expression: Tree) -> Tree:
    """A tree of its own that reads the same."""
    root = _bare(expression)
    pending: list[tuple[exp.Expr, exp.Expr]] = [(expression, root)]
    while pending:
        node, copy = pending.pop()
        args = copy.args
        for key, value in node.args.items():
            if isinstance(value, exp.Expr):
                child = args[key] = _placed(_bare(value), copy, key, None)
                pending.append((value, child))
            elif type(value) is list:
                children = args[key] = []
                for index, each in enumerate(value):
                    if isinstance(each, exp.Expr):
                        child = _placed(_bare(each), copy, key, index)
                        pending.append((each, child))
                        children.append(child)
                    else:
                        children.append(each)
            else:
                args[key] = value
    return root


def _bare(node: Tree) -> Tree:
    """A node of the same kind and notes, without arguments."""
    copy = node.__class__()
    copy.comments = node.comments
    copy._type = node._type
    copy._meta = node._meta
    copy._hash = node._hash
    return copy


def _placed(node: exp.Expr, parent: exp.Expr, key: str, index: int | None) -> exp.Expr:
    node.parent = parent
    node.arg_key = key
    node.index = index
    return node


def all_in(expression: exp.Expr, *kinds: type[Tree]) -> list[Tree]:
    """The nodes of those kinds, in the order of the text, each before those below it. They may then be replaced."""
    found: list[Tree] = []
    pending = [expression]
    while pending:
        node = pending.pop()
        if isinstance(node, kinds):
            found.append(node)
        for value in reversed(node.args.values()):
            if isinstance(value, exp.Expr):
                pending.append(value)
            elif type(value) is list:
                pending += [each for each in reversed(value) if isinstance(each, exp.Expr)]
    return found


def replaced(expression: exp.Expr, change: Callable[[exp.Expr], exp.Expr | None]) -> exp.Expr:
    """A copy in which each topmost node that ``change`` answers for is its answer (a new node, or a copy)."""
    root = copied(expression)
    pending = [root]
    while pending:
        node = pending.pop()
        new = change(node)
        if new is None or new is node:
            for value in reversed(node.args.values()):
                if isinstance(value, exp.Expr):
                    pending.append(value)
                elif type(value) is list:
                    pending += [each for each in reversed(value) if isinstance(each, exp.Expr)]
        elif node is root:
            return new
        elif node.parent is not None and node.arg_key:
            node.parent.set(node.arg_key, new, node.index)
    return root


class _Writers(threading.local):
    """Each thread's writer of DuckDB's dialect: one takes longer to make than to write most texts."""

    def __init__(self) -> None:
        self.duckdb: Generator = Dialect.get_or_raise("duckdb").generator(comments=False)


_WRITERS = _Writers()


def text_of(expression: exp.Expr) -> str:
    """An expression in DuckDB's dialect."""
    return _WRITERS.duckdb.generate(copied(expression), copy=False)
