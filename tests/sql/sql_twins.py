"""Random queries in which a table or a whole part stands more than once: what a planner may read or compute once.

Every query has one right answer as a multiset of rows, as in ``sql_statements``.
"""

from __future__ import annotations

from fuzz_tables import Shape, TableShape
from hypothesis import strategies as st
from sql_grammar import COMPARISONS, Rows, comparisons, expressions, joined, predicates, tables
from sql_statements import aggregates, listed

JOINED_BY = "nsmtpzejo"
"""Kinds by whose values tables are joined."""


@st.composite
def twins(draw: st.DrawFn, shape: Shape) -> str:
    """One query."""
    return draw(draw(st.sampled_from([_correlated, _existing, _repeated]))(shape))


def _named(table: TableShape, alias: str) -> Rows:
    return Rows(f"{table.name} {alias}", tuple((f"{alias}.{c}", kind) for c, kind in table.columns), (f"{alias}.k",))


@st.composite
def _pairs(draw: st.DrawFn, one: Rows, other: Rows) -> list[tuple[str, str]]:
    """One or two pairs of columns that may be equal."""
    kinds = [kind for kind in JOINED_BY if one.of(kind) and other.of(kind)]
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=2))
    return [(draw(st.sampled_from(one.of(kind))), draw(st.sampled_from(other.of(kind)))) for kind in chosen]


@st.composite
def _also(draw: st.DrawFn, rows: Rows) -> str:
    return f" AND {draw(comparisons(rows))}" if draw(st.booleans()) else ""


def _all_equal(pairs: list[tuple[str, str]]) -> str:
    return " AND ".join(f"{one} = {other}" for one, other in pairs)


@st.composite
def _correlated(draw: st.DrawFn, shape: Shape) -> str:
    """Rows of a table compared with an aggregate over the rows of that table that have the same keys."""
    outer = _named(draw(st.sampled_from(shape.tables)), "o")
    table = draw(st.sampled_from(shape.tables))
    rows, again = _named(table, "x"), _named(table, "y")
    pairs = draw(_pairs(rows, outer))
    inner = [("y" + one[1:], draw(st.sampled_from([one, other, other]))) for one, other in pairs]
    value = draw(expressions(rows, "n"))
    call = f"{draw(st.sampled_from(['min', 'max', 'avg', 'count']))}({draw(expressions(again, 'n'))})"
    subquery = f"SELECT {call} FROM {again.text} WHERE {_all_equal(inner)}{draw(_also(again))}"
    where = f"{draw(comparisons(outer))}{draw(_also(rows))}"
    compared = f"{value} {draw(st.sampled_from(COMPARISONS))} ({subquery})"
    join = draw(st.sampled_from(["", "", "", "LEFT "]))
    source = f"{outer.text} {join}JOIN {rows.text} ON {_all_equal(pairs)}"
    return f"SELECT x.k AS c0, o.k AS c1 FROM {source} WHERE {where} AND {compared}"


@st.composite
def _existing(draw: st.DrawFn, shape: Shape) -> str:
    """Rows for which others of one table are there, and others are not."""
    outer, table = _named(draw(st.sampled_from(shape.tables)), "o"), draw(st.sampled_from(shape.tables))
    pairs = draw(_pairs(_named(table, "x"), outer))
    terms = []
    for alias in ("x", "y"):
        rows = _named(table, alias)
        other = f"{draw(st.sampled_from(rows.of('n')))} <> {draw(st.sampled_from(outer.of('n')))}"
        equal = _all_equal([(alias + one[1:], other) for one, other in pairs])
        negated = draw(st.sampled_from(["", "NOT "]))
        terms.append(f"{negated}EXISTS (SELECT * FROM {rows.text} WHERE {equal} AND {other}{draw(_also(rows))})")
    return f"SELECT o.k AS c0 FROM {outer.text} WHERE {draw(comparisons(outer))} AND {' AND '.join(terms)}"


@st.composite
def _repeated(draw: st.DrawFn, shape: Shape) -> str:
    """One part of a query, twice, under other names."""
    rows = draw(joined(shape, draw(tables(shape, "w1")), draw(tables(shape, "w2"))))
    where = f" WHERE {draw(predicates(shape, rows))}" if draw(st.integers(0, 2)) else ""
    call, key = draw(aggregates(rows)), draw(expressions(rows, "n"))
    part = f"FROM {rows.text}{where}"
    match draw(st.integers(0, 3)):
        case 0:
            first = f"SELECT {key} AS c0, count(*) AS c1 {part} GROUP BY 1"
            return f"{first} HAVING count(*) > ({_renamed(f'SELECT 0.2 * count(*) {part}')})"
        case 1:
            values = listed([key, rows.number])
            return f"SELECT {values} {part} UNION ALL {_renamed(f'SELECT {values} {part}')}"
        case 2:
            second = _renamed(f"SELECT count(*) AS n {part}")
            return f"SELECT a.n AS c0, b.n AS c1 FROM (SELECT {call} AS n {part}) a, ({second}) b"
    grouped = f"SELECT {key} AS i, {call} AS v {part} GROUP BY 1"
    second = _renamed(f"SELECT {key} AS i {part}")
    return f"SELECT a.i AS c0, count(*) AS c1 FROM ({grouped}) a JOIN ({second}) b ON a.i = b.i GROUP BY 1"


def _renamed(part: str) -> str:
    return part.replace("w1", "v1").replace("w2", "v2")
