"""One scan where the same keys filter a table more than once.

A correlated subquery often reads a table that the query around it reads, too: the cheapest offer of each part, less
than the average of that part, another line of that order. Once the keys of a part of the query filter the one scan
(``key_filters``), the rows that they keep hold all that the other can use, as far as it is joined by the same keys. So
these rows are read once and shared. (Zuzarte et al., WinMagic, 2003, make such subqueries windows, for which keys have
to be unique; sharing does not ask for that.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from gristmill_sql.algebra import (
    Filter,
    Join,
    JoinKind,
    Project,
    Relation,
    Scan,
    Shared,
    Sort,
    column,
    inputs_of,
    names_of,
    nodes_of,
)
from gristmill_sql.copies import text_of
from gristmill_sql.expressions import is_volatile, substituted, unwrapped
from gristmill_sql.rules.rewriting import filtered, with_nodes

if TYPE_CHECKING:
    from gristmill_sql.rules import Knowledge


@dataclass(frozen=True, slots=True)
class _Key:
    """A column of a shared relation, as one of its readers gives it. Values of two columns belong together only where
    one reader gives both."""

    shared: str
    source: str
    reader: int


_Required = Mapping[str, frozenset[_Key]]
"""By column name: the keys among whose values a row's value has to be for the row to count."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """A scan with its filters that needs only rows of certain keys: each a column of the file, and where its values
    are. ``by`` is the relation with the keys where ``node`` already is a semi join with it."""

    node: Relation
    scan: Scan
    filters: tuple[exp.Expr, ...]
    keys: frozenset[tuple[str, _Key]]
    by: Shared | None = None
    on: tuple[exp.Expr, ...] = ()

    def needs(self) -> list[frozenset[tuple[str, str, str]]]:
        """For each reader of keys: the columns of the file, each with the shared column that has its values."""
        readers = {key.reader for _, key in self.keys}
        return [frozenset((c, k.shared, k.source) for c, k in self.keys if k.reader == each) for each in readers]

    def in_file(self, predicate: exp.Expr) -> str:
        """The predicate over the file's own columns, as text."""
        names = zip(self.scan.columns, self.scan.sources, strict=True)
        return text_of(substituted(predicate, {own.name: column(source) for own, source in names}))


def share_scans(relation: Relation, knowledge: Knowledge) -> Relation:
    """The relation with one scan instead of several where that spares enough."""
    keys = {
        own.name: _Key(shared.name, source, number)
        for number, shared in enumerate(nodes_of(relation))
        if isinstance(shared, Shared)
        for own, source in zip(shared.columns, shared.sources, strict=True)
    }
    if not keys or not knowledge.options.broadcast_bytes:
        return relation
    readers = list(_readers(relation, {}, keys))
    for filtering in readers:
        if filtering.by is None:
            continue
        group = [each for each in readers if _reads_the_same(each, filtering)]
        if len(group) > 1 and _pays(filtering, len(group), knowledge):
            return share_scans(with_nodes(relation, _shared(group, filtering, knowledge)), knowledge)
    return relation


# which scans need only rows of certain keys


def _readers(relation: Relation, required: _Required, keys: Mapping[str, _Key]) -> Iterator[_Reader]:
    """The scans below a relation of whose rows only those count that have what is ``required``."""
    match relation:
        case Join(JoinKind.SEMI, Scan() | Filter(input=Scan()) as rows, Shared() as by, on):
            pairs = [pair for predicate in on if (pair := _pair(predicate, keys)) and pair[0] in names_of(rows)]
            if len(pairs) == len(on):
                yield from _reader(relation, rows, pairs, by, on)
                return
        case Scan() | Filter(input=Scan()):
            yield from _reader(relation, relation, ((name, key) for name in required for key in required[name]))
            return
    for child, needed in _needed(relation, required, keys):
        yield from _readers(child, needed, keys)


def _reader(
    node: Relation,
    rows: Relation,
    keys: Iterable[tuple[str, _Key]],
    by: Shared | None = None,
    on: tuple[exp.Expr, ...] = (),
) -> Iterator[_Reader]:
    scan, filters = (rows.input, rows.predicates) if isinstance(rows, Filter) else (rows, ())
    assert isinstance(scan, Scan)
    sources = {own.name: source for own, source in zip(scan.columns, scan.sources, strict=True)}
    found = frozenset((sources[name], key) for name, key in keys if name in sources)
    if found and not any(map(is_volatile, filters)):
        yield _Reader(node, scan, filters, found, by, on)


def _needed(relation: Relation, required: _Required, keys: Mapping[str, _Key]) -> Iterator[tuple[Relation, _Required]]:
    """Each input, with what is required of its rows."""
    match relation:
        case Filter(below) | Sort(below) | Project(below):
            yield below, required
        case Join(kind, left, right, on):
            own: dict[str, frozenset[_Key]] = {}
            for name, key in filter(None, (_pair(predicate, keys) for predicate in on)):
                own[name] = own.get(name, frozenset()) | {key}
            both = {name: own.get(name, frozenset()) | required.get(name, frozenset()) for name in {*own, *required}}
            yield left, both if kind in (JoinKind.INNER, JoinKind.SEMI) else required if kind in _KEEPING_LEFT else {}
            yield right, both if kind is JoinKind.INNER else own if kind in _KEEPING_LEFT else {}
        case _:
            yield from ((child, {}) for child in inputs_of(relation))


_KEEPING_LEFT = (JoinKind.SEMI, JoinKind.ANTI, JoinKind.LEFT)


def _pair(predicate: exp.Expr, keys: Mapping[str, _Key]) -> tuple[str, _Key] | None:
    """The column that a predicate holds to be one of the keys, and which."""
    predicate = unwrapped(predicate)
    if not isinstance(predicate, exp.EQ):
        return None
    one, other = predicate.this, predicate.expression
    if not isinstance(one, exp.Column) or not isinstance(other, exp.Column):
        return None
    if other.name in keys:
        return one.name, keys[other.name]
    return (other.name, keys[one.name]) if one.name in keys else None


# the scan that they share


def _reads_the_same(one: _Reader, filtering: _Reader) -> bool:
    """Whether the rows of ``filtering`` hold all that ``one`` needs, its filters aside."""
    if one.scan.table.source != filtering.scan.table.source:
        return False
    (needed,) = filtering.needs()
    return one.needs() == [needed] if one.by is not None else any(needed <= each for each in one.needs())


def _pays(filtering: _Reader, readers: int, knowledge: Knowledge) -> bool:
    rows, kept = (knowledge.estimator.rows(each) for each in (filtering.scan, filtering.node))
    return knowledge.pays_to_share(rows, kept, readers)


def _shared(group: list[_Reader], filtering: _Reader, knowledge: Knowledge) -> dict[int, Relation]:
    """What stands in the place of each reader's node, by its id: what it reads of the one scan, under its filters."""
    assert filtering.by is not None
    texts = [{each.in_file(predicate) for predicate in each.filters} for each in group]
    common = set.intersection(*texts)
    types = {
        source: own.type for each in group for own, source in zip(each.scan.columns, each.scan.sources, strict=True)
    }
    columns = {source: knowledge.names.column(source, type_) for source, type_ in types.items()}
    scan = Scan(filtering.scan.table, tuple(columns.values()), tuple(columns))
    renamed = {
        own.name: column(columns[source].name)
        for own, source in zip(filtering.scan.columns, filtering.scan.sources, strict=True)
    }
    by, values = knowledge.read(filtering.by)
    on = tuple(substituted(predicate, renamed | values) for predicate in filtering.on)
    predicates = tuple(substituted(p, renamed) for p in filtering.filters if filtering.in_file(p) in common)
    shared = knowledge.share("rows", Join(JoinKind.SEMI, filtered(scan, predicates), by, on))
    return {
        id(each.node): filtered(
            Shared(shared.name, each.scan.columns, tuple(columns[source].name for source in each.scan.sources)),
            tuple(p for p in each.filters if each.in_file(p) not in common),
        )
        for each in group
    }
