"""Random whole queries over a random database, made of the parts in ``sql_grammar``.

Every query has one right answer as a multiset of rows: LIMIT comes with an order over all output columns, functions
that depend on an order get a total one.
"""

from __future__ import annotations

from fuzz_tables import Shape
from hypothesis import strategies as st
from sql_corners import corners
from sql_grammar import Rows, comparisons, expressions, predicates, sources, subqueries, tables

ENDS = ("", "", "", " ORDER BY ALL", " ORDER BY ALL DESC LIMIT 6", " ORDER BY ALL NULLS FIRST LIMIT 4 OFFSET 2")
FRAMES = (
    "",
    "",
    " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
    " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW",
    " ROWS BETWEEN 3 PRECEDING AND 2 PRECEDING",
    " ROWS BETWEEN 2 FOLLOWING AND 4 FOLLOWING",
    " ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
    " RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
    " GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW",
)


@st.composite
def queries(draw: st.DrawFn, shape: Shape) -> str:
    """One query."""
    match draw(st.integers(0, 19)):
        case 0 | 1:
            return draw(_set_operations(shape))
        case 2 | 3 | 4 | 5 | 6:
            return draw(_grouped(shape))
        case 7 | 8:
            return draw(_windowed(shape))
        case 9:
            return draw(_shared(shape))
        case 10:
            return draw(st.one_of(_rare(shape), _shaped(shape)))
        case 11 | 12 | 13 | 14 | 15:
            return draw(corners(shape))
    return draw(_plain(shape))


def listed(values: list[str]) -> str:
    """A SELECT list of values, named by position."""
    return ", ".join(f"{value} AS c{number}" for number, value in enumerate(values))


@st.composite
def _values(draw: st.DrawFn, rows: Rows) -> list[str]:
    kinds = draw(st.lists(st.sampled_from("nnsftmbknnsftmbkpveojhgrl"), min_size=1, max_size=3))
    return [draw(expressions(rows, kind)) for kind in kinds]


@st.composite
def _where(draw: st.DrawFn, shape: Shape, rows: Rows) -> str:
    return f" WHERE {draw(predicates(shape, rows))}" if draw(st.booleans()) else ""


@st.composite
def _plain(draw: st.DrawFn, shape: Shape) -> str:
    rows = draw(sources(shape))
    values = draw(_values(rows))
    if draw(st.integers(0, 4)) == 0:
        values.append(f"({draw(subqueries(shape, rows))})")
    if draw(st.integers(0, 6)) == 0:
        values.append(draw(_scalars(shape, rows)))
    distinct = draw(st.sampled_from(["", "", "", "DISTINCT "]))
    return f"SELECT {distinct}{listed(values)} FROM {rows.text}{draw(_where(shape, rows))}{draw(st.sampled_from(ENDS))}"


@st.composite
def _scalars(draw: st.DrawFn, shape: Shape, rows: Rows) -> str:
    inner = draw(tables(shape, "w"))
    kinds = [k for k in "nst" if rows.of(k) and inner.of(k)]
    if not kinds:
        return f"(SELECT count(*) FROM {inner.text})"
    kind = draw(st.sampled_from(kinds))
    call = draw(aggregates(inner))
    compared = draw(st.sampled_from(["=", "=", "=", "<"]))
    pair = f"{draw(st.sampled_from(inner.of(kind)))} {compared} {draw(st.sampled_from(rows.of(kind)))}"
    return f"(SELECT {call} FROM {inner.text} WHERE {pair})"


@st.composite
def aggregates(draw: st.DrawFn, rows: Rows) -> str:
    """The call of an aggregate."""
    number = draw(expressions(rows, "n"))
    text = draw(expressions(rows, "s"))
    order = ", ".join(rows.keys)
    condition = draw(comparisons(rows))
    calls = [
        "count(*)",
        f"count({number})",
        f"count(DISTINCT {number})",
        f"count(DISTINCT {text})",
        f"sum({number})",
        f"sum(DISTINCT {number})",
        f"avg({number})",
        f"avg(DISTINCT {number})",
        f"min({number})",
        f"max({text})",
        f"min({draw(expressions(rows, 'f'))})",
        f"max({draw(expressions(rows, 't'))})",
        f"median({number})",
        f"median(DISTINCT {number})",
        f"median({draw(expressions(rows, 'm'))})",
        f"quantile_disc({text}, 0.75)",
        f"quantile_disc({number}, 0.3)",
        f"quantile_cont({number}, [0.25, 0.75])",
        f"stddev_samp({number})",
        f"sum({draw(expressions(rows, 'm'))})",
        f"avg({draw(expressions(rows, 'm'))})",
        f"sum({draw(expressions(rows, 'f'))})",
        f"bool_or({condition})",
        f"bool_and({condition})",
        f"count_if({condition})",
        f"string_agg({text}, ',' ORDER BY {order})",
        f"list({number} ORDER BY {order})",
        f"first({text} ORDER BY {order})",
        f"arg_max({text}, {rows.keys[0]})" if len(rows.keys) == 1 else "count(*)",
        f"list_sort(list(DISTINCT {text}))",
    ]
    call = draw(st.sampled_from(calls))
    if draw(st.integers(0, 6)) == 0 and not call.startswith("list_sort"):
        return f"{call} FILTER (WHERE {draw(comparisons(rows))})"
    return call


@st.composite
def _grouped(draw: st.DrawFn, shape: Shape) -> str:
    rows = draw(sources(shape))
    where = draw(_where(shape, rows))
    calls = draw(st.lists(aggregates(rows), min_size=1, max_size=3))
    having = f" HAVING {draw(aggregates(rows))} IS NOT NULL" if draw(st.integers(0, 3)) == 0 else ""
    end = draw(st.sampled_from(ENDS))
    if draw(st.integers(0, 3)) == 0:
        return f"SELECT {listed(calls)} FROM {rows.text}{where}{having}{end}"
    if draw(st.integers(0, 2)) == 0:
        return draw(_grouping_sets(rows, where, calls, having, end))
    values = draw(_values(rows))
    keys = ", ".join(str(number + 1) for number in range(len(values)))
    return f"SELECT {listed([*values, *calls])} FROM {rows.text}{where} GROUP BY {keys}{having}{end}"


@st.composite
def _grouping_sets(draw: st.DrawFn, rows: Rows, where: str, calls: list[str], having: str, end: str) -> str:
    names = [name for name, kind in rows.columns if kind in "nsmtbpojer"] or [rows.keys[0]]
    keys = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
    one, both = keys[0], ", ".join(keys)
    clause = draw(
        st.sampled_from(
            [f"ROLLUP ({both})", f"CUBE ({both})", f"GROUPING SETS (({both}), ())", f"GROUPING SETS ({one}, ({both}))"]
        )
    )
    if draw(st.integers(0, 2)) == 0:
        calls = [*calls, f"grouping({one})"]
    return f"SELECT {listed([*keys, *calls])} FROM {rows.text}{where} GROUP BY {clause}{having}{end}"


@st.composite
def _windowed(draw: st.DrawFn, shape: Shape) -> str:
    rows = draw(sources(shape))
    values = draw(_values(rows))
    total = ", ".join(rows.keys)
    for _ in range(draw(st.integers(1, 2))):
        by = [name for name, kind in rows.columns if kind in "nsmtfbpzvoj"] or [rows.keys[0]]
        partition = f"PARTITION BY {draw(st.sampled_from(by))} " if draw(st.integers(0, 3)) else ""
        order = f"ORDER BY {draw(st.sampled_from(by))} DESC, {total}"
        number = draw(expressions(rows, "n"))
        function, needs_order = draw(
            st.sampled_from(
                [
                    ("count(*)", False),
                    (f"sum({number})", False),
                    (f"max({number})", False),
                    ("row_number()", True),
                    ("rank()", True),
                    ("ntile(3)", True),
                    ("ntile(8)", True),
                    ("percent_rank()", True),
                    ("cume_dist()", True),
                    (f"lag({number}, 1)", True),
                    (f"lead({number}, 3)", True),
                    (f"last_value({number})", True),
                    (f"nth_value({number}, 2)", True),
                    (f"first_value({number})", True),
                    (f"avg({number})", True),
                ]
            )
        )
        frame = draw(st.sampled_from(FRAMES)) if needs_order and "(" in function[3:5] + function[-2:] else ""
        if function.startswith(("row_number", "rank", "ntile", "lag", "lead", "percent_rank", "cume_dist")):
            frame = ""
        values.append(f"{function} OVER ({partition}{order if needs_order else ''}{frame})")
    end = draw(st.sampled_from(ENDS))
    where = draw(_where(shape, rows))
    qualify = f" QUALIFY row_number() OVER (PARTITION BY {rows.keys[0]} ORDER BY {total}) < 3"
    return f"SELECT {listed(values)} FROM {rows.text}{where}{draw(st.sampled_from(['', '', qualify]))}{end}"


@st.composite
def _set_operations(draw: st.DrawFn, shape: Shape) -> str:
    names = ["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"]
    kinds = draw(st.lists(st.sampled_from("nsmtfnsmtfpvojer"), min_size=1, max_size=2))
    sides = []
    for alias in "xyz"[: draw(st.integers(2, 3))]:
        rows = draw(tables(shape, alias))
        values = listed([draw(expressions(rows, kind)) for kind in kinds])
        sides.append(f"SELECT {values} FROM {rows.text}{draw(_where(shape, rows))}")
    text = sides[0]
    for side in sides[1:]:
        text += f" {draw(st.sampled_from(names))} {side}"
    return text + draw(st.sampled_from(["", "", " ORDER BY ALL LIMIT 7"]))


@st.composite
def _shared(draw: st.DrawFn, shape: Shape) -> str:
    """A common table expression that is read twice."""
    inner = draw(st.one_of(_plain(shape), _grouped(shape)))
    if draw(st.booleans()):
        return f"WITH s AS ({inner}) SELECT l.c0 AS c0, r.c0 AS c1 FROM s l JOIN s r ON l.c0 = r.c0"
    return f"WITH s AS ({inner}) SELECT c0, count(*) AS c1 FROM s WHERE c0 >= (SELECT min(c0) FROM s) GROUP BY c0"


@st.composite
def _rare(draw: st.DrawFn, shape: Shape) -> str:
    """What few queries use."""
    rows = draw(tables(shape, "x"))
    one = draw(st.sampled_from([name for name, _ in rows.columns]))
    total = ", ".join(rows.keys)
    inner = draw(tables(shape, "q"))
    last = ", ".join(f"{key} DESC" for key in inner.keys)
    numbers = rows.of("n") or ["1"]
    choices = [
        f"SELECT DISTINCT ON ({one}) {one} AS c0, {rows.keys[0]} AS c1 FROM {rows.text} ORDER BY {one}, {total}",
        f"SELECT {rows.number} AS c0, unnest([{numbers[0]}, 7]) AS c1 FROM {rows.text}",
        f"SELECT {rows.number} AS c0, w.c AS c1 FROM {rows.text}, "
        f"LATERAL (SELECT {inner.number} AS c FROM {inner.text} WHERE {inner.number} <= {rows.number} "
        f"ORDER BY {last} LIMIT 2) w",
        f"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 4) "
        f"SELECT n AS c0, {one} AS c1 FROM r JOIN {rows.text} ON {rows.number} = n",
        f"SELECT {rows.number} AS c0, sum({numbers[0]}) OVER w AS c1 FROM {rows.text} "
        f"WINDOW w AS (PARTITION BY {one} ORDER BY {total})",
        f"SELECT {one} AS c0, {rows.keys[0]} AS c1 FROM {rows.text} ORDER BY {one} NULLS FIRST, {total} DESC LIMIT 3",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _shaped(draw: st.DrawFn, shape: Shape) -> str:
    """What changes the columns or chooses rows by their place: PIVOT, UNPIVOT, BY NAME, COLUMNS, OFFSET, collations."""
    rows, other = draw(tables(shape, "x")), draw(tables(shape, "y"))
    numbers, texts = rows.of("nk"), rows.of("s") or ["'x'"]
    total = ", ".join(rows.keys)
    number, text = draw(st.sampled_from(numbers)), draw(st.sampled_from(texts))
    picked = f"SELECT {text} AS s, {number} AS n, {rows.number} AS k FROM {rows.text}"
    offset = draw(st.integers(0, 5))
    pairs = [(kind, rows.of(kind), other.of(kind)) for kind in "ns" if rows.of(kind) and other.of(kind)]
    tuples = " AND ".join(f"{a[0]} IS NOT NULL" for _, a, _ in pairs) or "true"
    if len(pairs) == 2:
        left, right = (", ".join(pair[side][0] for pair in pairs) for side in (1, 2))
        tuples = f"({left}) NOT IN (SELECT {right} FROM {other.text} WHERE {draw(comparisons(other))})"
    choices = [
        f"SELECT * FROM ({picked}) PIVOT (count(*) AS c, max(n) AS m FOR s IN ('x', 'y', 'X'))",
        f"SELECT * FROM ({picked}) PIVOT (list(k ORDER BY k) FOR s IN ('x', 'y') GROUP BY n)",
        f"SELECT * FROM ({picked}) UNPIVOT (v FOR name IN (n, k))",
        f"SELECT name, count(v) FROM ({picked}) UNPIVOT INCLUDE NULLS (v FOR name IN (n, k)) GROUP BY name",
        f"{picked} UNION ALL BY NAME SELECT {other.number} AS k, 7 AS z FROM {other.text}",
        f"SELECT COLUMNS('n|k') + 1 FROM ({picked}) q",
        f"SELECT max(COLUMNS(*)) FROM ({picked}) q",
        f"SELECT * RENAME (n AS m) FROM ({picked}) q ORDER BY ALL OFFSET {offset}",
        f"SELECT {number} AS c0, {total} FROM {rows.text} ORDER BY {number} DESC, {total} OFFSET {offset}",
        f"SELECT {rows.keys[0]} AS c0 FROM {rows.text} WHERE {tuples}",
        f"SELECT {text} AS c0, {rows.keys[0]} AS c1 FROM {rows.text} ORDER BY {text} COLLATE NOCASE, {total} LIMIT 5",
        f"SELECT lower({text}) AS c0, count(*) AS c1 FROM {rows.text} GROUP BY {text} COLLATE NOCASE, lower({text})",
        f"SELECT x.k AS c0, y.k AS c1 FROM ({picked}) x JOIN ({picked}) y ON x.s COLLATE NOCASE = y.s",
        f"SELECT count(*) AS c0, count(DISTINCT k) AS c1 FROM ({picked}) q USING SAMPLE {offset} ROWS",
        f"WITH RECURSIVE r(i, d) AS (SELECT n, 0 FROM ({picked}) p UNION SELECT r.i, d + 1 FROM r JOIN ({picked}) q "
        f"ON q.n = r.i WHERE d < 3 AND q.k > 1) SELECT i AS c0, d AS c1 FROM r",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def partitions_of(draw: st.DrawFn, shape: Shape) -> tuple[str, str, str]:
    """A SELECT list, its source, and a predicate: for checks that need no oracle."""
    rows = draw(sources(shape))
    return listed(draw(_values(rows))), rows.text, draw(predicates(shape, rows))
