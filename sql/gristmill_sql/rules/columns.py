"""Projection pushdown: every operator gives only the columns that something above it reads; scans read only those.

Runs last and over the whole query, since a shared relation keeps what any of its readers needs.
"""

from __future__ import annotations

from dataclasses import replace

from gristmill_sql.algebra import (
    Aggregate,
    Filter,
    Item,
    Join,
    Opaque,
    Project,
    Query,
    Relation,
    Scan,
    Shared,
    UnionAll,
    Unnest,
    Values,
    Window,
    column,
    inputs_of,
    names_of,
    with_inputs,
)
from gristmill_sql.decorrelate import expressions_of
from gristmill_sql.expressions import columns_of_all


def prune_columns(query: Query) -> Query:
    """The query without columns that nobody reads."""
    wanted: dict[str, set[str]] = {name: set() for name, _ in query.shared}
    root = _prune(query.root, columns_of_all(item.value for item in query.result), wanted)
    shared = []
    for name, relation in reversed(query.shared):
        needed = frozenset(wanted[name]) or frozenset([relation.columns[0].name])
        shared.append((name, _only(_prune(relation, needed, wanted), needed)))
    return replace(query, root=root, shared=tuple(reversed(shared)))


def _prune(relation: Relation, needed: frozenset[str], wanted: dict[str, set[str]]) -> Relation:
    match relation:
        case Scan():
            return _cut_scan(relation, needed)
        case Shared():
            return _cut_shared(relation, needed, wanted)
        case Values():
            return relation
        case Project():
            kept = tuple(item for item in relation.items if item.column.name in needed) or relation.items[:1]
            relation = replace(relation, items=kept)
        case Aggregate():
            calls = tuple(item for item in relation.calls if item.column.name in needed)
            if not relation.keys and not calls:
                calls = relation.calls[:1]
            relation = replace(relation, calls=calls)
        case Window():
            relation = replace(relation, items=tuple(i for i in relation.items if i.column.name in needed))
            if not relation.items:
                return _prune(relation.input, needed, wanted)
        case UnionAll():
            return _cut_union(relation, needed, wanted)
        case Opaque():
            read = [names_of(child) if not relation.passes else needed & names_of(child) for child in relation.inputs]
            inputs = tuple(_prune(child, names, wanted) for child, names in zip(relation.inputs, read, strict=True))
            given = tuple(c for child in inputs for c in child.columns) if relation.passes else relation.columns
            return with_inputs(replace(relation, columns=given), inputs)
    passed = needed if isinstance(relation, Filter | Join | Window | Unnest) or _passes(relation) else frozenset()
    below = passed | columns_of_all(expressions_of(relation))
    inputs = tuple([_prune(child, below, wanted) for child in inputs_of(relation)])
    return _merged(with_inputs(relation, inputs))


def _only(relation: Relation, needed: frozenset[str]) -> Relation:
    """The relation without columns that only its own operators read."""
    if names_of(relation) <= needed:
        return relation
    return Project(relation, tuple(Item(c, column(c.name)) for c in relation.columns if c.name in needed))


def _passes(relation: Relation) -> bool:
    return not isinstance(relation, Project | Aggregate)


def _cut_scan(scan: Scan, needed: frozenset[str]) -> Scan:
    pairs = list(zip(scan.columns, scan.sources, strict=True))
    kept = [pair for pair in pairs if pair[0].name in needed] or pairs[:1]
    return replace(scan, columns=tuple(c for c, _ in kept), sources=tuple(s for _, s in kept))


def _cut_shared(shared: Shared, needed: frozenset[str], wanted: dict[str, set[str]]) -> Shared:
    pairs = list(zip(shared.columns, shared.sources, strict=True))
    kept = [pair for pair in pairs if pair[0].name in needed] or pairs[:1]
    wanted[shared.name] |= {source for _, source in kept}
    return replace(shared, columns=tuple(c for c, _ in kept), sources=tuple(s for _, s in kept))


def _cut_union(union: UnionAll, needed: frozenset[str], wanted: dict[str, set[str]]) -> UnionAll:
    kept = [i for i, c in enumerate(union.columns) if c.name in needed] or [0]
    inputs = []
    for branch in union.inputs:
        items = tuple(Item(branch.columns[i], column(branch.columns[i].name)) for i in kept)
        inputs.append(_prune(Project(branch, items), frozenset(i.column.name for i in items), wanted))
    return UnionAll(tuple(inputs), tuple(union.columns[i] for i in kept))


def _merged(relation: Relation) -> Relation:
    """A projection over a projection as one, where that computes nothing twice."""
    if not isinstance(relation, Project) or not isinstance(relation.input, Project):
        return relation
    inner = relation.input
    if all(item.passes for item in relation.items):
        values = {item.column.name: item for item in inner.items}
        return Project(inner.input, tuple(values[item.column.name] for item in relation.items))
    if all(item.passes for item in inner.items):
        return replace(relation, input=inner.input)
    return relation
