"""Random queries of operators without parentheses and of scalar functions: what a parser may read otherwise.

Which operator binds more, and what a function of so many arguments means, is for
DuckDB to say: many of these queries it refuses, and the fuzz leaves those out.
"""

from __future__ import annotations

from fuzz_tables import Shape
from hypothesis import strategies as st
from sql_grammar import COMPARISONS, Rows, comparisons, expressions, sources, tables

ARITHMETIC = ("+", "-", "*", "/", "//", "%", "**", "^", "&", "|", "<<", ">>")
BEFORE = ("", "", "", "- ", "~ ", "@ ", "+")


_OUTER = {
    "numbers": ("v = w", "- v", "v ^ 2", "w - v", "v BETWEEN w AND 3", "v IN (1, w)", "~ v::INTEGER", "v / w"),
    "conditions": (
        "v = w",
        "NOT v",
        "v AND w",
        "v OR NOT w",
        "v IN (w, true)",
        "v BETWEEN w AND true",
        "v IS NULL = w",
    ),
    "texts": ("v = w", "v || w", "v LIKE w", "v[1]", "v IN (w, 'x')", "v < w"),
    "lists": ("v = w", "v || w", "v[1] IN w", "v && w", "len(v)"),
}
"""What is asked of two columns of a derived table, by what they hold."""


@st.composite
def operators(draw: st.DrawFn, shape: Shape) -> str:
    """Chains of operators, beside each other and in the place of names of a derived table."""
    rows = draw(tables(shape, "x"))
    kind = draw(st.sampled_from(sorted(_OUTER)))
    drawn = {"numbers": _numbers, "conditions": _conditions, "texts": _texts, "lists": _lists}[kind]
    inner = f"SELECT {draw(drawn(rows))} AS v, {draw(drawn(rows))} AS w, {', '.join(rows.keys)} FROM {rows.text}"
    outer = draw(st.sampled_from(_OUTER[kind]))
    return draw(
        st.sampled_from([inner, f"SELECT {outer} FROM ({inner}) q", f"SELECT v, ({outer}) IS NULL FROM ({inner}) q"])
    )


@st.composite
def _numbers(draw: st.DrawFn, rows: Rows) -> str:
    given = [rows.number, "2", "3", "1", *(f"{name}::TINYINT" for name in rows.of("k")), "2.5", "len('ab')"]
    terms = [draw(st.sampled_from(BEFORE)) + draw(st.sampled_from(given)) for _ in range(draw(st.integers(1, 4)))]
    return _chained(draw, terms, ARITHMETIC)


@st.composite
def _conditions(draw: st.DrawFn, rows: Rows) -> str:
    one, two = draw(_numbers(rows)), draw(_numbers(rows))
    text = draw(_texts(rows))
    given = [
        draw(comparisons(rows)),
        f"{one} {draw(st.sampled_from(COMPARISONS))} {two}",
        f"{one} BETWEEN {two} AND 3",
        f"{one} NOT BETWEEN {two} AND 3",
        f"{one} IN (1, {two})",
        f"{one} IN {draw(_lists(rows))}",
        f"{text} LIKE 'x%'",
        f"{text} NOT ILIKE {draw(_texts(rows))}",
        f"{text} !~ 'x'",
        f"{text} ~~ '%y'",
        f"{text} ^@ 'x'",
        f"{text} GLOB '*'",
        f"{text} SIMILAR TO 'x.*'",
        f"{one} IS DISTINCT FROM {two}",
        f"{one} IS NULL",
        f"{draw(_lists(rows))} @> [1]",
        f"{draw(_lists(rows))} && [2, 3]",
        f"({one}, {text}) < (2, 'y')",
        "true",
    ]
    terms = [draw(st.sampled_from(["", "", "NOT "])) + draw(st.sampled_from(given)) for _ in range(2)]
    ends = draw(st.sampled_from(["", "", " IS TRUE", " IS NOT FALSE", " IS NULL", " = true"]))
    return _chained(draw, terms, ("AND", "OR", "=", "IS DISTINCT FROM")) + ends


@st.composite
def _texts(draw: st.DrawFn, rows: Rows) -> str:
    text = draw(expressions(rows, "s"))
    given = [text, "'x'", f"{rows.number}::VARCHAR", f"({text})[1:2]", f"json_object('a', {text}) ->> 'a'"]
    return _chained(draw, [draw(st.sampled_from(given)) for _ in range(draw(st.integers(1, 2)))], ("||",))


@st.composite
def _lists(draw: st.DrawFn, rows: Rows) -> str:
    number = rows.number
    given = [
        *rows.of("l"),
        f"[{number}, 2]",
        f"[e * 2 FOR e IN [1, {number}] IF e > 0]",
        f"list_transform([3, {number}], lambda e, i: e + i)",
        f"range({number})",
    ]
    return _chained(draw, [draw(st.sampled_from(given)) for _ in range(draw(st.integers(1, 2)))], ("||",))


def _chained(draw: st.DrawFn, terms: list[str], between: tuple[str, ...]) -> str:
    text = terms[0]
    for term in terms[1:]:
        text += f" {draw(st.sampled_from(between))} {term}"
    return text


@st.composite
def functions(draw: st.DrawFn, shape: Shape) -> str:
    """Functions of texts, numbers, moments, lists, structs, maps and JSON, selected, grouped by, and filtered by."""
    rows = draw(sources(shape))
    n, s, k = draw(expressions(rows, "n")), draw(expressions(rows, "s")), rows.number
    day, at, total = draw(expressions(rows, "t")), draw(expressions(rows, "p")), ", ".join(rows.keys)
    json = f"json_object('a', {k}, 'b', {s}, 'c', [{n}, 2])"
    calls = [
        f"regexp_replace({s}, '[XY]', '-', 'gi')",
        f"regexp_extract({s}, '(x)(y)?', ['p', 'q'])",
        f"split_part({s}, 'x', 2)",
        f"string_split({s}, 'x')",
        f"concat_ws('/', {s}, {n}, NULL)",
        f"format('{{}}-{{}}', {s}, {k})",
        f"printf('%s|%d', {s}, {k})",
        f"lpad({s}, 3, '.')",
        f"jaro_winkler_similarity({s}, 'xy', 0.5)",
        f"levenshtein({s}, 'xy')",
        f"translate({s}, 'xy', 'ab')",
        f"overlay('abcd' PLACING {s} FROM 2 FOR 1)",
        f"position('x' IN {s})",
        f"substring({s} FROM 1 FOR 1)",
        f"trim(BOTH 'x' FROM {s})",
        f"decode(encode({s}), 'replace')",
        f"hash({s}) % 7",
        f"md5({s})",
        f"greatest({k}, 3, NULL)",
        f"nullif({k}, 3)",
        f"log2({k} + 1)",
        f"round({k} / 3, 2)",
        f"gcd({k}, 12)",
        f"bit_count({k})",
        f"try_cast({s} AS INTEGER)",
        f"date_trunc(['month', 'week'][{k} % 2 + 1], {day})",
        f"date_diff('month', {day}, {at}::DATE)",
        f"date_sub('day', {day}::TIMESTAMP, {at})",
        f"date_add({day}, INTERVAL 3 DAY)",
        f"date_part(['year', 'isodow'], {day})",
        f"age({at}, TIMESTAMP '2024-01-01')",
        f"strftime({day}, '%a %-d.%m')",
        f"monthname({day})",
        f"last_day({day})",
        f"make_date(2024, 1, {k}::INTEGER + 1)",
        f"list_sort([{n}, {k}], 'DESC', 'NULLS FIRST')",
        f"list_aggregate([{k}, 3], 'string_agg', '/')",
        f"list_reduce([{k}, 3, 4], lambda e, f: e * 2 - f)",
        f"list_zip([{k}, 1], [{s}])",
        f"array_to_string([{s}, 'z'], ',')",
        f"list_slice([{k}, 1, 2], 1, -1, 2)",
        f"flatten([[{k}], [1, 2]])",
        f"struct_insert({{'a': {k}}}, b := {s})",
        f"map_entries(map([{k}, -1], [{s}, 'y']))",
        f"map_from_entries([({k}, {s})])[{k}]",
        f"{json} -> 'c' -> 0",
        f"{json} ->> '$.b'",
        f"json_extract_string({json}, ['$.a', '$.b'])",
        f"json_array_length({json}, '$.c')",
        f"json_keys({json})",
        f"json_type({json}, '$.b')",
        f"json_contains({json}, '2')",
        f"to_json({{'a': {n}, 'b': [{s}]}})",
        f'from_json({json}, \'{{"a": "INTEGER", "c": ["DOUBLE"]}}\')',
        f"json_merge_patch({json}, '{{\"a\": null}}')",
        f"({json})::VARCHAR",
    ]
    one, two = draw(st.sampled_from(calls)), draw(st.sampled_from(calls))
    return draw(
        st.sampled_from(
            [
                f"SELECT {one} AS c0, {two} AS c1, {total} FROM {rows.text}",
                f"SELECT {one} AS c0, count(*) AS c1, max({two}) AS c2 FROM {rows.text} GROUP BY {one}",
                f"SELECT {total} FROM {rows.text} WHERE {one} IS NOT DISTINCT FROM {two}",
                f"SELECT count(DISTINCT {one}) AS c0, list({two} ORDER BY {total}) AS c1 FROM {rows.text}",
                f"SELECT {one} AS c0 FROM {rows.text} ORDER BY {two}, {total} LIMIT 5",
                f"SELECT q.v AS c0, count(*) AS c1 FROM (SELECT {one} AS v FROM {rows.text}) q "
                f"JOIN (SELECT {one} AS v FROM {rows.text}) p ON q.v = p.v GROUP BY ALL",
            ]
        )
    )


@st.composite
def statistics(draw: st.DrawFn, shape: Shape) -> str:
    """Aggregates that few use: of two columns, of JSON, of many values at once, filtered and grouped."""
    rows = draw(sources(shape))
    n, s, k, total = draw(expressions(rows, "n")), draw(expressions(rows, "s")), rows.number, ", ".join(rows.keys)
    small = f"({k} % 5)"
    calls = [
        f"var_pop({small})",
        f"var_samp({small})",
        f"stddev_pop({small})",
        f"corr({small}, {k})",
        f"covar_pop({small}, {k})",
        f"covar_samp({small}, {k})",
        f"regr_slope({small}, {k})",
        f"regr_r2({small}, {k})",
        f"regr_count({n}, {k})",
        f"skewness({small})",
        f"kurtosis({small})",
        f"entropy({s})",
        f"mad({small})",
        f"product({small})",
        f"bit_and({k})",
        f"bit_xor({k})",
        f"max({k}, 3)",
        f"min({s}, 2)",
        f"arg_min({k}, {k})",
        f"arg_max({k}, {k}, 2)",
        f"histogram({s})",
        f"json_group_array({s} ORDER BY {total})",
        f"group_concat({s}, '/' ORDER BY {total})",
        f"list(DISTINCT {k} ORDER BY {k} DESC)",
        f"quantile_cont({k}, 0.3)",
        f"quantile_disc({draw(expressions(rows, 't'))}, [0.1, 0.9])",
        f"quantile_cont({draw(expressions(rows, 't'))}, 0.5)",
        f"percentile_cont(0.25) WITHIN GROUP (ORDER BY {k} DESC)",
        f"percentile_disc(0.75) WITHIN GROUP (ORDER BY {n})",
        f"geomean({small} + 1)",
        f"any_value({k} ORDER BY {total})",
        f"last({s} ORDER BY {total})",
        f"bool_or({draw(comparisons(rows))})",
        f"count_if({draw(comparisons(rows))})",
        f"fsum({k})",
        f"favg({k})",
        f"sum({k} * 1.5)",
    ]
    chosen = [draw(st.sampled_from(calls)) for _ in range(draw(st.integers(1, 3)))]
    if draw(st.integers(0, 2)) == 0:
        chosen[0] += f" FILTER (WHERE {draw(comparisons(rows))})"
    values = ", ".join(f"{call} AS c{number}" for number, call in enumerate(chosen))
    keys = rows.of("nsmtb") or [rows.keys[0]]
    key = draw(st.sampled_from(keys))
    source = f"FROM {rows.text}"
    return draw(
        st.sampled_from(
            [
                f"SELECT {values} {source}",
                f"SELECT {key} AS g, {values} {source} GROUP BY {key}",
                f"SELECT {key} AS g, {values} {source} GROUP BY ROLLUP ({key})",
                f"SELECT {key} AS g, {values} {source} GROUP BY {key} HAVING {chosen[0]} IS NOT NULL",
                f"SELECT {total}, {chosen[-1]} OVER (PARTITION BY {key}) AS c0 {source}",
            ]
        )
    )
