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

from gristmill.rows.logical import quote_name

Tree = TypeVar("Tree", bound=exp.Expr)


def copied(expression: Tree) -> Tree:
    """A tree of its own that reads the same."""
    root = _twin(expression)
    pending: list[exp.Expr] = [root]
    while pending:
        pending += _own_children(pending.pop())
    return root


def _twin(node: Tree) -> Tree:
    """A node of the same kind and notes over the same arguments, which are still those of the other."""
    twin = object.__new__(node.__class__)
    twin.args = node.args.copy()
    twin.parent = twin.arg_key = twin.index = None
    twin.comments = node.comments
    twin._type = node._type
    twin._meta = node._meta
    twin._hash = node._hash
    return twin


def _own_children(twin: exp.Expr) -> list[exp.Expr]:
    """Gives a twin twins of its arguments; they, last first."""
    found: list[exp.Expr] = []
    if twin.is_primitive:
        return found
    for key, value in twin.args.items():
        if isinstance(value, exp.Expr):
            twin.args[key] = child = _twin(value)
            child.parent, child.arg_key = twin, key
            found.append(child)
        elif type(value) is list:
            twin.args[key] = children = [_twin(each) if isinstance(each, exp.Expr) else each for each in value]
            for index, child in enumerate(children):
                if isinstance(child, exp.Expr):
                    child.parent, child.arg_key, child.index = twin, key, index
                    found.append(child)
    found.reverse()
    return found


def all_in(expression: exp.Expr, *kinds: type[Tree]) -> list[Tree]:
    """The nodes of those kinds, in the order of the text, each before those below it. They may then be replaced."""
    found: list[Tree] = []
    pending = [expression]
    while pending:
        node = pending.pop()
        if isinstance(node, kinds):
            found.append(node)
        if node.is_primitive:
            continue
        for value in reversed(node.args.values()):
            if isinstance(value, exp.Expr):
                pending.append(value)
            elif type(value) is list:
                pending += [each for each in reversed(value) if isinstance(each, exp.Expr)]
    return found


def replaced(expression: exp.Expr, change: Callable[[exp.Expr], exp.Expr | None]) -> exp.Expr:
    """A copy in which each topmost node that ``change`` answers for is its answer (a new node, or a copy).

    The nodes that ``change`` is given belong to the copy, what is below them still to the original.
    """
    root = _twin(expression)
    pending = [root]
    while pending:
        node = pending.pop()
        new = change(node)
        if new is None or new is node:
            pending += _own_children(node)
        elif node.parent is None or not node.arg_key:
            return new
        else:
            node.parent.set(node.arg_key, new, node.index)
    return root


class _Writers(threading.local):
    """Each thread's writer of DuckDB's dialect: one takes longer to make than to write most texts."""

    def __init__(self) -> None:
        self.duckdb: Generator = Dialect.get_or_raise("duckdb").generator(comments=False)


_WRITERS = _Writers()


def _column_text(node: exp.Expr) -> str:
    """The quoted name of a column that has nothing else; empty for all other nodes."""
    name = node.args["this"] if type(node) is exp.Column and len(node.args) == 1 else None
    return quote_name(name.args["this"]) if type(name) is exp.Identifier and name.args.get("quoted") else ""


def text_of(expression: exp.Expr) -> str:
    """An expression in DuckDB's dialect. Most are columns or say that two are equal, which needs no writer."""
    if type(expression) is exp.EQ:
        left, right = _column_text(expression.args["this"]), _column_text(expression.args["expression"])
        if left and right:
            return f"{left} = {right}"
    return _column_text(expression) or _WRITERS.duckdb.generate(copied(expression), copy=False)
