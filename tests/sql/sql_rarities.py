"""Random queries over types, names and values that the other grammars leave out, over a random database.

Every query has one right answer as a multiset of rows, as in ``sql_statements``. ``limited`` is apart: LIMIT without a
total order, whose rows are any of several.
"""

from __future__ import annotations

from dataclasses import dataclass

from fuzz_tables import Shape
from hypothesis import strategies as st
from sql_corners import one_of, total_of
from sql_grammar import COMPARISONS, Rows, comparisons, expressions, sources, tables
from sql_relations import relations
from sql_windows import groups, windows

DRESSED = {
    "en": "(['x', 'y', NULL, 'z'][k % 4 + 1])::ENUM('z', 'x', 'y')",
    "bi": "(k % 5)::UTINYINT::BIT",
    "tz": "('0' || (k % 3) || ':30:00+0' || (k % 2))::TIMETZ",
    "uu": "('00000000-0000-0000-0000-00000000000' || (k % 4))::UUID",
    "un": "CASE WHEN k % 3 = 0 THEN union_value(n := k % 2)::UNION(n INTEGER, s VARCHAR) "
    "ELSE union_value(s := 'x')::UNION(n INTEGER, s VARCHAR) END",
    "ar": "array_value(k % 2, k % 3)",
    "js": "json_object('a', k % 3, 'b', [k % 2])",
    "bg": "(k * 12345678901234567890)::BIGNUM",
    "ts": "make_timestamp_ns((k % 4)::BIGINT * 1000000001)",
    "hu": "(k % 3)::UHUGEINT + 340282366920938463463374607431768211450",
    "st": "{'en': (['x', 'y'][k % 2 + 1])::ENUM('y', 'x'), 'tz': ('0' || (k % 3) || ':30:00+01')::TIMETZ}",
    "li": "[(k % 2)::BIT, NULL]",
}
"""Columns of types that files do not keep, by name."""


@dataclass(frozen=True)
class Limited:
    """A query for some of the rows of ``whole``. ``keys`` gives what its first column has to be, or how many rows there
    are where no order is asked for."""

    sql: str
    whole: str
    keys: str
    is_ordered: bool


@st.composite
def rarities(draw: st.DrawFn, shape: Shape) -> str:
    """One query."""
    strategies = (
        _dressed,
        _dressed,
        _aliases,
        _chosen,
        _listed,
        _lambdas,
        _collated,
        _valued,
        _pivots,
        windows,
        windows,
        groups,
        relations,
        relations,
        relations,
        relations,
        relations,
        relations,
        relations,
        relations,
    )
    return draw(draw(st.sampled_from(strategies))(shape))


@st.composite
def _dressed(draw: st.DrawFn, shape: Shape) -> str:
    """Types that files do not keep, as keys, arguments, orders and on both sides of joins."""
    names = draw(st.lists(st.sampled_from(sorted(DRESSED)), min_size=2, max_size=2, unique=True))
    one, two = names
    table, other = draw(st.sampled_from(shape.tables)).name, draw(st.sampled_from(shape.tables)).name
    made = [f"(SELECT k, {', '.join(f'{DRESSED[n]} AS {n}' for n in names)} FROM {name})" for name in (table, other)]
    side = draw(st.sampled_from(["", "LEFT ", "FULL ", "SEMI ", "ANTI "]))
    name = draw(st.sampled_from(["min", "max", "first", "last", "any_value", "list", "mode"]))
    call = f"{name}({two} ORDER BY k)" if name in ("first", "last", "any_value", "list") else f"{name}({two})"
    call = f"count(DISTINCT {two})" if name == "mode" else call
    frame = draw(st.sampled_from(["", " ROWS 2 PRECEDING", " GROUPS 1 PRECEDING", " ROWS UNBOUNDED PRECEDING"]))
    compared = draw(st.sampled_from(COMPARISONS))
    choices = [
        f"SELECT {one} AS c0, {call} AS c1 FROM {made[0]} x GROUP BY {one}",
        f"SELECT {one} AS c0, {two} AS c1, count(*) FROM {made[0]} x GROUP BY ROLLUP ({one}, {two})",
        f"SELECT {call} AS c0, count({one}) AS c1 FROM {made[0]} x",
        f"SELECT k, {one} AS c0 FROM {made[0]} x ORDER BY {one} DESC NULLS FIRST, k LIMIT 7",
        f"SELECT k, {one} AS c0 FROM {made[0]} x ORDER BY {one}, k",
        f"SELECT x.k AS c0{'' if side in ('SEMI ', 'ANTI ') else ', y.k AS c1'} FROM {made[0]} x {side}JOIN "
        f"{made[1]} y "
        f"ON x.{one} = y.{one}",
        f"SELECT x.k AS c0, y.k AS c1 FROM {made[0]} x JOIN {made[1]} y ON x.{one} {compared} y.{one} AND x.{two} "
        f"= y.{two}",
        f"SELECT DISTINCT {one}, {two} FROM {made[0]} x",
        f"SELECT {one} FROM {made[0]} x UNION SELECT {one} FROM {made[1]} y",
        f"SELECT {one} FROM {made[0]} x EXCEPT ALL SELECT {one} FROM {made[1]} y",
        f"SELECT {one} FROM {made[0]} x UNION ALL SELECT {two} FROM {made[1]} y",
        f"SELECT k, row_number() OVER (PARTITION BY {one} ORDER BY {two}, k) AS c0 FROM {made[0]} x",
        f"SELECT k, first_value({one}) OVER (ORDER BY {two}, k{frame}) AS c0, lag({two}) OVER (ORDER BY k) AS c1 "
        f"FROM {made[0]} x",
        f"SELECT k, rank() OVER (ORDER BY {one}) AS c0, max({two}) OVER (ORDER BY {one}) AS c1 FROM {made[0]} x",
        f"SELECT k FROM {made[0]} x WHERE {one} {compared} (SELECT max({one}) FROM {made[1]} y WHERE y.k < 4)",
        f"SELECT k FROM {made[0]} x WHERE {one} IN (SELECT {one} FROM {made[1]} y WHERE y.k % 2 = 0)",
        f"SELECT k, (SELECT count(*) FROM {made[1]} y WHERE y.{one} = x.{one}) AS c0 FROM {made[0]} x",
        f"SELECT DISTINCT ON ({one}) {one}, {two}, k FROM {made[0]} x ORDER BY {one}, k DESC",
        f"SELECT {{'a': {one}, 'b': [{two}]}} AS c0, count(*) AS c1 FROM {made[0]} x GROUP BY ALL",
        f"WITH w AS ({made[0][1:-1]}) SELECT a.{one}, b.k FROM w a JOIN w b ON a.{one} = b.{one} AND a.k < b.k",
        f"SELECT quantile_disc({one}, 0.5) AS c0, max({two}) AS c1 FROM {made[0]} x",
        f"SELECT coalesce({one}, {one}) AS c0, {two}::VARCHAR AS c1, k FROM {made[0]} x WHERE {one} IS NOT NULL",
        f"SELECT arg_max({one}, k) AS c0, arg_min(k, {two}) IS NULL AS c1, approx_count_distinct({one}) < 50 FROM "
        f"{made[0]} x",
        f"SELECT u.e AS c0, count(*) FROM {made[0]} x, unnest([{one}, {one}]) u(e) GROUP BY 1",
        f"SELECT x.k, y.c FROM {made[0]} x, LATERAL (SELECT count(*) AS c FROM {made[1]} y WHERE y.{one} >= x.{one}) y",
        f"SELECT {one} AS c0, grouping({one}) AS c1, {call} FILTER (WHERE k > 2) AS c2 FROM {made[0]} x GROUP BY "
        f"CUBE ({one})",
        f"SELECT min({one} ) AS c0, max({one}) AS c1 FROM {made[0]} x",
        f"SELECT k, {one} IN ({DRESSED[one].replace('k', '1')}) AS c0 FROM {made[0]} x",
        f"SELECT histogram({one}) AS c0 FROM {made[0]} x",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _aliases(draw: st.DrawFn, shape: Shape) -> str:
    """Aliases used in SELECT, WHERE, GROUP BY, HAVING, QUALIFY and ORDER BY; names that hide columns."""
    rows = draw(sources(shape))
    number, text, one, total = (
        draw(expressions(rows, "n")),
        draw(expressions(rows, "s")),
        one_of(draw, rows),
        total_of(rows),
    )
    key, source = rows.number, f"FROM {rows.text}"
    plain = one.split(".")[1]
    choices = [
        f"SELECT {key} + 1 AS a, a * 2 AS b, b - a AS c, {total} {source} WHERE a > 1 AND c < 9",
        f"SELECT {key} % 3 AS g, count(*) AS n, n * 2 AS m {source} GROUP BY g HAVING n > 1 ORDER BY m DESC, g",
        f"SELECT {key} % 3 AS g, sum({key}) AS n {source} GROUP BY g HAVING g > 0 AND n > 2",
        f"SELECT {total}, row_number() OVER (PARTITION BY {one} ORDER BY {total}) AS r {source} QUALIFY r = 1",
        f"SELECT {total}, {key} AS v {source} ORDER BY v % 2, v DESC, {total} LIMIT 5",
        f"SELECT -{key} AS {plain}, {total} {source} ORDER BY {plain} NULLS FIRST, {total}",
        f"SELECT {text} || '!' AS {plain}, count(*) AS n {source} GROUP BY {one}, {text}",
        f"SELECT upper({text}) AS u, length(u) AS l, count(*) AS n {source} GROUP BY ALL ORDER BY ALL",
        f"SELECT {key} % 2 AS g, max({key}) AS {plain}, min({key}) AS n {source} GROUP BY 1 HAVING {plain} > 2",
        f"SELECT {one}, count(*) AS k {source} GROUP BY {one} HAVING k > 1 AND max({key}) > 1",
        f"SELECT DISTINCT {key} % 2 AS a, a + 1 AS b {source}",
        f"SELECT sum({number}::HUGEINT) AS s, s + 1 AS t, count(*) AS n, s IS NULL AS e {source}",
        f"SELECT max({key}) - min({key}) AS w, w * w AS q {source} HAVING w >= 0",
        f"SELECT {key} AS a, (SELECT count(*) FROM {shape.tables[0].name} i WHERE i.k < a) AS n, {total} {source}",
        f"SELECT CASE WHEN {key} > 2 THEN 'big' ELSE 'small' END AS size, count(*) {source} GROUP BY size ORDER BY "
        "size",
        f"SELECT {key} + 1 AS k, k AS other, {total} {source} ORDER BY {total}"
        if len(rows.of("k")) == 1
        else f"SELECT {total} {source}",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _chosen(draw: st.DrawFn, shape: Shape) -> str:
    """Stars with everything that changes them, over joins, COLUMNS in every place, QUALIFY and DISTINCT ON."""
    rows, other = draw(tables(shape, "x")), draw(tables(shape, "y"))
    one, total, key = one_of(draw, rows), total_of(rows), rows.number
    last = rows.columns[-1][0].split(".")[1]
    joined = f"{rows.text} JOIN {other.text} ON {key} = {other.number}"
    choices = [
        f"SELECT x.*, y.* FROM {joined}",
        f"SELECT * EXCLUDE (x.{last}) FROM {joined}",
        f"SELECT x.* EXCLUDE ({last}), {key} AS z FROM {joined}",
        f"SELECT * REPLACE ({key} + 1 AS {last}) FROM {rows.text}",
        f"SELECT COLUMNS(x.*), y.k FROM {rows.text} JOIN {shape.tables[0].name} y ON y.k = {key}",
        f"SELECT min(COLUMNS(lambda c: c LIKE '%k%')) AS m FROM {rows.text}",
        f"SELECT count(COLUMNS(*)), max({key}) FROM {rows.text}",
        f"SELECT {total}, COLUMNS('^(a|b|k)$')::VARCHAR FROM {rows.text}",
        f"SELECT {total} FROM {rows.text} WHERE COLUMNS(*) IS NOT NULL",
        f"SELECT DISTINCT ON ({one}, {key} % 2) {one}, {total} FROM {rows.text} ORDER BY {one}, {key} % 2, {total}",
        f"SELECT DISTINCT ON ({one}) * FROM {rows.text} ORDER BY {one} DESC, {total} DESC LIMIT 3",
        f"SELECT * FROM {rows.text} QUALIFY count(*) OVER (PARTITION BY {one}) > 1 AND {key} < 7",
        f"SELECT {one}, count(*) FROM {rows.text} GROUP BY {one} QUALIFY row_number() OVER (ORDER BY count(*), "
        f"{one}) <= 2",
        f"FROM {rows.text} SELECT {one}, {total} WHERE {draw(comparisons(rows))}",
        f"FROM {rows.text}",
        f"SELECT * FROM {rows.text} ORDER BY ALL LIMIT 3",
        f"SELECT * FROM {joined} ORDER BY ALL",
        f"SELECT count(*) FROM (SELECT DISTINCT * FROM {joined}) q",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _listed(draw: st.DrawFn, shape: Shape) -> str:
    """Lists, structs and maps made, taken apart and compared."""
    rows = draw(sources(shape))
    s, k = draw(expressions(rows, "s")), rows.number
    lists = draw(st.sampled_from([*rows.of("l"), f"[{k}, 2, NULL]", f"range({k} % 4)", f"[{k} % 2, {k} % 3, 1]"]))
    calls = [
        f"list_sort({lists})",
        f"list_reverse_sort({lists})",
        f"len(list_distinct({lists}))",
        f"list_contains({lists}, {k})",
        f"list_position({lists}, 2)",
        f"list_has_any({lists}, [1, 2])",
        f"list_intersect({lists}, [1])",
        f"list_concat({lists}, [{k}])",
        f"list_aggregate({lists}, 'max')",
        f"list_slice({lists}, -2, -1)",
        f"{lists}[1]",
        f"{lists}[-1]",
        f"{lists}[2:]",
        f"list_resize({lists}, 2, 0)",
        f"list_where({lists}, list_transform({lists}, lambda e: e > 1))",
        f"list_select([10, 20, 30], [1, {k} % 3 + 1])",
        f"list_grade_up({lists})",
        f"array_cross_product([1, 2, {k}]::INTEGER[3], [1, 0, 1]::INTEGER[3])",
        f"list_cosine_similarity([1.0, {k}], [1.0, 1.0])",
        f"struct_extract({{'a': {k}, 'b': {s}}}, 'b')",
        f"({{'a': {k}, 'b': {s}}}).a",
        f"struct_pack(a := {k}, b := {lists})",
        f"row({k}, {s})",
        f"({k}, {s}) = ({k}, {s})",
        f"({k}, {s}) < (3, 'x')",
        f"({k}, {s}) IN ((1, 'x'), (2, 'y'))",
        f"{k} = ANY({lists})",
        f"{k} <> ALL({lists})",
        f"{k} IN {lists}",
        f"map([{k}], [{s}])[{k}]",
        f"map_extract(map([1, 2], [{s}, 'q']), {k})",
        f"map_keys(map([{k}, -1], [{s}, 'y']))",
        f"map_contains(map([{k}], [1]), 2)",
        f"cardinality(map([{k}], [{s}]))",
        f"map_concat(map([{k}], [1]), map([1], [2]))",
        f"string_split({s}, '')",
        f"list_zip({lists}, [{s}])",
        f"[{{'p': {k}}}][1].p",
        f"array_length([[{k}], [1]], 1)",
        f"[e + 1 FOR e IN {lists} IF e IS NOT NULL]",
        f"[[f * 2 FOR f IN [e, {k}]] FOR e IN [1, 2]]",
    ]
    one, two = draw(st.sampled_from(calls)), draw(st.sampled_from(calls))
    return draw(_in_places(one, two, rows))


@st.composite
def _in_places(draw: st.DrawFn, one: str, two: str, rows: Rows) -> str:
    """Two values selected, grouped by, filtered by, ordered by, joined by, numbered by."""
    total, source = total_of(rows), f"FROM {rows.text}"
    choices = [
        f"SELECT {one} AS c0, {two} AS c1, {total} {source}",
        f"SELECT {one} AS c0, count({two}) AS c1 {source} GROUP BY {one}",
        f"SELECT {total} {source} WHERE {one} IS NOT DISTINCT FROM {two}",
        f"SELECT {total} {source} WHERE ({one}) IS NULL OR {rows.number} > 2",
        f"SELECT {one} AS c0, {total} {source} ORDER BY {one}, {total} LIMIT 4",
        f"SELECT min({one}) AS c0, max({two}) AS c1 {source}",
        f"SELECT {total}, row_number() OVER (PARTITION BY {one} ORDER BY {two}, {total}) AS c0 {source}",
        f"SELECT q.v AS c0, count(*) AS c1 FROM (SELECT {one} AS v {source}) q "
        f"JOIN (SELECT {one} AS v {source}) p ON q.v = p.v GROUP BY q.v",
        f"SELECT v, w FROM (SELECT {one} AS v, {two} AS w, {rows.number} AS k {source}) q WHERE k > 1",
        f"SELECT {total}, (SELECT max(v) FROM (SELECT {one} AS v) i) AS c0 {source}",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _lambdas(draw: st.DrawFn, shape: Shape) -> str:
    """Lambdas over columns, other lambdas and outer columns, one or two arguments, whose names hide columns."""
    rows = draw(sources(shape))
    s, k = draw(expressions(rows, "s")), rows.number
    plain = rows.columns[-1][0].split(".")[1]
    lists = draw(st.sampled_from([*rows.of("l"), f"[{k}, 2, NULL]", f"range({k} % 4)"]))
    calls = [
        f"list_transform({lists}, lambda {plain}: {plain} + 1)",
        f"list_transform({lists}, lambda e: e + {k})",
        f"list_transform({lists}, lambda e, i: e * i)",
        f"list_filter({lists}, lambda e: e > {k} % 2)",
        f"list_filter({lists}, lambda e, i: i > 1 AND e IS NOT NULL)",
        f"list_reduce([1, {k}, 3], lambda a, b: a - b)",
        f"list_reduce([1, {k}, 3], lambda a, b, i: a + b * i)",
        f"list_reduce([{k}], lambda a, b: a + b, 10)",
        f"list_transform([[1, {k}], [3]], lambda e: list_transform(e, lambda f: f + len(e)))",
        f"list_transform([{s}, 'q'], lambda e: upper(e) || {s})",
        f"list_apply([1, 2], lambda e: {{'a': e, 'b': {k}}})",
        f"apply(filter([1, 2, 3], lambda e: e <> {k}), lambda e: -e)",
        f"map_from_entries(list_transform([1, 2], lambda e: (e, {k})))",
        f"list_sum(list_transform({lists}, lambda e: CASE WHEN e > 1 THEN e ELSE {k} END))",
        f"list_bool_or(list_transform({lists}, lambda e: e = {k}))",
        f"list_any_value(list_filter({lists}, lambda e: e >= {k}))",
        f"list_transform([1, 2], lambda e: coalesce(({s}), e::VARCHAR))",
        f"list_transform(string_split(coalesce({s}, ''), ''), lambda c: ascii(c) % 7)",
    ]
    return draw(_in_places(draw(st.sampled_from(calls)), draw(st.sampled_from(calls)), rows))


@st.composite
def _collated(draw: st.DrawFn, shape: Shape) -> str:
    """Collations in comparisons, keys, orders, windows, joins, CASE and set operations."""
    rows, other = draw(tables(shape, "x")), draw(tables(shape, "y"))
    s, o, total = draw(expressions(rows, "s")), draw(expressions(other, "s")), total_of(rows)
    way = draw(st.sampled_from(["NOCASE", "NOACCENT", "NOCASE.NOACCENT", "de"]))
    source = f"FROM {rows.text}"
    choices = [
        f"SELECT {total}, {s} COLLATE {way} = 'x' AS c0, {s} COLLATE {way} < 'y' AS c1 {source}",
        f"SELECT {total} {source} WHERE {s} COLLATE {way} IN ('X', 'a', '')",
        f"SELECT {total} {source} WHERE {s} COLLATE {way} BETWEEN 'A' AND 'x'",
        f"SELECT {total} {source} ORDER BY {s} COLLATE {way} DESC NULLS FIRST, {total} LIMIT 4",
        f"SELECT count(*) AS c0 {source} GROUP BY {s} COLLATE {way}",
        f"SELECT {total}, rank() OVER (ORDER BY {s} COLLATE {way}) AS c0, count(*) OVER (PARTITION BY {s} COLLATE "
        f"{way}) {source}",
        f"SELECT {total}, {other.number} AS c0 {source} LEFT JOIN {other.text} ON {s} COLLATE {way} = {o}",
        f"SELECT {total} {source} WHERE EXISTS (SELECT 1 FROM {other.text} WHERE {s} COLLATE {way} = {o} COLLATE "
        f"{way})",
        f"SELECT {total} {source} WHERE {s} COLLATE {way} IN (SELECT {o} FROM {other.text})",
        f"SELECT count(DISTINCT {s} COLLATE {way}) AS c0, max({s} COLLATE {way}) IS NULL AS c1 {source}",
        f"SELECT {total}, CASE {s} COLLATE {way} WHEN 'X' THEN 1 WHEN 'A' THEN 2 END AS c0 {source}",
        f"SELECT count(*) FROM (SELECT {s} COLLATE {way} AS c {source} UNION SELECT {o} FROM {other.text}) u",
        f"SELECT count(*) FROM (SELECT DISTINCT {s} COLLATE {way} AS c {source}) u",
        f"SELECT DISTINCT ON ({s} COLLATE {way}) {total} {source} ORDER BY {s} COLLATE {way}, {total}",
        f"SELECT {total}, {s} COLLATE {way} LIKE 'X%' AS c0, contains({s} COLLATE {way}, 'X') AS c1 {source}",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _valued(draw: st.DrawFn, shape: Shape) -> str:
    """VALUES as tables, sides of joins and set operations, and lists of IN; constant rows of mixed types."""
    rows = draw(tables(shape, "x"))
    n, s, total, k = draw(expressions(rows, "n")), draw(expressions(rows, "s")), total_of(rows), rows.number
    values = draw(
        st.sampled_from(
            [
                "(VALUES (1, 'x'), (2, NULL), (NULL, 'y')) v(a, b)",
                "(VALUES (1.5, 'x'), (2, ''), (100, 'X')) v(a, b)",
                "(VALUES (1, 'x')) v(a, b)",
                "(SELECT unnest([1, 2, 2]) AS a, 'x' AS b) v",
                "(SELECT i AS a, 'y' AS b FROM range(3) r(i)) v",
                "(VALUES (NULL, NULL), (3::TINYINT, 'x')) v(a, b)",
            ]
        )
    )
    side = draw(st.sampled_from(["", "LEFT ", "RIGHT ", "FULL "]))
    choices = [
        f"SELECT {total}, v.a, v.b FROM {rows.text} {side}JOIN {values} ON {k} = v.a",
        f"SELECT {total}, v.a FROM {values} {side}JOIN {rows.text} ON {s} = v.b",
        f"SELECT {total}, v.a FROM {values} LEFT JOIN {rows.text} ON {k} > v.a",
        f"SELECT v.b, count({k}), sum({k}) FROM {values} LEFT JOIN {rows.text} ON {k} = v.a GROUP BY v.b",
        f"SELECT {total} FROM {rows.text} WHERE {k} IN (VALUES (1), (3), (NULL))",
        f"SELECT {total} FROM {rows.text} WHERE {k} NOT IN (SELECT a FROM {values})",
        f"SELECT {total} FROM {rows.text} WHERE ({k}, {s}) IN (SELECT a, b FROM {values})",
        f"SELECT a FROM {values} UNION ALL SELECT {n} FROM {rows.text}",
        f"SELECT a FROM {values} EXCEPT SELECT {k} FROM {rows.text}",
        f"(VALUES (1, 'q')) UNION ALL SELECT {k}, {s} FROM {rows.text}",
        f"SELECT b, sum(a) FROM {values} GROUP BY b",
        f"SELECT a, (SELECT count(*) FROM {rows.text} WHERE {k} < v.a) AS n FROM {values}",
        f"SELECT a, row_number() OVER (ORDER BY a, b) FROM {values}",
        f"SELECT a, k FROM {values}, LATERAL (SELECT {k} AS k FROM {rows.text} WHERE {k} < v.a) q",
        f"SELECT (SELECT max(a) FROM {values}) + {k} AS c0, {total} FROM {rows.text}",
        f"SELECT 1 AS one, (SELECT count(*) FROM {rows.text}) AS n",
        f"SELECT * FROM (SELECT 1 AS one WHERE EXISTS (SELECT 1 FROM {rows.text})) q",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _pivots(draw: st.DrawFn, shape: Shape) -> str:
    """PIVOT without its values, and UNPIVOT of every form."""
    rows = draw(tables(shape, "x"))
    s, n, one, k = draw(expressions(rows, "s")), draw(expressions(rows, "n")), one_of(draw, rows), rows.number
    picked = f"SELECT {s} AS s, {n} AS n, {k} AS k, {one} AS g FROM {rows.text}"
    choices = [
        f"PIVOT ({picked}) ON s USING sum(k)",
        f"PIVOT ({picked}) ON s USING sum(k), count(*) AS c GROUP BY g",
        f"PIVOT ({picked}) ON k % 2 USING max(n) GROUP BY s",
        f"PIVOT ({picked}) ON s, k % 2 USING count(*)",
        f"SELECT * FROM (PIVOT ({picked}) ON k % 3 USING list(k ORDER BY k) GROUP BY g) p",
        f"PIVOT ({picked}) ON s USING first(k ORDER BY k) GROUP BY g ORDER BY ALL LIMIT 3",
        f"WITH p AS (PIVOT ({picked}) ON k % 2 USING sum(k) GROUP BY g) SELECT a.*, b.g FROM p a JOIN p b ON a.g = b.g",
        f"PIVOT ({picked}) ON s IN ('x', 'y') USING avg(k)",
        f"UNPIVOT ({picked}) ON n, k INTO NAME name VALUE v ORDER BY ALL",
        f"FROM ({picked}) UNPIVOT INCLUDE NULLS (v FOR name IN (n, k))",
        f"SELECT * FROM ({picked}) UNPIVOT (v FOR name IN (n AS 'one', k AS 'two')) WHERE v > 1",
        f"UNPIVOT ({picked}) ON COLUMNS(* EXCLUDE (s, g)) INTO NAME name VALUE v",
        f"SELECT name, max(v) FROM (UNPIVOT ({picked}) ON n + 1 AS m, k INTO NAME name VALUE v) GROUP BY name",
        f"SELECT * FROM ({picked}) PIVOT (sum(k) AS t, max(n) AS m FOR s IN ('x', 'y'))",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def limited(draw: st.DrawFn, shape: Shape) -> Limited:
    """LIMIT whose order has ties, or that has none."""
    rows = draw(sources(shape))
    one, total, where = one_of(draw, rows), total_of(rows), draw(comparisons(rows))
    count, offset = draw(st.integers(0, 7)), draw(st.sampled_from([0, 0, 1, 3]))
    way = draw(st.sampled_from(["", " DESC", " NULLS FIRST"]))
    grouped = draw(st.booleans()) and draw(st.booleans())
    picked, source = f"{one} AS c0, {total}", f"FROM {rows.text} WHERE {where}"
    if grouped:
        picked, source = f"count(*) % 3 AS c0, {one} AS c1", f"{source} GROUP BY {one}"
    order = draw(st.sampled_from([f" ORDER BY c0{way}", ""]))
    end = f"{order} LIMIT {count}" + (f" OFFSET {offset}" if offset else "")
    whole = f"SELECT {picked} {source}"
    keys = f"SELECT c0 FROM ({whole}) q{end}" if order else f"SELECT count(*) FROM (SELECT 1 FROM ({whole}) q{end}) p"
    return Limited(f"{whole}{end}", whole, keys, bool(order))
