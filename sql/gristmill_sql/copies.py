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
        copy = pending.pop()
        for key, value in copy.args.items():
            if isinstance(value, exp.Expr):
                copy.args[key] = child = _twin(value)
                child.parent, child.arg_key = copy, key
                pending.append(child)
            elif type(value) is list:
                copy.args[key] = children = [_twin(each) if isinstance(each, exp.Expr) else each for each in value]
                for index, child in enumerate(children):
                    if isinstance(child, exp.Expr):
                        child.parent, child.arg_key, child.index = copy, key, index
                        pending.append(child)
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
    """An expression in DuckDB's dialect. Most are mere columns, which need no writer."""
    if type(expression) is exp.Column and len(expression.args) == 1:
        name = expression.args["this"]
        if type(name) is exp.Identifier and name.args["quoted"]:
            return quote_name(name.args["this"])
    return _WRITERS.duckdb.generate(copied(expression), copy=False)
