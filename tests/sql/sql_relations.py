"""Random queries that put relations together as few do: WITH, LATERAL, recursion, set operations, joins of every form.

Each has one right answer as a multiset of rows. ``sql_rarities`` draws from here.
"""

from __future__ import annotations

from fuzz_tables import Shape
from hypothesis import strategies as st
from sql_corners import one_of, total_of
from sql_grammar import COMPARISONS, Rows, comparisons, expressions, predicates, tables


@st.composite
def relations(draw: st.DrawFn, shape: Shape) -> str:
    """One query."""
    strategies = (
        _positional,
        _set_ends,
        _shared,
        _far,
        _lateral_chains,
        _recursions,
        _natural,
        _asof_more,
        _from_parts,
        _read_twice,
        _far,
        _read_twice,
    )
    return draw(draw(st.sampled_from(strategies))(shape))


@st.composite
def _positional(draw: st.DrawFn, shape: Shape) -> str:
    """Positional joins of ordered rows, filtered, grouped and joined."""
    rows, other = draw(tables(shape, "x")), draw(tables(shape, "y"))
    one, two = one_of(draw, rows), one_of(draw, other)
    left = f"(SELECT {one} AS a, {rows.number} AS i FROM {rows.text} ORDER BY {total_of(rows)}) p"
    right = f"(SELECT {two} AS b, {other.number} AS j FROM {other.text} ORDER BY {total_of(other)} DESC) q"
    source = f"{left} POSITIONAL JOIN {right}"
    choices = [
        f"SELECT a, b, i, j FROM {source}",
        f"SELECT i, count(*) AS c FROM {source} WHERE j > 1 OR j IS NULL GROUP BY i",
        f"SELECT a, b FROM {source} ORDER BY i, j LIMIT 4",
        f"SELECT s.i, z.k FROM (SELECT * FROM {source}) s JOIN {draw(st.sampled_from(shape.tables)).name} z ON s.j "
        "= z.k",
        f"SELECT i FROM {source} WHERE i IN (SELECT k FROM {draw(st.sampled_from(shape.tables)).name} WHERE k > 0)",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _set_ends(draw: st.DrawFn, shape: Shape) -> str:
    """Set operations whose sides end in ORDER BY and LIMIT, are WITH or DISTINCT ON; BY NAME; nested in FROM."""
    kind = draw(st.sampled_from("nstm"))
    sides = []
    for alias in "xyz":
        rows = draw(tables(shape, alias))
        value, total, where = draw(expressions(rows, kind)), total_of(rows), draw(predicates(shape, rows))
        one = one_of(draw, rows)
        sides.append(
            draw(
                st.sampled_from(
                    [
                        f"(SELECT {value} AS a FROM {rows.text} ORDER BY {total} DESC LIMIT 4)",
                        f"(SELECT {value} AS a FROM {rows.text} WHERE {where} ORDER BY {total} LIMIT 3 OFFSET 1)",
                        f"(SELECT DISTINCT ON ({one}) {value} AS a FROM {rows.text} ORDER BY {one}, {total})",
                        f"(WITH w AS (SELECT {value} AS a FROM {rows.text}) SELECT a FROM w WHERE a IS NOT NULL)",
                        f"(SELECT {value} AS a FROM {rows.text} GROUP BY 1 HAVING count(*) > 1)",
                        f"SELECT {value} AS a FROM {rows.text}",
                        f"(SELECT {value} AS a FROM {rows.text} QUALIFY row_number() OVER (ORDER BY {total}) < 4)",
                        f"(SELECT max({value}) AS a FROM {rows.text})",
                    ]
                )
            )
        )
    names = ["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"]
    one, two = draw(st.sampled_from(names)), draw(st.sampled_from(names))
    by = draw(st.sampled_from(["UNION BY NAME", "UNION ALL BY NAME"]))
    tree = f"{sides[0]} {one} {sides[1]} {two} {sides[2]}"
    rows = draw(tables(shape, "o"))
    outer = draw(st.sampled_from([name for name, k in rows.columns if k == kind] or ["NULL"]))
    choices = [
        tree,
        f"{tree} ORDER BY a DESC NULLS LAST LIMIT 3",
        f"{tree} ORDER BY 1 LIMIT 3 OFFSET 1",
        f"SELECT count(*), count(a) FROM ({tree}) u",
        f"SELECT {total_of(rows)} FROM {rows.text} WHERE EXISTS ({sides[0]} {one} {sides[1]})",
        f"SELECT {total_of(rows)} FROM {rows.text} WHERE {outer} IN ({tree})",
        f"SELECT {total_of(rows)}, (SELECT count(*) FROM ({tree}) c WHERE c.a = {outer}) AS n FROM {rows.text}",
        f"SELECT a, 1 AS b FROM ({sides[0]}) p {by} SELECT 2 AS c, a FROM ({sides[1]}) q",
        f"WITH u(v) AS ({tree}) SELECT v, count(*) FROM u GROUP BY v UNION ALL SELECT v, -1 FROM u",
        f"SELECT u.a, {total_of(rows)} FROM ({tree}) u RIGHT JOIN {rows.text} ON u.a = {outer}",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _shared(draw: st.DrawFn, shape: Shape) -> str:
    """WITH that names, hides, nests and refers to another; MATERIALIZED; correlated WITH in subqueries."""
    rows, other = draw(tables(shape, "x")), draw(tables(shape, "y"))
    one, total, key, table = one_of(draw, rows), total_of(rows), rows.number, shape.tables[0].name
    how = draw(st.sampled_from(["", "", "MATERIALIZED ", "NOT MATERIALIZED "]))
    where = draw(predicates(shape, rows))
    body = f"SELECT {one} AS a, {key} AS b FROM {rows.text} WHERE {where}"
    beside = f"SELECT {one_of(draw, other)} AS a, {other.number} AS b FROM {other.text}"
    limited = f"SELECT {key} AS b FROM {rows.text} ORDER BY {total} DESC LIMIT 3"
    choices = [
        f"WITH c AS {how}({body}), d AS (SELECT b, count(*) AS n FROM c GROUP BY b) "
        f"SELECT c.a, d.n FROM c LEFT JOIN d USING (b)",
        f"WITH c(p, q) AS {how}({body}) SELECT p, max(q) FROM c GROUP BY p UNION ALL SELECT p, q FROM c WHERE q > 1",
        f"WITH {table} AS {how}(SELECT k + 100 AS k FROM {table}) SELECT k FROM {table}",
        f"WITH c AS ({body}) SELECT * FROM (WITH c AS (SELECT b + 1 AS b FROM c) SELECT b FROM c) q",
        f"WITH c AS {how}({limited}) SELECT {total} FROM {rows.text} WHERE {key} IN (SELECT b FROM c) "
        f"AND {key} < (SELECT max(b) FROM c)",
        f"SELECT {total}, (WITH c AS (SELECT k FROM {table} i WHERE i.k <= {key}) SELECT count(*) FROM c a, c b "
        f"WHERE a.k = b.k) AS n FROM {rows.text}",
        f"SELECT {total} FROM {rows.text} WHERE EXISTS (WITH c AS (SELECT k FROM {table}) SELECT 1 FROM c WHERE k "
        f"= {key})",
        f"WITH c AS ({body}), d AS ({beside}) SELECT * FROM c JOIN d ON c.b = d.b JOIN c AS e ON e.b = d.b",
        f"WITH c AS {how}(SELECT random() AS r, k FROM {table}) SELECT a.k FROM c a JOIN c b ON a.r = b.r AND a.k "
        "= b.k",
        f"WITH c AS ({body}) SELECT b, (SELECT count(*) FROM c i WHERE i.b < o.b) AS n FROM c o",
        f"WITH c AS ({body}), d AS (SELECT * FROM c), e AS (SELECT * FROM d) SELECT count(*) FROM c, e WHERE c.b = e.b",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _far(draw: st.DrawFn, shape: Shape) -> str:
    """Subqueries two levels deep that use columns of every level, in SELECT, WHERE, HAVING, aggregates and ORDER BY."""
    rows, near, deep = draw(tables(shape, "x")), draw(tables(shape, "y")), draw(tables(shape, "z"))

    def pair(a: Rows, b: Rows) -> str:
        pairs = [(p, q) for kind in "nsmtp" for p in a.of(kind) for q in b.of(kind)] or [(a.number, b.number)]
        p, q = draw(st.sampled_from(pairs))
        return f"{p} {draw(st.sampled_from(['=', '=', '=', *COMPARISONS]))} {q}"

    xy, xz, yz = pair(rows, near), pair(rows, deep), pair(near, deep)
    total, a, b, c = total_of(rows), rows.number, near.number, deep.number
    call = draw(st.sampled_from(["count(*)", f"max({c})", f"sum({c})", f"count(DISTINCT {c})", f"min({c}) + {a}"]))
    low = f"(SELECT {call} FROM {deep.text} WHERE {xz} AND {yz})"
    found = f"{draw(st.sampled_from(['', 'NOT ']))}EXISTS (SELECT 1 FROM {deep.text} WHERE {xz} AND {yz})"
    member = f"{a} {draw(st.sampled_from(['', 'NOT ']))}IN (SELECT {c} FROM {deep.text} WHERE {yz})"
    out = draw(st.sampled_from(["count(*)", f"sum({b})", f"max({low})", f"list({b} ORDER BY {total_of(near)})"]))
    body = draw(
        st.sampled_from(
            [
                f"SELECT {out} AS v FROM {near.text} WHERE {xy} AND {found}",
                f"SELECT {out} AS v FROM {near.text} WHERE {xy} AND {low} > {b}",
                f"SELECT {out} AS v FROM {near.text} WHERE {member}",
                f"SELECT {out} AS v FROM {near.text} LEFT JOIN {deep.text} ON {yz} AND {xz} WHERE {xy}",
                f"SELECT {b} AS v FROM {near.text} WHERE {xy} ORDER BY {low}, {total_of(near)} LIMIT 1",
                f"SELECT {low} AS v FROM {near.text} WHERE {xy} ORDER BY {total_of(near)} LIMIT 1",
                f"SELECT max(w) AS v FROM (SELECT {b} + {a} AS w FROM {near.text} WHERE {xy} UNION ALL {low[1:-1]}) u"
                if "y." not in low
                else f"SELECT count(*) AS v FROM {near.text} WHERE {xy} GROUP BY {a} HAVING count(*) > {a}",
                f"SELECT sum(n) AS v FROM (SELECT {b} AS g, count(*) AS n FROM {near.text} WHERE {xy} GROUP BY 1) w "
                f"WHERE w.n >= (SELECT count(*) FROM {deep.text} WHERE {xz} AND {c} = w.g)",
                f"SELECT max(r) AS v FROM (SELECT row_number() OVER (ORDER BY {total_of(near)}) AS r, {b} AS g "
                f"FROM {near.text} WHERE {xy}) w WHERE g <= {a}",
                f"SELECT DISTINCT {a} AS v FROM {near.text} WHERE {xy}",
            ]
        )
    )
    source = f"FROM {rows.text}"
    choices = [
        f"SELECT {total}, ({body}) AS c0 {source}",
        f"SELECT {total} {source} WHERE ({body}) IS NOT NULL",
        f"SELECT {total} {source} WHERE EXISTS ({body}) OR {a} = 1",
        f"SELECT {total}, NOT EXISTS ({body}) AS c0 {source}",
        f"SELECT {total} {source} ORDER BY ({body}) DESC NULLS LAST, {total} LIMIT 4",
        f"SELECT {total}, CASE WHEN {a} > 1 THEN ({body}) END AS c0 {source}",
        f"SELECT {a} AS c0, count(({body})) AS c1 {source} GROUP BY {a}",
        f"SELECT {total}, w.v {source} LEFT JOIN LATERAL ({body}) w ON true",
        f"SELECT {total}, w.v {source}, LATERAL ({body}) w",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _lateral_chains(draw: st.DrawFn, shape: Shape) -> str:
    """LATERAL after LATERAL, with UNNEST, outer joins, aggregates, limits and windows that use earlier ones."""
    rows, near = draw(tables(shape, "x")), draw(tables(shape, "y"))
    total, a, b = total_of(rows), rows.number, near.number
    deep = draw(st.sampled_from(shape.tables)).name
    compared = draw(st.sampled_from(["=", *COMPARISONS]))
    one = f"(SELECT {b} AS p, {one_of(draw, near)} AS q FROM {near.text} WHERE {b} {compared} {a})"
    join, on = draw(st.sampled_from([(", ", ""), (" LEFT JOIN ", " ON true"), (" JOIN ", " ON true")]))
    two = draw(
        st.sampled_from(
            [
                f"(SELECT count(*) AS n FROM {deep} z WHERE z.k < m.p)",
                f"(SELECT z.k AS n FROM {deep} z WHERE z.k = m.p + {a})",
                f"(SELECT z.k AS n FROM {deep} z WHERE z.k >= m.p ORDER BY z.k LIMIT 1)",
                "(SELECT m.p * 2 AS n)",
                f"(SELECT unnest([m.p, {a}]) AS n)",
                "(SELECT m.p AS n WHERE m.p > 1)",
                f"(VALUES (m.p), ({a}))",
                f"(SELECT sum(k) OVER (ORDER BY k) AS n FROM {deep} z WHERE k <= m.p)",
            ]
        )
    )
    name = "o(n)"
    choices = [
        f"SELECT {total}, m.p, o.n FROM {rows.text}{join}LATERAL {one} m{on}{join}LATERAL {two} {name}{on}",
        f"SELECT {a} AS c0, sum(o.n) AS c1 FROM {rows.text}{join}LATERAL {one} m{on}{join}LATERAL {two} {name}{on} "
        f"GROUP BY {a}",
        f"SELECT {total}, o.n FROM {rows.text}, LATERAL (SELECT max(p) AS p FROM {one} i) m, LATERAL {two} {name}",
        f"SELECT {total}, e FROM {rows.text}, LATERAL {one} m, unnest([m.p, {a}, 7]) u(e) WHERE e > 2",
        f"SELECT {total}, (SELECT sum(o.n) FROM {one} m, LATERAL {two} {name}) AS c0 FROM {rows.text}",
        f"SELECT {total}, e, i FROM {rows.text}, unnest([{a}, 5]) WITH ORDINALITY u(e, i)",
        f"SELECT {total}, g.i FROM {rows.text}, generate_series(1, {a} % 4) g(i)",
        f"SELECT {total}, g.i FROM {rows.text} LEFT JOIN range({a} % 3) g(i) ON true"
        if join != ", "
        else f"SELECT {total}, g.i FROM {rows.text}, range({a} % 3) g(i) WHERE g.i < {a}",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _recursions(draw: st.DrawFn, shape: Shape) -> str:
    """Recursion beside other WITH, over joins, with aggregates in its steps, twice, and inside of subqueries."""
    rows = draw(tables(shape, "x"))
    total, key, table = total_of(rows), rows.number, shape.tables[0].name
    union = draw(st.sampled_from(["UNION", "UNION ALL"]))
    base = f"SELECT {key} AS n, 0 AS d FROM {rows.text} WHERE {draw(comparisons(rows))}"
    step = draw(
        st.sampled_from(
            [
                "SELECT n + 1, d + 1 FROM r WHERE d < 3",
                f"SELECT i.k, d + 1 FROM r JOIN {table} i ON i.k = r.n + 1 WHERE d < 4",
                f"SELECT r.n, d + 1 FROM r LEFT JOIN {table} i ON i.k = r.n * 2 WHERE d < 2 AND i.k IS NULL",
                "SELECT max(n) + 1, max(d) + 1 FROM r HAVING max(d) < 3",
                f"SELECT n, d + 1 FROM r WHERE d < 2 AND n IN (SELECT k FROM {table})",
                "(SELECT n, d + 1 FROM r WHERE d < 2 ORDER BY n LIMIT 2)",
                "SELECT DISTINCT n % 3, d + 1 FROM r WHERE d < 3",
            ]
        )
    )
    recursive = f"WITH RECURSIVE r(n, d) AS ({base} {union} {step})"
    choices = [
        f"{recursive} SELECT n, d FROM r",
        f"{recursive}, s AS (SELECT n, max(d) AS d FROM r GROUP BY n) SELECT s.n, r.d FROM s JOIN r USING (n)",
        f"{recursive} SELECT {total}, (SELECT max(d) FROM r WHERE r.n = {key}) AS c0 FROM {rows.text}",
        f"SELECT {total} FROM {rows.text} WHERE {key} IN ({recursive} SELECT n FROM r)",
        f"{recursive} SELECT a.n, b.d FROM r a JOIN r b ON a.n = b.n AND a.d < b.d",
        f"{recursive} SELECT d, count(*), list(n ORDER BY n) FROM r GROUP BY ROLLUP (d)",
        f"{recursive} SELECT n, row_number() OVER (PARTITION BY d ORDER BY n, d) FROM (SELECT DISTINCT n, d FROM r) q",
        f"WITH RECURSIVE c AS (SELECT k FROM {table} WHERE k > 0), r(n, d) AS (SELECT k, 0 FROM c {union} "
        f"SELECT c.k, d + 1 FROM r JOIN c ON c.k = r.n + 1 WHERE d < 3) SELECT n, d FROM r",
        f"{recursive} SELECT n, d FROM r ORDER BY n DESC, d LIMIT 4",
        f"WITH RECURSIVE f(i, a, b) AS (SELECT 1, 0, 1 UNION ALL SELECT i + 1, b, a + b FROM f WHERE i < 6) "
        f"SELECT {total}, a FROM f JOIN {rows.text} ON {key} = i",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _natural(draw: st.DrawFn, shape: Shape) -> str:
    """NATURAL and USING over several columns, stars of them, and columns of either side by name."""
    given = [draw(st.sampled_from(shape.tables)) for _ in "xyz"]
    rows = [Rows(t.name, tuple((f"{t.name}.{c}", k) for c, k in t.columns), ("k",)) for t in given]
    numbers = [row.of("n")[0].split(".")[1] for row in rows]
    parts = [
        f"(SELECT k % 3 AS g, {number} AS n, k AS {name} FROM {row.text}) {name}"
        for row, number, name in zip(rows, numbers, "abc", strict=True)
    ]
    joins = [draw(st.sampled_from(["", "LEFT ", "RIGHT ", "FULL ", "SEMI ", "ANTI "])) for _ in "bc"]
    using = draw(st.sampled_from(["USING (g)", "USING (g, n)", ""]))

    def joined(left: str, join: str, right: str) -> str:
        return f"{left} {join}JOIN {right} {using}" if using else f"{left} NATURAL {join}JOIN {right}"

    both = joined(joined(parts[0], joins[0], parts[1]), joins[1], parts[2])
    pair = joined(parts[0], joins[0], parts[1])
    choices = [
        f"SELECT * FROM {both}",
        f"SELECT g, count(*) FROM {both} GROUP BY g",
        f"SELECT * FROM {pair} WHERE g > 0",
        f"SELECT a.* FROM {pair}",
        f"SELECT g, a FROM {pair}",
        f"SELECT g + 1 AS h, max(a) FROM {pair} GROUP BY h HAVING h > 1",
        f"SELECT a.g AS c0, g AS c1 FROM {pair}",
        f"SELECT b.g AS c0, g AS c1, b.n FROM {pair}",
        f"SELECT * EXCLUDE (n) FROM {pair}",
        f"SELECT * REPLACE (g * 2 AS g) FROM {pair}",
        f"SELECT sum(g) OVER (PARTITION BY g) AS c0, a FROM {pair}",
        f"SELECT * FROM {parts[2]} JOIN ({pair}) USING (g)",
        f"SELECT x.* FROM (SELECT * FROM {pair}) x WHERE x.g IN (SELECT g FROM {parts[2]})",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _asof_more(draw: st.DrawFn, shape: Shape) -> str:
    """ASOF joins by USING, over derived tables, by moments, chained, grouped, and beside other joins."""
    left, right = draw(st.sampled_from(shape.tables)).name, draw(st.sampled_from(shape.tables)).name
    side = draw(st.sampled_from(["", "LEFT "]))
    compared = draw(st.sampled_from([">=", ">", "<=", "<"]))
    one = f"(SELECT k % 2 AS g, k * 2 AS at, k AS i FROM {left}) x"
    two = f"(SELECT k % 2 AS g, k * 3 - 1 AS at, k AS j FROM {right}) y"
    moment = "TIMESTAMP '2024-01-01' + to_hours(at)"
    choices = [
        f"SELECT i, j, at FROM {one} ASOF {side}JOIN {two} USING (g, at)",
        f"SELECT * FROM {one} ASOF {side}JOIN {two} USING (at)",
        f"SELECT i, j FROM {one} ASOF {side}JOIN {two} ON x.at {compared} y.at",
        f"SELECT i, j FROM {one} ASOF {side}JOIN {two} ON x.g = y.g AND x.at {compared} y.at + 1 WHERE i > 0",
        f"SELECT i, j FROM {one} ASOF {side}JOIN {two} ON {moment.replace('at', 'x.at')} {compared} "
        f"{moment.replace('at', 'y.at')} AND x.g = y.g",
        f"SELECT j, count(*) FROM {one} ASOF {side}JOIN {two} ON x.at {compared} y.at GROUP BY j",
        f"SELECT i, j, z.k FROM {one} ASOF {side}JOIN {two} ON x.at {compared} y.at LEFT JOIN {left} z ON z.k = j",
        f"SELECT i, j, l FROM {one} ASOF {side}JOIN {two} ON x.at {compared} y.at "
        f"ASOF {side}JOIN (SELECT k AS l, k * 5 AS at FROM {right}) w ON x.at >= w.at",
        f"SELECT i FROM {one} WHERE EXISTS (SELECT 1 FROM (SELECT i AS at) o ASOF JOIN {two} ON o.at >= y.at)",
        f"SELECT i, (SELECT max(j) FROM {two} WHERE y.at <= x.at AND y.g = x.g) AS m FROM {one}",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _from_parts(draw: st.DrawFn, shape: Shape) -> str:
    """FROM with commas and joins mixed, joins in parentheses, joins on anything, of empty and of the same tables."""
    rows, other, third = (draw(tables(shape, alias)) for alias in "xyz")
    a, b, c, total = rows.number, other.number, third.number, ", ".join((*rows.keys, *other.keys))
    sides = [draw(st.sampled_from(["", "LEFT ", "RIGHT ", "FULL "])) for _ in range(2)]
    both = Rows("", rows.columns + other.columns)
    condition = draw(comparisons(both))
    compared = draw(st.sampled_from(COMPARISONS))
    every = f"{total}, {', '.join(third.keys)}"
    choices = [
        f"SELECT {every} FROM {rows.text}, {other.text}, {third.text} WHERE {a} = {b} AND {c} = {b} AND {condition}",
        f"SELECT {every} FROM {rows.text}, {other.text} {sides[0]}JOIN {third.text} ON {b} = {c} WHERE {a} = {b}",
        f"SELECT {every} FROM {rows.text} {sides[0]}JOIN ({other.text} {sides[1]}JOIN {third.text} ON {b} = {c}) "
        f"ON {a} = {b}",
        f"SELECT {every} FROM ({rows.text} {sides[0]}JOIN {other.text} ON {a} = {b}) {sides[1]}JOIN {third.text} "
        f"ON {c} = {b}",
        f"SELECT {every} FROM {rows.text} {sides[0]}JOIN {other.text} ON {a} = {b} {sides[1]}JOIN {third.text} ON "
        f"{c} = {a} AND {condition}",
        f"SELECT {total} FROM {rows.text} {sides[0]}JOIN {other.text} ON {a} {compared} {b} AND {condition}",
        f"SELECT {total} FROM {rows.text} {sides[0]}JOIN {other.text} ON {condition}",
        f"SELECT {total} FROM {rows.text} {sides[0]}JOIN {other.text} ON {a} = {b} OR {condition}",
        f"SELECT {total} FROM {rows.text} {sides[0]}JOIN {other.text} ON {a} + 1 = {b} WHERE coalesce({b}, 3) > 1",
        f"SELECT {total} FROM {rows.text} {sides[0]}JOIN {other.text} ON {a} = {b} AND {b} > 1 AND {a} < 7 WHERE "
        f"{condition}",
        f"SELECT {total} FROM {rows.text} {sides[0]}JOIN {other.text} ON {a} = {b} AND false",
        f"SELECT {total} FROM {rows.text} {sides[0]}JOIN {other.text} ON {a} IS NOT DISTINCT FROM {b} AND true",
        f"SELECT {total} FROM {rows.text} {sides[0]}JOIN {other.text} ON {a} = {b} AND {b} IN (SELECT {c} FROM "
        f"{third.text})",
        f"SELECT {a} AS c0, count({b}) AS c1, count(*) AS c2 FROM {rows.text} {sides[0]}JOIN {other.text} ON {a} = "
        f"{b} AND {condition} GROUP BY {a}",
        f"SELECT count(*) FROM {rows.text} {sides[0]}JOIN {other.text} ON {a} = {b} {sides[1]}JOIN {third.text} ON "
        f"{a} = {c}",
        f"SELECT {total} FROM {rows.text} SEMI JOIN {third.text} ON {a} = {c} {sides[0]}JOIN {other.text} ON {a} = {b}",
        f"SELECT {total} FROM {rows.text} {sides[0]}JOIN {other.text} ON {a} = {b} WHERE {a} IS NULL OR {b} IS NULL",
        f"SELECT {total} FROM {rows.text} {sides[0]}JOIN {other.text} ON ({a}, 1) = ({b}, 1)",
        f"SELECT {total} FROM {rows.text} {sides[0]}JOIN {other.text} ON {a} BETWEEN {b} - 1 AND {b} + 1",
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _read_twice(draw: st.DrawFn, shape: Shape) -> str:
    """A table that is read again by the same keys: by correlated subqueries, aggregates, semi and anti joins."""
    table, other = draw(st.sampled_from(shape.tables)), draw(st.sampled_from(shape.tables))
    x, y, z = (Rows(table.name, tuple((f"{a}.{c}", k) for c, k in table.columns), (f"{a}.k",)) for a in "xyz")
    o = Rows(other.name, tuple((f"o.{c}", k) for c, k in other.columns), ("o.k",))
    pairs = [(a, b) for kind in "nsmtk" for a in x.of(kind) for b in o.of(kind)]
    key, outer = draw(st.sampled_from(pairs))
    name, compared = key.split(".", 1)[1], draw(st.sampled_from(COMPARISONS))
    few, some, more = draw(comparisons(o)), draw(comparisons(y)), draw(comparisons(z))
    call = draw(st.sampled_from(["count(*)", "max(y.k)", "avg(y.k)", "sum(y.k) * 0.5", "min(y.k)"]))
    by = draw(st.sampled_from([key, outer]))
    low = f"(SELECT {call} FROM {table.name} y WHERE y.{name} = {by}{draw(st.sampled_from(['', f' AND {some}']))})"
    joined = f"{other.name} o JOIN {table.name} x ON {key} = {outer}"
    found = f"EXISTS (SELECT 1 FROM {table.name} y WHERE y.{name} = {by} AND y.k <> x.k)"
    absent = f"NOT EXISTS (SELECT 1 FROM {table.name} z WHERE z.{name} = {by} AND z.k <> x.k AND {more})"
    grouped = f"(SELECT {name} AS g, count(*) AS n FROM {table.name} y WHERE {some} GROUP BY 1)"
    totals = f"(SELECT {name} AS h, sum(k) AS m FROM {table.name} z WHERE {more} GROUP BY 1)"
    side = draw(st.sampled_from(["", "LEFT "]))
    choices = [
        f"SELECT x.k, o.k FROM {joined} WHERE {few} AND x.k {compared} {low}",
        f"SELECT x.k, o.k FROM {joined} WHERE {few} AND {found} AND {absent}",
        f"SELECT o.k, count(*) FROM {joined} WHERE {few} AND {found} GROUP BY o.k",
        f"SELECT sum(x.k), count(*) FROM {joined} WHERE {few} AND x.k {compared} {low}",
        f"SELECT o.k, n, m FROM {other.name} o {side}JOIN {grouped} ON g = {outer} {side}JOIN {totals} ON h = "
        f"{outer} WHERE {few}",
        f"SELECT x.k, n FROM {joined} {side}JOIN {grouped} ON g = {outer} WHERE {few}",
        f"SELECT x.k FROM {joined} WHERE {few} AND {key} IN (SELECT {name} FROM {table.name} GROUP BY 1 HAVING "
        "sum(k) > 3)",
        f"SELECT o.k, {low} AS c0 FROM {joined} WHERE {few} AND {absent}",
        f"SELECT n, m FROM {grouped} a JOIN {totals} b ON g = h",
        f"SELECT x.k FROM {joined} WHERE {few} AND x.k = (SELECT max(y.k) FROM {table.name} y, {other.name} p "
        f"WHERE y.{name} = {outer} AND p.k = o.k AND {some})",
    ]
    return draw(st.sampled_from(choices))
