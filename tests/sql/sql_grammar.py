"""Random queries over the tables ``t`` and ``u``: a small grammar that draws only what DuckDB accepts."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

NUMBERS = ("id", "a", "b", "tiny")
COLUMNS = {
    "t": {"id": "n", "a": "n", "b": "n", "tiny": "n", "d": "f", "m": "m", "s": "s", "day": "t", "flag": "b"},
    "u": {"uid": "n", "a": "n", "d": "f", "m": "m", "s": "s", "day": "t"},
    "nothing": {"a": "n", "s": "s", "d": "f"},
    "one": {"a": "n", "s": "s"},
}
LITERALS = {"n": ["0", "1", "3", "-2", "17"], "f": ["0.0", "2.5", "'nan'::DOUBLE"], "m": ["12.5", "100000"],
            "s": ["'x'", "'y'", "''"], "t": ["DATE '2024-01-15'", "DATE '2024-02-03'"], "b": ["true"]}  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """Something for FROM, and its columns with the letter of their kind."""

    text: str
    columns: tuple[tuple[str, str], ...]

    def of(self, kinds: str) -> list[str]:
        return [name for name, kind in self.columns if kind in kinds]


@st.composite
def tables(draw: st.DrawFn, alias: str) -> Rows:
    name = draw(st.sampled_from(["t", "t", "u", "u", "one", "nothing"]))
    columns = tuple((f"{alias}.{column}", kind) for column, kind in COLUMNS[name].items())
    if draw(st.integers(0, 4)) == 0:
        where = draw(predicates(Rows(name, tuple((f"{name}.{c}", k) for c, k in COLUMNS[name].items()))))
        return Rows(f"(SELECT * FROM {name} WHERE {where}) {alias}", columns)
    return Rows(f"{name} {alias}", columns)


@st.composite
def expressions(draw: st.DrawFn, rows: Rows, kind: str) -> str:
    names = rows.of(kind)
    if not names or draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from(LITERALS[kind]))
    name = draw(st.sampled_from(names))
    shape = draw(st.integers(0, 5))
    if kind == "n" and shape == 0:
        return f"({name} + {draw(st.sampled_from(names))})"
    if kind == "n" and shape == 1:
        return f"coalesce({name}, 1)"
    if kind == "s" and shape == 0:
        return f"upper({name})"
    if shape == 2:
        return f"CASE WHEN {draw(comparisons(rows))} THEN {name} END"
    return name


@st.composite
def comparisons(draw: st.DrawFn, rows: Rows) -> str:
    kind = draw(st.sampled_from([k for _, k in rows.columns]))
    if kind == "b":
        return draw(st.sampled_from(rows.of("b")))
    left = draw(st.sampled_from(rows.of(kind)))
    right = draw(st.sampled_from([*LITERALS[kind], *rows.of(kind)]))
    match draw(st.integers(0, 8)):
        case 0:
            return f"{left} IS NULL"
        case 1:
            return f"{left} IN ({', '.join(LITERALS[kind])})"
        case 2:
            return f"{left} BETWEEN {draw(st.sampled_from(LITERALS[kind]))} AND {right}"
        case 3:
            return f"{left} IS DISTINCT FROM {right}"
    return f"{left} {draw(st.sampled_from(['=', '<>', '<', '<=', '>', '>=']))} {right}"


@st.composite
def subqueries(draw: st.DrawFn, rows: Rows) -> str:
    inner = draw(tables("q"))
    kind = draw(st.sampled_from([k for k in ("n", "s") if rows.of(k) and inner.of(k)] or ["n"]))
    if not rows.of(kind) or not inner.of(kind):
        return "true"
    outside, inside = draw(st.sampled_from(rows.of(kind))), draw(st.sampled_from(inner.of(kind)))
    where = draw(predicates(inner, depth=0))
    match draw(st.integers(0, 5)):
        case 0:
            return f"{outside} IN (SELECT {inside} FROM {inner.text} WHERE {where})"
        case 1:
            return f"{outside} NOT IN (SELECT {inside} FROM {inner.text} WHERE {where})"
        case 2:
            return f"EXISTS (SELECT 1 FROM {inner.text} WHERE {inside} = {outside} AND {where})"
        case 3:
            return f"NOT EXISTS (SELECT 1 FROM {inner.text} WHERE {inside} = {outside} AND {where})"
        case 4:
            return f"{outside} >= (SELECT min({inside}) FROM {inner.text} WHERE {where})"
    name = draw(st.sampled_from(inner.of("n")))
    return f"(SELECT count({name}) FROM {inner.text} WHERE {inside} = {outside}) < {draw(st.integers(0, 4))}"


@st.composite
def predicates(draw: st.DrawFn, rows: Rows, depth: int = 1) -> str:
    terms = draw(st.lists(comparisons(rows), min_size=1, max_size=2))
    if depth and draw(st.integers(0, 3)) == 0:
        terms.append(draw(subqueries(rows)))
    if depth and draw(st.integers(0, 3)) == 0:
        return f"({' AND '.join(terms)} OR {draw(comparisons(rows))})"
    if draw(st.integers(0, 9)) == 0:
        return f"NOT ({' AND '.join(terms)})"
    return " AND ".join(terms)


@st.composite
def sources(draw: st.DrawFn) -> Rows:
    rows = draw(tables("x"))
    for alias in ("y", "z")[: draw(st.integers(0, 2))]:
        other = draw(tables(alias))
        kind = draw(st.sampled_from(["n", "n", "s"]))
        on = f"{draw(st.sampled_from(rows.of(kind)))} = {draw(st.sampled_from(other.of(kind)))}"
        both = Rows("", rows.columns + other.columns)
        if draw(st.integers(0, 3)) == 0:
            on += f" AND {draw(comparisons(both))}"
        join = draw(st.sampled_from(["", "", "LEFT ", "RIGHT ", "FULL ", "SEMI ", "ANTI "]))
        if join in ("RIGHT ", "FULL ") and " AND " in on:
            on = on.partition(" AND ")[0]
        kept = rows.columns if join in ("SEMI ", "ANTI ") else both.columns
        rows = Rows(f"{rows.text} {join}JOIN {other.text} ON {on}", kept)
    return rows


@st.composite
def aggregates(draw: st.DrawFn, rows: Rows) -> str:
    number = draw(expressions(rows, "n"))
    distinct = draw(st.sampled_from(["", "", "DISTINCT "]))
    call = draw(
        st.sampled_from(
            [
                "count(*)",
                f"count({distinct}{number})",
                f"sum({distinct}{number})",
                f"avg({number})",
                f"min({number})",
                f"max({draw(expressions(rows, 's'))})",
                f"median({number})",
                f"avg({draw(expressions(rows, 'm'))})",
                f"bool_or({draw(comparisons(rows))})",
            ]
        )
    )
    return f"{call} FILTER (WHERE {draw(comparisons(rows))})" if draw(st.integers(0, 6)) == 0 else call


@st.composite
def queries(draw: st.DrawFn) -> str:
    """One SELECT: plain, grouped, distinct, with windows, ordered and limited in a total order, or a set operation."""
    if draw(st.integers(0, 7)) == 0:
        operator = draw(st.sampled_from(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]))
        one, other = (draw(tables(alias)) for alias in "xy")
        pairs = [(rows, draw(expressions(rows, "n")), draw(expressions(rows, "s"))) for rows in (one, other)]
        sides = [f"SELECT {number} AS n, {text} AS s FROM {rows.text}" for rows, number, text in pairs]
        return f" {operator} ".join(sides) + draw(st.sampled_from(["", " ORDER BY ALL LIMIT 7"]))
    rows = draw(sources())
    where = f" WHERE {draw(predicates(rows))}" if draw(st.booleans()) else ""
    kinds = draw(st.lists(st.sampled_from("nnsftm"), min_size=1, max_size=3))
    values = [draw(expressions(rows, kind)) for kind in kinds]
    end = draw(
        st.sampled_from(["", "", " ORDER BY ALL", " ORDER BY ALL DESC LIMIT 6", " ORDER BY ALL LIMIT 4 OFFSET 2"])
    )
    if draw(st.booleans()):
        calls = draw(st.lists(aggregates(rows), min_size=1, max_size=3))
        having = f" HAVING {draw(aggregates(rows))} IS NOT NULL" if draw(st.integers(0, 3)) == 0 else ""
        if draw(st.integers(0, 4)) == 0:
            return f"SELECT {_listed(calls)} FROM {rows.text}{where}{having}{end}"
        return f"SELECT {_listed([*values, *calls])} FROM {rows.text}{where} GROUP BY {_ordinals(values)}{having}{end}"
    if draw(st.integers(0, 4)) == 0:
        key = draw(st.sampled_from([name for name, _ in rows.columns]))
        values.append(f"count(*) OVER (PARTITION BY {key})")
    distinct = draw(st.sampled_from(["", "", "DISTINCT "]))
    return f"SELECT {distinct}{_listed(values)} FROM {rows.text}{where}{end}"


def _listed(values: list[str]) -> str:
    return ", ".join(f"{value} AS c{number}" for number, value in enumerate(values))


def _ordinals(values: list[str]) -> str:
    return ", ".join(str(number + 1) for number in range(len(values)))
