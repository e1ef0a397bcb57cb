"""The logical algebra: what a query means, as immutable values that binder, rules and planner share.

Every column has a name that is unique in the whole query, so that predicates move between operators as they are.
Expressions are sqlglot trees over those names; they are never changed in place. Nothing here knows of jobs.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from sqlglot import exp

from gristmill.plan.schema import Column, Schema
from gristmill_sql.catalog import Table


@dataclass(frozen=True, slots=True)
class Item:
    """A computed column: its name and type, and the expression over the operator's input."""

    column: Column
    value: exp.Expr

    @property
    def passes(self) -> bool:
        """Whether this is an input column as it is."""
        return isinstance(self.value, exp.Column) and self.value.name == self.column.name


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """One term of an ORDER BY."""

    value: exp.Expr
    desc: bool
    nulls_first: bool


class JoinKind(StrEnum):
    """What a join keeps. SEMI and ANTI give columns of the left side only, ASOF the nearest row of the right."""

    INNER = "inner"
    LEFT = "left"
    RIGHT = "right"
    FULL = "full"
    SEMI = "semi"
    ANTI = "anti"
    ASOF = "asof"
    ASOF_LEFT = "asof left"


@dataclass(frozen=True, slots=True)
class Scan:
    """Rows of a table; ``sources`` are the file's own column names, in step with ``columns``.

    ``verbatim``: all columns of the table, pruned ones too, have their own names in the query, so that its rows may
    stand beside others without a projection.
    """

    table: Table
    columns: Schema
    sources: tuple[str, ...]
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class Values:
    """Constant rows: a FROM-less SELECT or a VALUES list, as SQL text that every task can run."""

    sql: str
    columns: Schema
    rows: int


@dataclass(frozen=True, slots=True)
class Shared:
    """The rows of a relation that is computed once for several readers: ``sources`` are its column names there.

    ``free``: the outer columns that the relation reads, as long as it is part of a subquery that is being bound.
    """

    name: str
    columns: Schema
    sources: tuple[str, ...]
    free: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Filter:
    """Rows for which every predicate is true."""

    input: Relation
    predicates: tuple[exp.Expr, ...]

    @property
    def columns(self) -> Schema:
        """The input's columns."""
        return self.input.columns


@dataclass(frozen=True, slots=True)
class Project:
    """One row for each row, of computed columns."""

    input: Relation
    items: tuple[Item, ...]

    @property
    def columns(self) -> Schema:
        """The items' columns."""
        return tuple(item.column for item in self.items)


@dataclass(frozen=True, slots=True)
class Join:
    """Pairs of rows for which every predicate of ``on`` is true; none: all pairs."""

    kind: JoinKind
    left: Relation
    right: Relation
    on: tuple[exp.Expr, ...] = ()

    @property
    def columns(self) -> Schema:
        """The left side's columns, then the right side's where the kind keeps them."""
        if self.kind in (JoinKind.SEMI, JoinKind.ANTI):
            return self.left.columns
        return self.left.columns + self.right.columns


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One row for each distinct key; without keys exactly one row. Without calls: DISTINCT."""

    input: Relation
    keys: tuple[Item, ...]
    calls: tuple[Item, ...]

    @property
    def columns(self) -> Schema:
        """Keys, then calls."""
        return tuple(item.column for item in (*self.keys, *self.calls))


@dataclass(frozen=True, slots=True)
class Window:
    """The input with window functions that share the PARTITION BY ``partition`` appended."""

    input: Relation
    partition: tuple[exp.Expr, ...]
    items: tuple[Item, ...]

    @property
    def columns(self) -> Schema:
        """The input's columns, then the functions'."""
        return self.input.columns + tuple(item.column for item in self.items)


@dataclass(frozen=True, slots=True)
class Unnest:
    """A row for each element of the items' lists, side by side, padded with NULLs; rows with none are left out."""

    input: Relation
    items: tuple[Item, ...]

    @property
    def columns(self) -> Schema:
        """The input's columns, then the elements'."""
        return self.input.columns + tuple(item.column for item in self.items)


@dataclass(frozen=True, slots=True)
class Sort:
    """The input in order."""

    input: Relation
    terms: tuple[OrderTerm, ...]

    @property
    def columns(self) -> Schema:
        """The input's columns."""
        return self.input.columns


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``count`` rows after the first ``offset``; None: all of them. ``local``: of each task, without offset."""

    input: Relation
    count: int | None
    offset: int = 0
    local: bool = False

    @property
    def columns(self) -> Schema:
        """The input's columns."""
        return self.input.columns


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of the input by chance: each with probability ``share``, or ``count`` of them. One seed, one choice."""

    input: Relation
    seed: int
    share: Fraction | None = None
    count: int = 0

    @property
    def columns(self) -> Schema:
        """The input's columns."""
        return self.input.columns


@dataclass(frozen=True, slots=True)
class UnionAll:
    """The rows of all inputs, which have the same types by position; ``columns`` names them anew."""

    inputs: tuple[Relation, ...]
    columns: Schema


@dataclass(frozen=True, slots=True)
class Opaque:
    """SQL that only one task can run: over ``inputs``, which it sees under ``names``.

    ``reason`` says why it is not spread; ``ordered``: its rows come in an order that the query asked for; ``passes``:
    it gives its inputs' columns as they are, whatever these are.
    """

    inputs: tuple[Relation, ...]
    names: tuple[str, ...]
    sql: str
    columns: Schema
    reason: str
    ordered: bool = False
    passes: bool = False


Relation = (
    Scan
    | Values
    | Shared
    | Filter
    | Project
    | Join
    | Aggregate
    | Window
    | Unnest
    | Sort
    | Limit
    | Sample
    | UnionAll
    | Opaque
)


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query: its relation, the result's columns by position, and what is computed once for several readers.

    ``result`` are items over ``root`` whose columns have the names and types that the user gets. ``shared`` comes in
    an order in which each definition comes after those that it reads.
    """

    root: Relation
    result: tuple[Item, ...]
    shared: tuple[tuple[str, Relation], ...] = ()


def inputs_of(relation: Relation) -> tuple[Relation, ...]:
    """The relations that an operator reads."""
    match relation:
        case Join():
            return (relation.left, relation.right)
        case UnionAll() | Opaque():
            return relation.inputs
        case Scan() | Values() | Shared():
            return ()
    return (relation.input,)


def nodes_of(relation: Relation) -> Iterator[Relation]:
    """A relation and all that it is made of, each before what it reads."""
    yield relation
    for child in inputs_of(relation):
        yield from nodes_of(child)


def with_inputs(relation: Relation, inputs: tuple[Relation, ...]) -> Relation:
    """The same operator over other inputs."""
    if all(map(operator.is_, inputs, inputs_of(relation))):
        return relation
    match relation:
        case Join():
            return replace(relation, left=inputs[0], right=inputs[1])
        case UnionAll() | Opaque():
            return replace(relation, inputs=inputs)
        case Scan() | Values() | Shared():
            return relation
    return replace(relation, input=inputs[0])


def column(name: str) -> exp.Column:
    """A reference to a column, in the one form that all expressions of the algebra use."""
    return exp.Column(this=exp.to_identifier(name, quoted=True))


def names_of(relation: Relation) -> frozenset[str]:
    """The names of a relation's columns."""
    return frozenset([column.name for column in relation.columns])


def shared_names(relation: Relation) -> tuple[str, ...]:
    """The shared relations that a relation reads, each once, in the order of their first readers."""
    found: dict[str, None] = {}
    pending = [relation]
    while pending:
        node = pending.pop()
        if isinstance(node, Shared):
            found[node.name] = None
        pending += reversed(inputs_of(node))
    return tuple(found)
