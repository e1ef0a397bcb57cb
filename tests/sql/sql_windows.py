"""Random queries with windows and groups of every form.

Each has one right answer as a multiset of rows. ``sql_rarities`` draws from here.
"""

from __future__ import annotations

from fuzz_tables import Shape
from hypothesis import strategies as st
from sql_corners import one_of, total_of
from sql_grammar import comparisons, expressions, predicates, sources


@st.composite
def windows(draw: st.DrawFn, shape: Shape) -> str:
    """Windows with EXCLUDE, GROUPS, DISTINCT, FILTER, IGNORE NULLS, own orders; named and built on each other."""
    rows = draw(sources(shape))
    n, s, one, two, total = (
        draw(expressions(rows, "n")),
        draw(expressions(rows, "s")),
        one_of(draw, rows),
        one_of(draw, rows),
        total_of(rows),
    )
    unit = draw(st.sampled_from(["ROWS", "GROUPS"]))
    ends = draw(
        st.sampled_from(
            [
                "1 PRECEDING AND 1 FOLLOWING",
                "UNBOUNDED PRECEDING AND 1 PRECEDING",
                "2 FOLLOWING AND UNBOUNDED FOLLOWING",
                "CURRENT ROW AND 2 FOLLOWING",
                f"{rows.number} % 3 PRECEDING AND {rows.number} % 2 FOLLOWING",
            ]
        )
    )
    without = draw(
        st.sampled_from(["", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES", " EXCLUDE NO OTHERS"])
    )
    way = draw(st.sampled_from(["", " DESC", " NULLS FIRST"]))
    partition = draw(st.sampled_from(["", f"PARTITION BY {one} ", f"PARTITION BY {one}, {two} "]))
    order = f"ORDER BY {two}{way}" if unit == "GROUPS" or draw(st.booleans()) else f"ORDER BY {total}"
    summed = draw(
        st.sampled_from(
            [
                "count(*)",
                f"sum({n}::HUGEINT)",
                f"min({s})",
                f"max({n})",
                f"count(DISTINCT {n})",
                f"bool_or({rows.number} > 2)",
                f"avg({rows.number})",
            ]
        )
    )
    if "ORDER BY " + total != order and unit == "ROWS":
        order += f", {total}"
    frame = f"{unit} BETWEEN {ends}{without}"
    ranked = f"row_number() OVER (PARTITION BY {two} ORDER BY {total})"
    choices = [
        f"SELECT {total}, {summed} OVER ({partition}{order} {frame}) AS c0 FROM {rows.text}",
        f"SELECT {total}, {summed} FILTER (WHERE {draw(comparisons(rows))}) OVER ({partition}{order} {frame}) AS "
        f"c0 FROM {rows.text}",
        f"SELECT {total}, {summed} OVER w AS c0, {summed} OVER (w {frame}) AS c1 FROM {rows.text} WINDOW w AS "
        f"({partition}{order})",
        f"SELECT {total}, {summed} OVER (v {order}) AS c0 FROM {rows.text} WINDOW v AS (PARTITION BY {one})",
        f"SELECT {total}, sum(r) OVER (PARTITION BY {one} ORDER BY {total}) AS c0 FROM (SELECT *, {ranked} AS r "
        f"FROM {rows.text}) x"
        if len(rows.keys) == 1 and all(c.startswith("x.") for c, _ in rows.columns)
        else f"SELECT {total}, {ranked} AS c0 FROM {rows.text}",
        f"SELECT {total}, list({s} ORDER BY {total}) OVER (PARTITION BY {one}) AS c0 FROM {rows.text}",
        f"SELECT {total}, first_value({s} ORDER BY {total} DESC) OVER (PARTITION BY {one}) AS c0 FROM {rows.text}",
        f"SELECT {total}, rank(ORDER BY {two}) OVER (PARTITION BY {one} ORDER BY {total}) AS c0 FROM {rows.text}",
        f"SELECT {total}, lag({n} IGNORE NULLS) OVER ({partition}ORDER BY {total}) AS c0, "
        f"lead({s}, {rows.number} % 3, 'z') OVER ({partition}ORDER BY {total}) AS c1 FROM {rows.text}",
        f"SELECT {total}, nth_value({n}, {rows.number} % 3 + 1) OVER ({partition}ORDER BY {total} {frame}) AS c0 "
        f"FROM {rows.text}",
        f"SELECT {total}, last_value({s} IGNORE NULLS) OVER ({partition}ORDER BY {total} {frame}) AS c0 FROM "
        f"{rows.text}",
        f"SELECT {total}, ntile({rows.number} % 3 + 1) OVER (ORDER BY {total}) AS c0 FROM {rows.text}",
        f"SELECT {total}, median({n}) OVER ({partition}ORDER BY {total} {frame}) AS c0, mode({rows.number}) OVER "
        f"(PARTITION BY {total}) FROM {rows.text}",
        f"SELECT {one} AS g, sum(count(*)) OVER (ORDER BY {one} {way}) AS c0, rank() OVER (ORDER BY "
        f"max({rows.number})) AS c1 FROM {rows.text} GROUP BY {one}",
        f"SELECT {total}, {summed} OVER ({partition}{order} {frame}) - {rows.number} > 1 AS c0 FROM {rows.text} "
        f"WHERE {draw(comparisons(rows))}"
        if not summed.startswith(("min", "bool"))
        else f"SELECT {total} FROM {rows.text} QUALIFY {ranked} = 1",
        f"SELECT {total} FROM {rows.text} QUALIFY {ranked} < 3 AND {summed} OVER (PARTITION BY {one}) IS NOT NULL",
        f"SELECT {total}, fill({n}) OVER (ORDER BY {rows.keys[0]}) AS c0 FROM {rows.text}",
        f"SELECT {total}, dense_rank() OVER (ORDER BY {one}, {two}{way}), count(*) OVER (PARTITION BY {one} ORDER "
        f"BY {two}{way}) FROM {rows.text}",
        f"SELECT DISTINCT {one}, count(*) OVER (PARTITION BY {one}) AS c0 FROM {rows.text}",
        f"SELECT {one}, max(r) FROM (SELECT {one}, {ranked} AS r FROM {rows.text}) q GROUP BY ALL"
        if "." not in one
        else f"SELECT max(r) FROM (SELECT {ranked} AS r FROM {rows.text}) q",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def groups(draw: st.DrawFn, shape: Shape) -> str:
    """Grouping sets with FILTER, HAVING, ORDER BY and windows; keys that are expressions; GROUP BY ALL, positions."""
    rows = draw(sources(shape))
    n, s, one, two, total, k = (
        draw(expressions(rows, "n")),
        draw(expressions(rows, "s")),
        one_of(draw, rows),
        one_of(draw, rows),
        total_of(rows),
        rows.number,
    )
    when = draw(comparisons(rows))
    call = draw(
        st.sampled_from(
            [
                f"sum({n}::HUGEINT)",
                f"count(DISTINCT {s})",
                f"max({s})",
                f"avg({k})",
                f"list({k} ORDER BY {total})",
                f"arg_max({s}, ({total}))",
                f"quantile_disc({k}, 0.5)",
                f"sum(DISTINCT {k})",
                "count(*)",
                f"string_agg(DISTINCT {s}, ',' ORDER BY {s})",
                f"count(DISTINCT {k}) + count(*)",
            ]
        )
    )
    plain = "+" not in call
    filtered = f"{call} FILTER (WHERE {when})" if plain else call
    sets = draw(
        st.sampled_from(
            [
                f"ROLLUP ({k} % 2, {one})",
                f"CUBE ({one}, {k} % 3)",
                f"GROUPING SETS (({one}, {k} % 2), ({one}), ())",
                "GROUPING SETS ((), ())",
                f"{k} % 2, GROUPING SETS (({one}), ({two}))",
                f"GROUPING SETS (({one}), ({two}), ({one}, {two}))",
            ]
        )
    )
    source = f"FROM {rows.text}"
    choices = [
        f"SELECT {filtered} AS c0, count(*) AS c1 {source} GROUP BY {sets}",
        f"SELECT {filtered} AS c0 {source} GROUP BY {sets} HAVING {filtered} IS NOT NULL",
        f"SELECT {filtered} AS c0, row_number() OVER (ORDER BY {total}) AS c1 {source} GROUP BY {total}",
        f"SELECT {k} % 2 AS g, {one} AS h, grouping({one}), {filtered} AS c0 {source} GROUP BY ROLLUP ({k} % 2, "
        f"{one}) ORDER BY ALL",
        f"SELECT {k} % 2 + 1 AS g, {filtered} AS c0 {source} GROUP BY {k} % 2",
        f"SELECT {one} AS g, {filtered} AS c0 {source} GROUP BY ALL HAVING count(*) FILTER (WHERE {when}) > 0",
        f"SELECT {k} % 3 AS g, {filtered} AS c0 {source} GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 2",
        f"SELECT count(*) AS c0 {source} GROUP BY ()",
        f"SELECT {filtered} AS c0 {source} HAVING count(*) > 3",
        f"SELECT DISTINCT {filtered} AS c0 {source} GROUP BY {one}",
        f"SELECT g, max(c) FROM (SELECT {one} AS g, {two} AS h, count(*) AS c {source} GROUP BY 1, 2) q GROUP BY g",
        f"SELECT {one} IS NULL AS g, {filtered} AS c0 {source} GROUP BY {one} IS NULL",
        f"SELECT coalesce({s}, '?') AS g, {filtered} AS c0 {source} GROUP BY g",
        f"SELECT CASE WHEN grouping({one}) = 1 THEN 'all' END AS g, {filtered} AS c0 {source} GROUP BY ROLLUP "
        f"({one}) HAVING grouping({one}) = 1 OR count(*) > 1",
        f"SELECT {one} AS g, {filtered} AS c0, sum(sum({k})) OVER () AS c1 {source} GROUP BY CUBE ({one})",
        f"SELECT {one} AS g FROM {rows.text} GROUP BY {one} HAVING max({k}) > (SELECT avg(k) FROM "
        f"{shape.tables[0].name})",
        f"SELECT {one} AS g, {filtered} AS c0 {source} WHERE {draw(predicates(shape, rows))} GROUP BY GROUPING "
        f"SETS ({one}, ())",
        f"SELECT grouping_id({one}, {two}) AS c0, count(*) {source} GROUP BY CUBE ({one}, {two})",
    ]
    return draw(st.sampled_from(choices))
