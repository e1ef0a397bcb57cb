"""Random parts of queries over a random database: sources, expressions, predicates and subqueries.

Only what DuckDB accepts is drawn, as far as a small grammar can know that. Kinds of columns are letters, as in
``fuzz_tables``; ``k`` is a row's number.
"""

from __future__ import annotations

from dataclasses import dataclass

from fuzz_tables import Shape
from hypothesis import strategies as st

LITERALS = {
    "n": ["0", "1", "3", "-2", "17", "NULL::INTEGER"],
    "k": ["0", "3", "5"],
    "f": ["0.0::DOUBLE", "2.5::DOUBLE", "'nan'::DOUBLE", "1.5::FLOAT"],
    "m": ["12.5", "100000", "0.00", "NULL::DECIMAL(5,1)"],
    "s": ["'x'", "'y'", "''", "NULL::VARCHAR"],
    "t": ["DATE '2024-01-15'", "DATE '2024-02-03'"],
    "b": ["true", "NULL::BOOLEAN"],
    "l": ["[1, 2]", "[]::INTEGER[]"],
    "r": ["{'p': 1, 'q': 'x'}"],
    "p": ["TIMESTAMP '2024-03-31 01:30:00'", "TIMESTAMP '2024-01-15'", "NULL::TIMESTAMP"],
    "z": ["TIMESTAMPTZ '2024-03-31 01:30:00+02'", "TIMESTAMPTZ '2024-01-15 00:00:00Z'"],
    "v": ["INTERVAL 3 DAY", "INTERVAL '-2 hours'"],
    "e": ["TIME '12:30:00'", "TIME '23:59:59.999999'"],
    "o": ["'x'::BLOB", "'\\x00\\xFF'::BLOB"],
    "j": ["'00000000-0000-0000-0000-000000000001'::UUID"],
    "h": ["MAP {'x': 1}", "NULL::MAP(VARCHAR, INTEGER)"],
    "g": ["[{'p': 1, 'q': 'x'}]", "NULL::STRUCT(p INTEGER, q VARCHAR)[]"],
}
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")


@dataclass(frozen=True)
class Rows:
    """Something for FROM, and its columns with the letter of their kind; ``keys`` together number its rows."""

    text: str
    columns: tuple[tuple[str, str], ...]
    keys: tuple[str, ...] = ()

    def of(self, kinds: str) -> list[str]:
        """The columns of any of those kinds."""
        return [name for name, kind in self.columns if kind in kinds]

    @property
    def number(self) -> str:
        """A column of small integers, which may repeat."""
        return self.of("k")[0]


@st.composite
def tables(draw: st.DrawFn, shape: Shape, alias: str) -> Rows:
    """A table, a filtered, grouped or united derived table, or constant rows."""
    table = draw(st.sampled_from(shape.tables))
    columns = tuple((f"{alias}.{column}", kind) for column, kind in table.columns)
    own = Rows(table.name, tuple((f"{table.name}.{c}", k) for c, k in table.columns))
    keys = (f"{alias}.k",)
    match draw(st.integers(0, 13)):
        case 0:
            return Rows(f"(SELECT * FROM {table.name} WHERE {draw(predicates(shape, own))}) {alias}", columns, keys)
        case 1:
            sides = " UNION ALL ".join([f"SELECT *, {i} AS side FROM {table.name}" for i in range(2)])
            return Rows(f"({sides}) {alias}", (*columns, (f"{alias}.side", "n")), (*keys, f"{alias}.side"))
        case 2:
            name = draw(st.sampled_from([c for c, k in table.columns if k in "nsmtfpojer"]))
            text = f"(SELECT {name}, count(*) AS k FROM {table.name} GROUP BY {name}) {alias}"
            kind = dict(table.columns)[name]
            return Rows(text, ((f"{alias}.{name}", kind), (f"{alias}.k", "k")), (f"{alias}.{name}",))
        case 3:
            text = f"(VALUES (1, 'x', 0), (2, NULL, 1), (NULL, 'y', 2)) {alias}(a, s, k)"
            return Rows(text, ((f"{alias}.a", "n"), (f"{alias}.s", "s"), (f"{alias}.k", "k")), keys)
        case 4:
            text = f"(SELECT * FROM {table.name} ORDER BY k DESC LIMIT {draw(st.integers(0, 6))}) {alias}"
            return Rows(text, columns, keys)
    return Rows(f"{table.name} {alias}", columns, keys)


@st.composite
def sources(draw: st.DrawFn, shape: Shape) -> Rows:
    """One to three tables, joined in every way."""
    rows = draw(tables(shape, "x"))
    for alias in ("y", "z")[: draw(st.sampled_from([0, 0, 1, 1, 1, 2]))]:
        rows = draw(joined(shape, rows, draw(tables(shape, alias))))
    return rows


@st.composite
def joined(draw: st.DrawFn, shape: Shape, rows: Rows, other: Rows) -> Rows:
    """Both, joined in any way."""
    both = Rows("", rows.columns + other.columns)
    join = draw(st.sampled_from(["", "", "LEFT ", "LEFT ", "RIGHT ", "FULL ", "SEMI ", "ANTI ", "CROSS ", "ASOF "]))
    if join == "CROSS ":
        return Rows(f"{rows.text} CROSS JOIN {other.text}", both.columns, rows.keys + other.keys)
    kinds = [k for k in "nnsmftnsmtpzvojerlhg" if rows.of(k) and other.of(k)]
    kind = draw(st.sampled_from(kinds or ["k"]))
    if not (rows.of(kind) and other.of(kind)):
        return Rows(f"{rows.text} CROSS JOIN {other.text}", both.columns, rows.keys + other.keys)
    left, right = draw(st.sampled_from(rows.of(kind))), draw(st.sampled_from(other.of(kind)))
    if join == "ASOF ":
        on = f"{left} = {right} AND {rows.number} >= {other.keys[0]}"
        if len(other.keys) > 1 or other.of("k") != [other.keys[0]]:
            join, on = "", f"{left} = {right}"
    elif join == "" and draw(st.integers(0, 4)) == 0:
        on = f"{left} {draw(st.sampled_from(COMPARISONS))} {right}"
    else:
        on = f"{left} {draw(st.sampled_from(['=', '=', '=', '=', 'IS NOT DISTINCT FROM']))} {right}"
        if draw(st.integers(0, 3)) == 0:
            on += f" AND {draw(comparisons(both))}"
    kept = rows.columns if join in ("SEMI ", "ANTI ") else both.columns
    keys = rows.keys if join in ("SEMI ", "ANTI ") else rows.keys + other.keys
    return Rows(f"{rows.text} {join}JOIN {other.text} ON {on}", kept, keys)


@st.composite
def expressions(draw: st.DrawFn, rows: Rows, kind: str) -> str:
    """A value of that kind."""
    names = rows.of(kind)
    if not names or draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from(LITERALS[kind]))
    name = draw(st.sampled_from(names))
    shape = draw(st.integers(0, 8))
    if shape == 0:
        return _changed(name, kind, draw(st.sampled_from(names)))
    if shape == 1:
        return f"coalesce({name}, {draw(st.sampled_from(names))})"
    if shape == 2:
        return f"CASE WHEN {draw(comparisons(rows))} THEN {name} END"
    return name


def _changed(name: str, kind: str, other: str) -> str:
    match kind:
        case "n" | "k":
            return f"({name}::HUGEINT + {other}::HUGEINT)"
        case "s":
            return f"upper({name})"
        case "f":
            return f"abs({name})"
        case "m":
            return f"round({name}, 1)"
        case "t":
            return f"date_trunc('month', {name})"
        case "b":
            return f"(NOT {name})"
        case "l" | "g":
            return f"list_reverse({name})"
        case "p" | "z" | "e":
            return f"({name} + INTERVAL 90 MINUTE)"
        case "v":
            return f"({name} + {other})"
        case "o":
            return f"({name} || {other})"
        case "j" | "h":
            return name
    return f"{name}.q"


@st.composite
def comparisons(draw: st.DrawFn, rows: Rows) -> str:
    """A simple predicate."""
    kind = draw(st.sampled_from([k for _, k in rows.columns]))
    if kind == "b":
        return draw(st.sampled_from(rows.of("b")))
    left = draw(st.sampled_from(rows.of(kind)))
    right = draw(st.sampled_from([*LITERALS[kind], *rows.of(kind)]))
    match draw(st.integers(0, 9)):
        case 0:
            return f"{left} IS NULL"
        case 1:
            return f"{left} IN ({', '.join(LITERALS[kind])})"
        case 2:
            return f"{left} BETWEEN {draw(st.sampled_from(LITERALS[kind]))} AND {right}"
        case 3:
            return f"{left} IS DISTINCT FROM {right}"
        case 4:
            return f"{left} NOT IN ({', '.join(LITERALS[kind][:2])})"
    return f"{left} {draw(st.sampled_from(COMPARISONS))} {right}"


@st.composite
def predicates(draw: st.DrawFn, shape: Shape, rows: Rows, depth: int = 1) -> str:
    """Any predicate: conjunctions, disjunctions, negations, subqueries."""
    terms = draw(st.lists(comparisons(rows), min_size=1, max_size=2))
    if depth and draw(st.integers(0, 2)) == 0:
        terms.append(draw(subqueries(shape, rows)))
    if draw(st.integers(0, 4)) == 0:
        return f"({' AND '.join(terms)} OR {draw(comparisons(rows))})"
    if draw(st.integers(0, 9)) == 0:
        return f"NOT ({' AND '.join(terms)})"
    return " AND ".join(terms)


@st.composite
def subqueries(draw: st.DrawFn, shape: Shape, rows: Rows) -> str:
    """A predicate with a subquery, correlated or not."""
    inner = draw(tables(shape, "q"))
    kinds = [k for k in "nsmtfnsmtpzvojer" if rows.of(k) and inner.of(k)]
    if not kinds:
        return "true"
    kind = draw(st.sampled_from(kinds))
    outside, inside = draw(st.sampled_from(rows.of(kind))), draw(st.sampled_from(inner.of(kind)))
    where = draw(predicates(shape, inner, depth=0))
    if draw(st.integers(0, 4)) == 0:
        where += f" AND {draw(comparisons(Rows('', rows.columns + inner.columns)))}"
    source = f"FROM {inner.text} WHERE {where}"
    negated = draw(st.sampled_from(["", "NOT "]))
    match draw(st.integers(0, 9)):
        case 0 | 1:
            return f"{outside} {negated}IN (SELECT {inside} {source})"
        case 2 | 3:
            return f"{negated}EXISTS (SELECT 1 {source} AND {inside} = {outside})"
        case 4:
            return f"{outside} >= (SELECT {draw(st.sampled_from(['min', 'max']))}({inside}) {source})"
        case 5:
            compared = draw(st.sampled_from(COMPARISONS))
            return f"{outside} {compared} {draw(st.sampled_from(['ANY', 'ALL']))} (SELECT {inside} {source})"
        case 6:
            order = ", ".join(f"{key} DESC" for key in inner.keys)
            return f"{outside} = (SELECT {inside} {source} AND {inside} = {outside} ORDER BY {order} LIMIT 1)"
        case 7:
            return f"{negated}EXISTS (SELECT 1 {source} AND {draw(nested(shape, rows, inner))})"
    name = draw(st.sampled_from([c for c, _ in inner.columns]))
    return f"(SELECT count({name}) {source} AND {inside} = {outside}) < {draw(st.integers(0, 4))}"


@st.composite
def nested(draw: st.DrawFn, shape: Shape, rows: Rows, between: Rows) -> str:
    """A predicate of ``between`` with a subquery that also uses columns of ``rows``, two levels out."""
    inner = draw(tables(shape, "r"))
    near = draw(comparisons(Rows("", between.columns + inner.columns)))
    far = draw(comparisons(Rows("", rows.columns + inner.columns)))
    compared = draw(st.sampled_from(COMPARISONS))
    call = f"{draw(st.sampled_from(['min', 'count']))}({inner.number})"
    return f"{between.number} {compared} (SELECT {call} FROM {inner.text} WHERE {near} AND {far})"
