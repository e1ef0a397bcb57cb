"""Random queries over the clauses that few use, over a random database: one strategy for each.

Every query has one right answer as a multiset of rows, as in ``sql_statements``, which draws from here.
"""

from __future__ import annotations

from fuzz_tables import Shape
from hypothesis import strategies as st
from sql_grammar import COMPARISONS, Rows, comparisons, expressions, predicates, sources, tables

KEYED = "nsmtbpojer"
"""Kinds whose equal values look alike, so that any of them may stand for a group."""


@st.composite
def corners(draw: st.DrawFn, shape: Shape) -> str:
    """One query."""
    strategies = (
        _framed,
        _ranges_of_values,
        _windows_over_groups,
        _ordered_by_more,
        _many_sets,
        _nested,
        _unnested,
        _moments,
        _wide_numbers,
        _asof,
        _lateral,
        _recursive,
        _set_trees,
        _sampled,
        _pivoted,
        _using,
        _placed_subqueries,
    )
    return draw(draw(st.sampled_from(strategies))(shape))


def total_of(rows: Rows) -> str:
    """A total order of the rows."""
    return ", ".join(rows.keys)


def one_of(draw: st.DrawFn, rows: Rows, kinds: str = KEYED) -> str:
    """A column of those kinds, or the number of a row."""
    return draw(st.sampled_from(rows.of(kinds) or [rows.keys[0]]))


def _some_of(draw: st.DrawFn, rows: Rows, least: int) -> list[str]:
    names = rows.of(KEYED) or [rows.keys[0]]
    return draw(st.lists(st.sampled_from(names), min_size=least, max_size=3, unique=True))


def _maybe_filtered(draw: st.DrawFn, rows: Rows) -> str:
    return f" FILTER (WHERE {draw(comparisons(rows))})" if draw(st.integers(0, 3)) == 0 else ""


@st.composite
def _framed(draw: st.DrawFn, shape: Shape) -> str:
    """Windows by several keys, with every frame, some of them named."""
    rows = draw(sources(shape))
    number, text = draw(expressions(rows, "n")), draw(expressions(rows, "s"))
    keys = _some_of(draw, rows, 0)
    partition = f"PARTITION BY {', '.join(keys)} " if keys else ""
    way = draw(st.sampled_from(["", " DESC", " NULLS FIRST", " DESC NULLS LAST"]))
    order = f"ORDER BY {one_of(draw, rows)}{way}, {total_of(rows)}"
    unit = draw(st.sampled_from(["ROWS", "ROWS", "GROUPS"]))
    ends = draw(
        st.sampled_from(
            [
                "2 PRECEDING AND CURRENT ROW",
                "UNBOUNDED PRECEDING AND 1 FOLLOWING",
                "1 FOLLOWING AND UNBOUNDED FOLLOWING",
                "3 PRECEDING AND 1 PRECEDING",
                "CURRENT ROW AND CURRENT ROW",
                "UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
            ]
        )
    )
    without = draw(st.sampled_from(["", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES"]))
    window = f"({partition}{order} {unit} BETWEEN {ends}{without})"
    calls = [
        f"sum({number}){_maybe_filtered(draw, rows)}",
        f"list({text})",
        f"first_value({number} IGNORE NULLS)",
        f"last_value({text})",
        f"nth_value({number}, 2 IGNORE NULLS)",
        f"count(DISTINCT {number})",
        f"string_agg({text}, '/')",
        f"min({draw(expressions(rows, 'm'))})",
        f"arg_max({text}, {rows.keys[0]})",
        f"avg({draw(expressions(rows, 'm'))})",
    ]
    one, two = draw(st.sampled_from(calls)), draw(st.sampled_from(calls))
    shift = draw(st.sampled_from(["lag({0}, 2, 0)", "lead({0} IGNORE NULLS)", "lag({0}, -1)"])).format(number)
    return (
        f"SELECT {total_of(rows)}, {one} OVER w AS c0, {two} OVER {window} AS c1, "
        f"{shift} OVER ({partition}{order}) AS c2 FROM {rows.text} WINDOW w AS {window}"
    )


@st.composite
def _ranges_of_values(draw: st.DrawFn, shape: Shape) -> str:
    """RANGE frames with offsets of numbers, decimals and intervals."""
    rows = draw(tables(shape, "x"))
    by = one_of(draw, rows, "kntpm")
    step = "INTERVAL 20 DAY" if dict(rows.columns)[by] in "tp" else "2"
    way = draw(st.sampled_from(["", " DESC", " NULLS FIRST"]))
    partition = f"PARTITION BY {one_of(draw, rows)} " if draw(st.booleans()) else ""
    ends = draw(
        st.sampled_from(
            [
                f"{step} PRECEDING AND CURRENT ROW",
                f"{step} PRECEDING AND {step} FOLLOWING",
                f"CURRENT ROW AND {step} FOLLOWING",
                f"UNBOUNDED PRECEDING AND {step} FOLLOWING",
                f"{step} preceding and unbounded following",
                f"{step} FOLLOWING AND {step} + {step} FOLLOWING",
            ]
        )
    )
    call = draw(st.sampled_from(["count(*)", f"sum({rows.number})", f"max({rows.keys[-1]})"]))
    window = f"{partition}ORDER BY {by}{way} RANGE BETWEEN {ends}"
    return f"SELECT {total_of(rows)}, {call} OVER ({window}) AS c0 FROM {rows.text}"


@st.composite
def _windows_over_groups(draw: st.DrawFn, shape: Shape) -> str:
    """Windows over aggregates, and QUALIFY over them."""
    rows = draw(sources(shape))
    one, two = one_of(draw, rows), one_of(draw, rows)
    number = draw(expressions(rows, "n"))
    window = draw(
        st.sampled_from(
            [
                "rank() OVER (ORDER BY count(*) DESC)",
                f"sum(sum({number})) OVER (PARTITION BY {one})",
                f"count(*) OVER (ORDER BY {one} RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
                f"max(count(*)) OVER (PARTITION BY grouping({one}))",
                "sum(count(*)) OVER ()",
            ]
        )
    )
    grouped = draw(st.sampled_from([f"{one}, {two}", f"ROLLUP ({one}, {two})", f"CUBE ({one}), {two}"]))
    qualify = draw(st.sampled_from(["", "", " QUALIFY dense_rank() OVER (ORDER BY count(*)) < 3"]))
    return (
        f"SELECT {one} AS c0, {two} AS c1, count(*) AS c2, {window} AS c3 FROM {rows.text} GROUP BY {grouped}{qualify}"
    )


@st.composite
def _ordered_by_more(draw: st.DrawFn, shape: Shape) -> str:
    """ORDER BY windows and aggregates that are not selected, with LIMIT."""
    rows = draw(sources(shape))
    one, total = one_of(draw, rows), total_of(rows)
    window = draw(
        st.sampled_from(
            [
                f"row_number() OVER (PARTITION BY {one} ORDER BY {total})",
                f"count(*) OVER (PARTITION BY {one})",
                f"rank() OVER (ORDER BY {one})",
                f"sum({rows.number}) OVER (ORDER BY {total})",
            ]
        )
    )
    limit = draw(st.sampled_from(["", " LIMIT 5", " LIMIT 3 OFFSET 2"]))
    if draw(st.booleans()):
        return f"SELECT {total}, {one} AS c0 FROM {rows.text} ORDER BY {window} DESC, {total}{limit}"
    ranked = "dense_rank() OVER (ORDER BY count(*) DESC)"
    return f"SELECT {one} AS c0, count(*) AS c1 FROM {rows.text} GROUP BY {one} ORDER BY {ranked}, {one}{limit}"


@st.composite
def _many_sets(draw: st.DrawFn, shape: Shape) -> str:
    """Grouping sets that are multiplied, repeated and filtered, with aggregates of every sort."""
    rows = draw(sources(shape))
    keys = _some_of(draw, rows, 1)
    every, one = ", ".join(keys), keys[0]
    clause = draw(
        st.sampled_from(
            [
                f"GROUPING SETS (({every}), ({one}), ({one}), ())",
                f"{one}, ROLLUP ({every})",
                f"CUBE ({every})",
                f"ROLLUP ({keys[-1]}), CUBE ({one})",
                f"GROUPING SETS (ROLLUP ({every}), CUBE ({one}))",
            ]
        )
    )
    number, text = draw(expressions(rows, "n")), draw(expressions(rows, "s"))
    calls = [
        f"count(*) FILTER (WHERE {draw(comparisons(rows))})",
        f"sum(DISTINCT {number}) FILTER (WHERE {draw(comparisons(rows))})",
        f"count(DISTINCT {text}){_maybe_filtered(draw, rows)}",
        f"list({text} ORDER BY {total_of(rows)}){_maybe_filtered(draw, rows)}",
        f"median({number}){_maybe_filtered(draw, rows)}",
        f"count(DISTINCT ({number}, {text}))",
        f"first({number} ORDER BY {total_of(rows)})",
        f"grouping({every})",
    ]
    chosen = draw(st.lists(st.sampled_from(calls), min_size=1, max_size=3))
    values = ", ".join(f"{value} AS c{i}" for i, value in enumerate([*keys, *chosen]))
    having = draw(st.sampled_from(["", "", f" HAVING grouping({one}) = 0 OR count(*) > 2"]))
    return f"SELECT {values} FROM {rows.text} GROUP BY {clause}{having}"


@st.composite
def _nested(draw: st.DrawFn, shape: Shape) -> str:
    """Structs, lists and maps as keys, as arguments, and made of columns."""
    rows = draw(sources(shape))
    number, text, total = draw(expressions(rows, "n")), draw(expressions(rows, "s")), total_of(rows)
    nested, where = one_of(draw, rows, "lrhg"), draw(comparisons(rows))
    made = draw(
        st.sampled_from(
            [
                f"{{'a': {number}, 'b': {text}}}",
                f"[{number}, 7]",
                f"[{{'a': {text}}}]",
                f"MAP {{coalesce({text}, '-'): {number}}}",
                f"row({text}, [{number}])",
                f"array_value({number}, 1)",
            ]
        )
    )
    source = f"FROM {rows.text}"
    choices = [
        f"SELECT {made} AS c0, count(*) AS c1 {source} GROUP BY {made}",
        f"SELECT DISTINCT {made} AS c0, {nested} AS c1 {source}",
        f"SELECT count(DISTINCT {made}) AS c0, count(DISTINCT {nested}) AS c1 {source}",
        f"SELECT {made} AS c0 {source} ORDER BY {made} DESC NULLS FIRST, {total}",
        f"SELECT min({made}) AS c0, max({made}) AS c1, list({made} ORDER BY {total}) AS c2 {source}",
        f"SELECT {total}, rank() OVER (PARTITION BY {nested} ORDER BY {made}) AS c0 {source}",
        f"SELECT q.m AS c0, count(*) AS c1 FROM (SELECT {made} AS m {source}) q "
        f"JOIN (SELECT {made} AS m {source}) p ON q.m = p.m GROUP BY q.m",
        f"SELECT {made} AS c0 {source} EXCEPT ALL SELECT {made} {source} WHERE {where}",
        f"SELECT list_transform([{number}, NULL, 2], lambda e: coalesce(e, {rows.number})) AS c0 {source}",
        f"SELECT any_value({nested} ORDER BY {total}) AS c0 {source}",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _unnested(draw: st.DrawFn, shape: Shape) -> str:
    """UNNEST of columns and of what is made of them, in SELECT and FROM, grouped and joined again."""
    rows = draw(tables(shape, "x"))
    number, total, key = draw(expressions(rows, "n")), total_of(rows), rows.number
    one = draw(st.sampled_from([*rows.of("l"), f"[{number}, {key}, NULL]", f"range({key} % 4)"]))
    choices = [
        f"SELECT {total}, unnest({one}) AS c0, unnest([1, 2]) AS c1 FROM {rows.text}",
        f"SELECT u.e AS c0, count(*) AS c1 FROM {rows.text}, unnest({one}) u(e) GROUP BY u.e",
        f"SELECT {total}, u.e AS c0 FROM {rows.text}, LATERAL (SELECT unnest({one}) AS e) u WHERE u.e > 0",
        f"SELECT {total}, (SELECT sum(e) FROM (SELECT unnest({one}) AS e)) AS c0 FROM {rows.text}",
        f"SELECT {total}, unnest({{'a': {number}, 'b': {key}}}) FROM {rows.text}",
        f"SELECT s.c0, count(*) AS n FROM (SELECT unnest({one}) AS c0 FROM {rows.text}) s "
        f"LEFT JOIN {rows.text} ON s.c0 = {key} GROUP BY s.c0",
        f"SELECT {total}, list_sum({one}) AS c0, len({one}) AS c1 FROM {rows.text}",
    ]
    lists = [f"unnest({name}) u(e)" for name in rows.of("g")]
    choices += [f"SELECT e.p AS c0, max(e.q) AS c1 FROM {rows.text}, {each} GROUP BY e.p" for each in lists]
    return draw(st.sampled_from(choices))


@st.composite
def _moments(draw: st.DrawFn, shape: Shape) -> str:
    """Dates, times, time zones and intervals."""
    rows = draw(sources(shape))
    total, key, source = total_of(rows), rows.number, f"FROM {rows.text}"
    day, at = draw(expressions(rows, "t")), draw(expressions(rows, "p"))
    zoned = draw(st.sampled_from([*rows.of("z"), f"({at})::TIMESTAMP AT TIME ZONE 'Europe/Berlin'"]))
    span = draw(st.sampled_from([*rows.of("v"), f"to_hours({key}::BIGINT)"]))
    unit = draw(st.sampled_from(["'month'", "'week'", "'hour'", "'quarter'"]))
    choices = [
        f"SELECT date_trunc({unit}, {at}) AS c0, count(*) AS c1 {source} GROUP BY 1",
        f"SELECT ({zoned} AT TIME ZONE 'America/New_York') AS c0, count(*) AS c1 {source} GROUP BY ALL",
        f"SELECT max({zoned})::VARCHAR AS c0 {source} GROUP BY date_trunc('day', {zoned})",
        f"SELECT max({span}) AS c0, min({span}) AS c1, count(DISTINCT {span}) AS c2 {source}",
        f"SELECT {total}, {day} + {span} AS c0, extract(epoch FROM {span}) AS c1 {source} ORDER BY {span}, {total}",
        f"SELECT {total}, date_diff({unit}, {day}, {at}::TIMESTAMP) AS c0 {source} WHERE {at} > {day}",
        f"SELECT time_bucket(INTERVAL 10 DAY, {day}) AS c0, min({at}) AS c1, count(*) AS c2 {source} GROUP BY c0",
        f"SELECT {total}, lag({at}) OVER (PARTITION BY {day} ORDER BY {at}, {total}) AS c0 {source}",
        f"SELECT {total}, epoch_us({zoned}) AS c0 {source} WHERE {zoned} < TIMESTAMPTZ '2024-03-31 03:00:00+02'",
        f"SELECT count(*) AS c0 FROM (SELECT {zoned} AS z {source}) a JOIN (SELECT {at} AS p {source}) b ON a.z = b.p",
        f"SELECT {at} AS c0 {source} UNION SELECT {day} {source}",
        f"SELECT strftime({day}, '%Y-%W') AS c0, arg_max({at}, ({total})) AS c1 {source} GROUP BY 1",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _wide_numbers(draw: st.DrawFn, shape: Shape) -> str:
    """HUGEINT, UHUGEINT and decimals of 38 digits, and types that must meet."""
    rows = draw(sources(shape))
    number, decimal, total = draw(expressions(rows, "n")), draw(expressions(rows, "m")), total_of(rows)
    huge, source, where = f"({number}::HUGEINT * 10000000000000000000)", f"FROM {rows.text}", draw(comparisons(rows))
    wide = draw(st.sampled_from([f"{decimal}::DECIMAL(38, 4)", huge, f"{rows.number}::UHUGEINT"]))
    other = draw(st.sampled_from([number, decimal, huge, draw(expressions(rows, "f"))]))
    choices = [
        f"SELECT sum({wide}) AS c0, avg({wide}) AS c1, max({wide}) AS c2, count(DISTINCT {wide}) AS c3 {source}",
        f"SELECT {wide} AS c0, count(*) AS c1 {source} GROUP BY 1",
        f"SELECT {wide} AS c0 {source} ORDER BY {wide} DESC, {total}",
        f"SELECT {total}, sum({wide}) OVER (ORDER BY {total}) AS c0 {source}",
        f"SELECT a.x AS c0, count(*) AS c1 FROM (SELECT {wide} AS x {source}) a "
        f"JOIN (SELECT {other} AS y {source}) b ON a.x = b.y GROUP BY a.x",
        f"SELECT {wide} AS c0 {source} UNION SELECT {other} {source}",
        f"SELECT {wide} AS c0 {source} INTERSECT ALL SELECT {other} {source}",
        f"SELECT {total} {source} WHERE {wide} NOT IN (SELECT {other} {source} WHERE {where})",
        f"SELECT median({wide}) AS c0, quantile_disc({wide}, [0.2, 0.9]) AS c1 {source}",
        f"SELECT sum(DISTINCT {wide}) AS c0, bit_or({rows.number}::UHUGEINT) AS c1 {source}",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _asof(draw: st.DrawFn, shape: Shape) -> str:
    """ASOF joins of every comparison, with none to two equalities; DuckDB 2.0 does not end some of RIGHT and FULL."""
    left, right = (
        Rows(f"{table.name} {alias}", tuple((f"{alias}.{c}", k) for c, k in table.columns), (f"{alias}.k",))
        for table, alias in ((draw(st.sampled_from(shape.tables)), a) for a in "xy")
    )
    pairs = [(a, b) for kind in KEYED for a in left.of(kind) for b in right.of(kind)]
    equal = "".join(f"{a} = {b} AND " for a, b in draw(st.lists(st.sampled_from(pairs), max_size=2))) if pairs else ""
    compared = draw(st.sampled_from([">=", ">", "<", "<="]))
    side = draw(st.sampled_from(["", "LEFT "]))
    where = f" WHERE {draw(comparisons(left))}" if draw(st.integers(0, 3)) == 0 else ""
    return (
        f"SELECT {left.keys[0]} AS c0, {right.keys[0]} AS c1 FROM {left.text} ASOF {side}JOIN {right.text} "
        f"ON {equal}{left.keys[0]} {compared} {right.keys[0]}{where}"
    )


@st.composite
def _lateral(draw: st.DrawFn, shape: Shape) -> str:
    """LATERAL that aggregates, limits, numbers and unites, joined in every way."""
    rows, inner = draw(tables(shape, "x")), draw(tables(shape, "q"))
    pairs = [(a, b) for kind in "nsmtp" for a in rows.of(kind) for b in inner.of(kind)]
    outside, inside = draw(st.sampled_from(pairs or [(rows.number, inner.number)]))
    key = inner.number
    source = f"FROM {inner.text} WHERE {inside} {draw(st.sampled_from(['=', '=', *COMPARISONS]))} {outside}"
    least = f"ORDER BY {', '.join(f'{k} DESC' for k in inner.keys)} LIMIT {draw(st.integers(1, 3))}"
    body = draw(
        st.sampled_from(
            [
                f"SELECT count(*) AS c, max({inside}) AS m {source}",
                f"SELECT {key} AS c, {inside} AS m {source} {least}",
                f"SELECT {key} AS c, {outside} AS m {source}",
                f"SELECT DISTINCT {inside} AS c, 1 AS m {source}",
                f"SELECT {inside} AS c, count(*) AS m {source} GROUP BY {inside}",
                f"SELECT {key} AS c, row_number() OVER (ORDER BY {total_of(inner)}) AS m {source}",
                f"SELECT {rows.number} AS c, 0 AS m UNION ALL SELECT {key}, 1 {source}",
            ]
        )
    )
    join, on = draw(
        st.sampled_from([(", ", ""), (" LEFT JOIN ", " ON true"), (" JOIN ", " ON true"), (" CROSS JOIN ", "")])
    )
    return f"SELECT {total_of(rows)}, w.c AS c0, w.m AS c1 FROM {rows.text}{join}LATERAL ({body}) w{on}"


@st.composite
def _recursive(draw: st.DrawFn, shape: Shape) -> str:
    """Recursion over a table, joined and aggregated outside of it."""
    rows = draw(tables(shape, "x"))
    key, total = rows.number, total_of(rows)
    step = f"SELECT {key} AS a, {draw(st.sampled_from(rows.of('nk')))} AS b FROM {rows.text}"
    union = draw(st.sampled_from(["UNION", "UNION ALL"]))
    outer = draw(
        st.sampled_from(
            [
                "SELECT a AS c0, d AS c1 FROM r",
                "SELECT d AS c0, count(*) AS c1 FROM r GROUP BY d",
                f"SELECT {total}, r.d AS c0 FROM r JOIN {rows.text} ON r.a = {key}",
                f"SELECT {total} FROM {rows.text} WHERE {key} NOT IN (SELECT a FROM r WHERE a IS NOT NULL)",
                "SELECT max(d) AS c0, count(DISTINCT a) AS c1 FROM r",
            ]
        )
    )
    return (
        f"WITH RECURSIVE e AS ({step}), r(a, d) AS (SELECT a, 0 FROM e WHERE a < 2 {union} "
        f"SELECT e.a, d + 1 FROM r JOIN e ON e.b = r.a WHERE d < 3) {outer}"
    )


@st.composite
def _set_trees(draw: st.DrawFn, shape: Shape) -> str:
    """Set operations of set operations, as derived tables, below IN, and over types that must meet."""
    kinds = draw(st.sampled_from(["n", "nm", "nf", "t", "tp", "s", "m"]))
    names = ["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"]
    sides = []
    for alias in "xyzw":
        rows = draw(tables(shape, alias))
        value = draw(expressions(rows, draw(st.sampled_from(kinds))))
        where = f" WHERE {draw(predicates(shape, rows))}" if draw(st.integers(0, 2)) == 0 else ""
        limit = f" ORDER BY 1, {total_of(rows)} LIMIT 3" if draw(st.integers(0, 4)) == 0 else ""
        sides.append(f"(SELECT {value} AS c0 FROM {rows.text}{where}{limit})")
    one, two, three = (draw(st.sampled_from(names)) for _ in range(3))
    tree = f"({sides[0]} {one} {sides[1]}) {two} ({sides[2]} {three} {sides[3]})"
    rows = draw(tables(shape, "o"))
    choices = [
        tree,
        f"SELECT c0, count(*) AS c1 FROM ({tree}) u GROUP BY c0",
        f"WITH u AS ({tree}) SELECT a.c0 AS c0, b.c0 AS c1 FROM u a LEFT JOIN u b ON a.c0 = b.c0",
        f"{tree} ORDER BY c0 LIMIT 4",
    ]
    choices += [f"SELECT {total_of(rows)} FROM {rows.text} WHERE {name} IN ({tree})" for name in rows.of(kinds)]
    return draw(st.sampled_from(choices))


@st.composite
def _sampled(draw: st.DrawFn, shape: Shape) -> str:
    """Samples whose size, or whose every choice, is the same."""
    rows = draw(tables(shape, "x"))
    seed, size = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    picked = f"SELECT {total_of(rows)} FROM {rows.text}"
    way = draw(
        st.sampled_from(
            [
                f"reservoir({size} ROWS) REPEATABLE ({seed})",
                f"reservoir(100 ROWS) REPEATABLE ({seed})",
                f"100 PERCENT (bernoulli, {seed})",
                "0 PERCENT (bernoulli)",
            ]
        )
    )
    return f"SELECT count(*) AS c0 FROM ({picked}) q USING SAMPLE {way}"


@st.composite
def _pivoted(draw: st.DrawFn, shape: Shape) -> str:
    """PIVOT and UNPIVOT as statements, by several columns, with several aggregates, grouped and joined."""
    rows = draw(sources(shape))
    text, number, one = draw(expressions(rows, "s")), draw(expressions(rows, "n")), one_of(draw, rows)
    picked = f"SELECT {text} AS s, {number} AS n, {rows.number} AS k, {one} AS g FROM {rows.text}"
    choices = [
        f"PIVOT ({picked}) ON s IN ('x', 'y', '') USING sum(n) AS t, count(*) AS c GROUP BY g",
        f"PIVOT ({picked}) ON s IN ('x', 'y'), (k % 2) IN (0, 1) USING max(n)",
        f"SELECT p.g AS c0, p.x AS c1 FROM (PIVOT ({picked}) ON s IN ('x') USING count(*) GROUP BY g) p "
        f"JOIN ({picked}) o ON o.g = p.g",
        f"UNPIVOT ({picked}) ON n, k INTO NAME name VALUE v",
        f"SELECT name, sum(v) AS c0 FROM (UNPIVOT ({picked}) ON COLUMNS('n|k') INTO NAME name VALUE v) GROUP BY name",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _using(draw: st.DrawFn, shape: Shape) -> str:
    """USING and NATURAL joins of every side, chained."""
    given = [draw(tables(shape, alias)) for alias in "xyz"]
    kind = draw(st.sampled_from([k for k in "nsmt" if all(rows.of(k) for rows in given)] or ["k"]))
    parts = [
        f"(SELECT {rows.of(kind)[0]} AS j, {rows.number} AS {name} FROM {rows.text}) j_{name}"
        for rows, name in zip(given, "abc", strict=True)
    ]
    joined = parts[0]
    for part in parts[1:]:
        join = draw(st.sampled_from(["", "LEFT ", "RIGHT ", "FULL ", "NATURAL ", "NATURAL LEFT "]))
        joined += f" {join}JOIN {part}" + ("" if "NATURAL" in join else " USING (j)")
    choices = [
        f"SELECT * FROM {joined}",
        f"SELECT j AS c0, count(*) AS c1, max(a) AS c2 FROM {joined} GROUP BY j",
        f"SELECT j_a.j AS c0, j_b.j AS c1, j AS c2 FROM {joined} WHERE j IS NOT NULL OR c > 1",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _placed_subqueries(draw: st.DrawFn, shape: Shape) -> str:
    """Subqueries in HAVING, ORDER BY, aggregates, CASE, windows, and below each other."""
    rows, inner, beside = draw(sources(shape)), draw(tables(shape, "q")), draw(tables(shape, "w"))
    pairs = [(a, b) for kind in "nsmtpk" for a in rows.of(kind) for b in inner.of(kind)]
    outside, inside = draw(st.sampled_from(pairs or [(rows.number, inner.number)]))
    number, one, total = draw(expressions(rows, "n")), one_of(draw, rows), total_of(rows)
    same = f"FROM {inner.text} WHERE {inside} = {outside}"
    counted, found = f"(SELECT count(*) {same})", f"EXISTS (SELECT 1 {same} AND {draw(comparisons(inner))})"
    source, where = f"FROM {rows.text}", draw(comparisons(rows))
    side = draw(st.sampled_from(["", "LEFT ", "RIGHT ", "FULL "]))
    choices = [
        f"SELECT {total}, {beside.number} AS c0 {source} {side}JOIN {beside.text} "
        f"ON {rows.number} = {beside.number} AND {draw(st.sampled_from([found, f'{counted} > 0', f'NOT {found}']))}",
        f"SELECT {outside} AS c0, sum({number}) AS c1 {source} GROUP BY {outside} HAVING {counted} > 0",
        f"SELECT sum({counted}) AS c0, count(*) FILTER (WHERE {found}) AS c1 {source}",
        f"SELECT {one} AS c0, max(CASE WHEN {found} THEN {rows.number} END) AS c1 {source} GROUP BY {one}",
        f"SELECT {total} {source} ORDER BY {counted} DESC, {total} LIMIT 5",
        f"SELECT {total}, {outside} IN (SELECT {inside} FROM {inner.text}) AS c0, NOT {found} AS c1 {source}",
        f"SELECT {outside} AS c0, {counted} AS c1, grouping({outside}) AS c2 {source} GROUP BY ROLLUP ({outside})",
        f"SELECT {total}, sum({counted}) OVER (PARTITION BY {one}) AS c0 {source}",
        f"SELECT {total} {source} WHERE CASE WHEN {where} THEN {found} ELSE {counted} > 1 END",
        f"SELECT {total} {source} WHERE {number} > ALL (SELECT count(*) {same} GROUP BY {inside})",
        f"SELECT {total}, (SELECT max(v) FROM (SELECT {inside} AS v FROM {inner.text} WHERE {inside} <= {outside} "
        f"UNION ALL SELECT {outside}) t) AS c0 {source}",
    ]
    return draw(st.sampled_from(choices))
