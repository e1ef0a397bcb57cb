-- selection and expressions
SELECT * FROM t;
SELECT id, a + b AS c, s || '!' AS t FROM t WHERE a > 2 AND b < 3;
SELECT id FROM t WHERE a IS NULL OR s = '';
SELECT * EXCLUDE (st, l) REPLACE (a * 2 AS a) FROM t;
SELECT t.*, id * 2 FROM t WHERE id < 5;
SELECT id AS x, x + 1 AS y, y * 2 AS z FROM t;
SELECT id, st.p, t.st.q, l[1] FROM t;
SELECT list_transform(l, lambda e: e + a) AS moved FROM t;
SELECT CASE WHEN a > 2 THEN 'big' WHEN a IS NULL THEN NULL ELSE 'small' END AS size, count(*) FROM t GROUP BY size;
SELECT 1 AS one, 'x' AS two;
SELECT a AS same, b AS same, a FROM t;
SELECT s FROM t WHERE s LIKE '%' AND s NOT IN ('x', 'y');
SELECT id FROM t WHERE b BETWEEN -2 AND 2 AND day >= DATE '2024-01-10' - INTERVAL 3 DAY;
SELECT extract(month FROM day), strftime(day, '%Y-%m'), date_trunc('month', day), day + INTERVAL 1 MONTH FROM t;
FROM t SELECT id WHERE flag;
FROM one;
VALUES (1, 'a'), (2, 'b');
SELECT * FROM (VALUES (1, 'x'), (2, 'y'), (3, NULL)) v(k, w);
SELECT huge, m, tiny FROM t;
SELECT count(*) FROM nothing;
SELECT * FROM nothing;

-- aggregates
SELECT count(*), count(a), sum(a), avg(a), min(s), max(day), sum(m), avg(m), sum(huge) FROM t;
SELECT count(*), sum(d), avg(d), min(d), max(d) FROM t WHERE d = d AND d < 1e300;
SELECT sum(a), avg(a), count(a), min(s) FROM nothing;
SELECT sum(a) FROM t WHERE false;
SELECT a, count(*), sum(b), avg(m) FROM t GROUP BY a;
SELECT d, count(*) FROM t GROUP BY d;
SELECT s, a, sum(m) AS total FROM t GROUP BY s, a HAVING sum(m) > 100000 AND count(*) >= 2;
SELECT a + 1 AS k, sum(b) * 2 + count(*) FROM t GROUP BY a + 1;
SELECT a, b FROM t GROUP BY ALL;
SELECT s, max(b) FROM t GROUP BY 1;
SELECT sum(b) FROM t GROUP BY a;
SELECT a, sum(b) FILTER (WHERE id > 10), count(*) FILTER (WHERE flag), avg(b) FILTER (WHERE s = 'x') FROM t GROUP BY a;
SELECT sum(tiny), avg(tiny), bool_and(flag), bool_or(flag), bit_xor(id), bit_and(id), bit_or(id) FROM t;
SELECT count(DISTINCT a), count(DISTINCT s) FROM t;
SELECT count(DISTINCT a) FROM t;
SELECT count(DISTINCT a), count(*), sum(b), avg(b), sum(DISTINCT a) FROM t;
SELECT s, count(DISTINCT a), count(DISTINCT b), count(*), sum(m) FROM t GROUP BY s;
SELECT s, count(DISTINCT a) FILTER (WHERE flag), sum(DISTINCT b), avg(DISTINCT b) FROM t GROUP BY s;
SELECT a, stddev(b), median(b), quantile_cont(b, 0.3), mode(b), list(id ORDER BY id) FROM t GROUP BY a;
SELECT a, string_agg(s, ',' ORDER BY id), arg_max(s, id), first(id ORDER BY id DESC), max(id, 2) FROM t GROUP BY a;
SELECT median(b), stddev(b) FROM t;
SELECT count_if(flag), any_value(a) IS NULL FROM t WHERE a = 3 -- may be single;
SELECT DISTINCT a, s FROM t;
SELECT DISTINCT a FROM t ORDER BY a DESC LIMIT 3;
SELECT a FROM t GROUP BY a HAVING a > 1;
SELECT a, max(id) AS b FROM t GROUP BY a HAVING b > 50 AND max(b) > 3;
SELECT a AS b, max(id) AS m, count(*) FROM t GROUP BY a, t.b HAVING b > 1 AND m > (SELECT max(uid) FROM u WHERE u.a = t.a);
SELECT day, m, d, sum(id) FROM t GROUP BY day, m, d;
SELECT st, count(*) FROM t GROUP BY st;
SELECT sum(x) FROM (SELECT a, sum(b) AS x FROM t GROUP BY a) q;
SELECT max(c) - min(c) FROM (SELECT count(*) AS c FROM t GROUP BY s, a) q;

-- joins
SELECT t.id, u.uid FROM t JOIN u ON t.a = u.a;
SELECT t.id, u.uid FROM t, u WHERE t.a = u.a AND t.s = u.s AND u.uid > 3;
SELECT t.id, u.uid, u.s FROM t LEFT JOIN u ON t.a = u.a AND u.uid > 12;
SELECT t.id, u.uid FROM t LEFT JOIN u ON t.a = u.a AND t.b > 0;
SELECT t.id, u.uid FROM t LEFT JOIN u ON t.a = u.a WHERE u.uid IS NULL;
SELECT t.id, u.uid FROM t LEFT JOIN u ON t.a = u.a WHERE u.uid > 5;
SELECT t.id, u.uid FROM t RIGHT JOIN u ON t.a = u.a AND t.id < 20;
SELECT t.id, u.uid FROM t FULL JOIN u ON t.a = u.a AND t.s = u.s;
SELECT t.id, u.uid FROM t CROSS JOIN u WHERE t.id + u.uid = 30;
SELECT t.id, u.uid FROM t JOIN u ON t.id < u.uid AND t.b > 3;
SELECT t.id, u.uid FROM t LEFT JOIN u ON t.id < u.uid - 20;
SELECT * EXCLUDE (st, l) FROM t JOIN u USING (a);
SELECT a, s, id, uid FROM t LEFT JOIN u USING (a, s);
SELECT a, id, uid FROM t FULL JOIN u USING (a);
SELECT a, id, uid FROM t RIGHT JOIN u USING (a);
SELECT count(*) FROM t NATURAL JOIN one;
SELECT t.id FROM t SEMI JOIN u ON t.a = u.a AND t.id > u.uid;
SELECT t.id FROM t ANTI JOIN u ON t.a = u.a;
SELECT x.id, y.id FROM t x JOIN t y ON x.a = y.b AND x.id < y.id;
SELECT t.d, u.d FROM t JOIN u ON t.d = u.d;
SELECT t.m, u.m FROM t JOIN u ON t.m = u.m;
SELECT t.id, u.uid FROM t JOIN u ON t.tiny = u.d;
SELECT t.id, u.uid FROM t JOIN u ON t.tiny = u.m AND t.a = u.a;
SELECT t.id, u.uid FROM t JOIN u ON t.a + 1 = u.a * 2;
SELECT t.id, u.uid, one.s FROM t JOIN u ON t.a = u.a JOIN one ON one.s = u.s;
SELECT t.id, u.uid FROM t JOIN (u JOIN one ON one.s = u.s) ON t.a = u.a;
SELECT t.a, count(*), sum(u.m) FROM t JOIN u ON t.a = u.a GROUP BY t.a;
SELECT u.a, count(*) FROM t JOIN u ON t.a = u.a JOIN t z ON z.a = u.a GROUP BY u.a;
SELECT t.id, n.s FROM t LEFT JOIN nothing n ON n.a = t.a;
SELECT count(*) FROM t JOIN nothing n ON n.a = t.a;
SELECT t.id, v.w FROM t JOIN (VALUES (1, 'x'), (2, 'y')) v(k, w) ON v.k = t.a;
SELECT t.id, v.w FROM (VALUES (1, 'x'), (9, 'y')) v(k, w) LEFT JOIN t ON v.k = t.a;
SELECT t.id, u.uid FROM t FULL JOIN u ON t.id = u.uid + 50 AND u.d > 1;
SELECT t.id, u.uid FROM t FULL JOIN u ON t.id < u.uid - 20;

-- order and limits
SELECT id, a, b FROM t ORDER BY a, b DESC, id;
SELECT id, d FROM t ORDER BY d, id;
SELECT id, s FROM t ORDER BY s DESC NULLS FIRST, id DESC;
SELECT id, s FROM t ORDER BY s NULLS LAST, -id;
SELECT id FROM t ORDER BY b * 2 + 1, id LIMIT 7;
SELECT id FROM t ORDER BY id DESC LIMIT 5 OFFSET 3;
SELECT id, b AS c FROM t ORDER BY c, 1;
SELECT id, b FROM t ORDER BY ALL;
SELECT s, count(*) AS n FROM t GROUP BY s ORDER BY n DESC, s;
SELECT s FROM t GROUP BY s ORDER BY count(*), s;
SELECT s, sum(b) FROM t GROUP BY s ORDER BY sum(b) + 1, s LIMIT 3;
SELECT id FROM t LIMIT 5;
SELECT id FROM t LIMIT 0;
SELECT id FROM (SELECT id FROM t ORDER BY id DESC LIMIT 10) q WHERE id % 2 = 0;
SELECT id FROM t ORDER BY id OFFSET 50;
SELECT count(*) FROM (SELECT * FROM t ORDER BY id) q;
SELECT id, st FROM t ORDER BY st.p, st.q, id;
SELECT d AS x, a + b AS y, d AS z, id FROM t ORDER BY ALL LIMIT 9;
SELECT s, a AS k, s AS s2 FROM t ORDER BY s, a DESC, s DESC, id;
SELECT m FROM t ORDER BY m DESC;
SELECT huge FROM t ORDER BY huge DESC LIMIT 4;

-- subqueries
SELECT id FROM t WHERE a IN (SELECT a FROM u WHERE uid < 3);
SELECT id FROM t WHERE a NOT IN (SELECT a FROM u WHERE uid < 3);
SELECT id FROM t WHERE s NOT IN (SELECT s FROM u);
SELECT id FROM t WHERE s NOT IN (SELECT s FROM nothing);
SELECT id FROM t WHERE s NOT IN (SELECT s FROM u WHERE s IS NOT NULL);
SELECT id FROM t WHERE (a, s) IN (SELECT a, s FROM u);
SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND u.uid > t.id);
SELECT id FROM t WHERE NOT EXISTS (SELECT * FROM u WHERE u.a = t.a AND u.s <> t.s);
SELECT id FROM t WHERE EXISTS (SELECT 1 FROM nothing);
SELECT id FROM t WHERE NOT EXISTS (SELECT 1 FROM nothing) AND EXISTS (SELECT 1 FROM u);
SELECT id FROM t WHERE b > (SELECT avg(b) FROM t);
SELECT id FROM t WHERE b = (SELECT max(uid) - 20 FROM u WHERE u.a = t.a);
SELECT id, (SELECT count(*) FROM u WHERE u.a = t.a) AS n FROM t;
SELECT id, (SELECT count(*) + 1 FROM u WHERE u.a = t.a AND uid > 10) AS n FROM t;
SELECT id, (SELECT sum(uid) FROM u WHERE u.a = t.a) AS n FROM t;
SELECT id, (SELECT coalesce(sum(uid), -1) FROM u WHERE u.a = t.a + 3) AS n FROM t;
SELECT id, (SELECT s FROM one) FROM t;
SELECT id, (SELECT s FROM nothing) FROM t;
SELECT id, (SELECT s FROM one WHERE one.a = t.a) FROM t;
SELECT id, a IN (SELECT a FROM u WHERE uid > 20) AS found FROM t;
SELECT id, s IN (SELECT s FROM u) AS found, s IN (SELECT s FROM nothing) AS none FROM t;
SELECT id FROM t WHERE a = 1 OR EXISTS (SELECT 1 FROM u WHERE u.a = t.b);
SELECT id FROM t WHERE a = 1 OR b IN (SELECT a FROM u);
SELECT a, sum(b) FROM t GROUP BY a HAVING sum(b) > (SELECT avg(uid) - 12 FROM u);
SELECT a, sum(b) + (SELECT max(uid) FROM u) FROM t GROUP BY a;
SELECT a, sum(b), (SELECT count(*) FROM u WHERE u.a = t.a) FROM t GROUP BY a;
SELECT id FROM t WHERE a = (SELECT a FROM one) AND b < (SELECT max(b) FROM t x WHERE x.s = t.s);
SELECT id FROM t WHERE a IN (SELECT a FROM u WHERE u.s IN (SELECT s FROM one));
SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND EXISTS (SELECT 1 FROM one WHERE one.s = u.s));

-- derived tables, common tables, set operations
WITH x AS (SELECT a, count(*) AS n FROM t GROUP BY a) SELECT x.a, x.n, y.n FROM x JOIN x y ON x.a = y.a;
WITH x AS (SELECT a, count(*) AS n FROM t GROUP BY a) SELECT * FROM x WHERE n = (SELECT max(n) FROM x);
WITH x(k, v) AS (SELECT a, b FROM t), y AS (SELECT k, sum(v) AS v FROM x GROUP BY k) SELECT x.k, y.v FROM x, y WHERE x.k = y.k;
WITH t AS (SELECT a FROM u) SELECT a FROM t WHERE a > 3;
SELECT a FROM t UNION ALL SELECT a FROM u;
SELECT a FROM t UNION SELECT a FROM u;
SELECT a, s FROM t INTERSECT SELECT a, s FROM u;
SELECT a, s FROM t EXCEPT SELECT a, s FROM u;
SELECT a, d FROM u UNION ALL SELECT tiny, a FROM t ORDER BY 1, 2 LIMIT 9;
SELECT a, count(*) FROM (SELECT a, b FROM t UNION ALL SELECT a, uid FROM u) q WHERE b > 2 GROUP BY a;
SELECT x.a, one.s FROM (SELECT a FROM t UNION ALL SELECT a FROM u) x JOIN one ON one.a = x.a;
SELECT a FROM t UNION ALL SELECT 42 UNION ALL SELECT NULL;
SELECT q.n FROM (SELECT a AS n, count(*) AS c FROM t GROUP BY a) q JOIN u ON u.a = q.n WHERE q.c > 5;
SELECT DISTINCT s FROM (SELECT s FROM t WHERE a > 1 UNION ALL SELECT s FROM u) q;
SELECT a FROM t INTERSECT ALL SELECT a FROM u;

-- windows
SELECT id, row_number() OVER (PARTITION BY a ORDER BY id) FROM t;
SELECT id, sum(b) OVER (PARTITION BY a ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS w FROM t;
SELECT id, rank() OVER (PARTITION BY a ORDER BY b), lag(id) OVER (PARTITION BY s ORDER BY id) FROM t;
SELECT a, sum(b), rank() OVER (PARTITION BY a % 2 ORDER BY sum(b), a) FROM t GROUP BY a;
SELECT id FROM t QUALIFY row_number() OVER (PARTITION BY a ORDER BY id DESC) = 1;
SELECT id, a FROM (SELECT id, a, max(b) OVER (PARTITION BY a) AS top, b FROM t) q WHERE b = top AND a > 1;
SELECT id, row_number() OVER (ORDER BY id) FROM t;
SELECT a, sum(sum(b)) OVER (PARTITION BY a) FROM t GROUP BY a, s;

-- subqueries whose aggregate has a row even where nothing correlates
SELECT id FROM t WHERE a IN (SELECT count(*) FROM u WHERE u.a = t.id);
SELECT id FROM t WHERE 0 IN (SELECT count(*) FROM u WHERE u.a = t.a);
SELECT id FROM t WHERE EXISTS (SELECT 1 FROM (SELECT count(*) AS c FROM u WHERE u.a = t.a) WHERE c = 0);
SELECT id, (SELECT count(*) FROM u WHERE u.a = t.a HAVING count(*) = 0) AS c FROM t;
SELECT id, (SELECT x.c + y.c FROM (SELECT count(*) AS c FROM u WHERE u.a = t.a) x, (SELECT count(*) AS c FROM u WHERE u.uid = t.id) y) AS c FROM t;
SELECT id FROM t WHERE EXISTS (SELECT 1 FROM (SELECT uid FROM u WHERE u.a = t.a) x WHERE x.uid > 3);
SELECT id, (SELECT sum(x.uid) FROM (SELECT uid FROM u WHERE u.a = t.a) x) AS n FROM t;

-- predicates that link three relations at once
SELECT id FROM t WHERE a BETWEEN (SELECT min(a) FROM u) AND (SELECT avg(a) FROM u);

-- names that stand for columns which nobody names
SELECT one FROM one -- single;
SELECT r FROM u r WHERE r.uid > ALL (SELECT a FROM one) -- single;
SELECT s FROM t NATURAL JOIN one WHERE a > ALL (SELECT uid FROM u WHERE uid < 0);

-- any correlation: a subquery runs once for each distinct value of the outer columns that it uses
SELECT id, a > ANY (SELECT uid FROM u WHERE u.s = t.s) AS x, b <= ALL (SELECT uid FROM u WHERE u.d = t.a) AS y FROM t;
SELECT id FROM t WHERE a NOT IN (SELECT uid FROM u WHERE u.s < t.s);
SELECT id, a IN (SELECT uid FROM u WHERE u.s <= t.s) AS x, a NOT IN (SELECT a FROM u WHERE u.s = t.s) AS y FROM t;
SELECT id, (SELECT max(uid) FROM u WHERE u.a < t.a), (SELECT count(*) FROM u WHERE u.a <> t.a AND u.s = t.s) FROM t;
SELECT id, EXISTS (SELECT 1 FROM u WHERE u.a < t.a AND u.day > t.day LIMIT 1 OFFSET 3) AS x FROM t;
SELECT id, (SELECT string_agg(s, ',' ORDER BY k) FROM (SELECT s, uid AS k FROM u WHERE u.a = t.a UNION ALL SELECT t.s, 99) q) AS x FROM t;
SELECT id, (SELECT count(*) FROM u FULL JOIN one ON u.a = one.a AND u.uid = t.id) AS x FROM t;
SELECT id, (SELECT count(one.s) FROM u LEFT JOIN one ON u.a = one.a AND u.uid < t.id) AS x FROM t;
SELECT id, (SELECT sum(uid) OVER (ORDER BY uid) FROM u WHERE u.a = t.a ORDER BY uid LIMIT 1 OFFSET 1) AS x FROM t;
SELECT id, (SELECT t.s FROM u WHERE u.a = t.a AND uid < 8) AS x FROM t;
SELECT t.id, x.n, y.e FROM t LEFT JOIN LATERAL (SELECT count(*) AS n FROM u WHERE u.a < t.a) x ON true, unnest(t.l) AS y(e);
SELECT t.id, x.m FROM t, (SELECT max(uid) AS m FROM u WHERE u.a = t.a HAVING max(uid) > 3) x;

-- grouping sets
SELECT a, s, sum(b), grouping(a), grouping(s, a), count(*) FROM t GROUP BY CUBE (a, s);
SELECT a, count(*), sum(d) FROM nothing GROUP BY GROUPING SETS ((), (a), ());
SELECT a, s, count(DISTINCT b), median(b), sum(a) FROM t GROUP BY a, ROLLUP (s, b % 2);
SELECT a + 1 AS k, count(*) FILTER (WHERE flag) FROM t GROUP BY ROLLUP (k) HAVING grouping(k) = 1 OR k > 2 ORDER BY 1;
SELECT a, sum(b), rank() OVER (PARTITION BY grouping(a) ORDER BY sum(b), a) FROM t GROUP BY ROLLUP (a);

-- statistics and extremes in two halves
SELECT stddev(b), stddev_pop(m), var_samp(id) FILTER (WHERE flag), var_pop(a), count_if(flag), arg_max(s, id), arg_min(id, d) FILTER (WHERE b > 0) FROM t;
SELECT stddev(a), arg_max(s, a), count_if(a > 1), var_pop(d) FROM nothing;
SELECT s, stddev(b), variance(m), count_if(a > 2), arg_max(id, m) FROM t GROUP BY s;
SELECT count(DISTINCT a), count(DISTINCT s), sum(b), avg(DISTINCT b) FILTER (WHERE flag), max(DISTINCT s) FROM t;

-- the rest of FROM and SELECT
SELECT DISTINCT ON (a % 2, s) id, b FROM t ORDER BY s, a % 2, b DESC, id LIMIT 3;
SELECT id, sum(b) OVER w, rank() OVER w2 FROM t WINDOW w AS (PARTITION BY a ORDER BY id), w2 AS (PARTITION BY s ORDER BY id);
SELECT a, s FROM t EXCEPT ALL SELECT a, s FROM u WHERE uid < 4;
SELECT * FROM (SELECT id, a, day FROM t) t ASOF LEFT JOIN (SELECT uid, a, day FROM u) u USING (a, day);
SELECT t.id, u.uid FROM t ASOF JOIN u ON t.day > u.day WHERE u.uid > 3 AND t.id > 5;
SELECT id, unnest(l) AS e, unnest([1, 2, 3]) AS f, b FROM t WHERE b > 0 ORDER BY id, e, f LIMIT 20;
SELECT e, count(*) FROM t, unnest(l) v(e) GROUP BY e;
SELECT x.id, x.l[1], i FROM t x, range(3) r(i) WHERE i = x.id;
SELECT id, unnest(st), unnest(l) FROM t;

-- windows over all rows
SELECT id, sum(b) OVER (), rank() OVER (ORDER BY a DESC), dense_rank() OVER (ORDER BY s NULLS FIRST, a) FROM t;
SELECT id, sum(m) OVER (ORDER BY d, id), count(*) OVER (ORDER BY d), min(d) OVER (ORDER BY b % 3, id) FROM t;
SELECT id, max(s) OVER (ORDER BY m DESC, id ROWS UNBOUNDED PRECEDING), avg(b) FILTER (WHERE flag) OVER () FROM t;
SELECT s, sum(d) OVER (ORDER BY s) FROM nothing;
SELECT id, lag(b) OVER (ORDER BY id), ntile(3) OVER (ORDER BY id), ntile(7) OVER (ORDER BY id DESC), ntile(100) OVER (ORDER BY id) FROM t;

-- what one task runs as it is
SELECT t.a, u.s, sum(uid) AS n FROM t JOIN u ON t.a = u.a WHERE t.b > 0 GROUP BY CUBE (t.a, u.s) ORDER BY n, 1, 2;
SELECT x.id AS k, unnest(x.l) AS e FROM t x WHERE x.id < 20;
SELECT id AS a, COLUMNS('d|m') FROM t WHERE b > 0;
SELECT id, sum(b) OVER w FROM t WHERE id < 30 WINDOW w AS (PARTITION BY a ORDER BY id);
SELECT a, s, sum(b) FROM t GROUP BY ROLLUP (a, s);
SELECT DISTINCT ON (a) a, id FROM t ORDER BY a, id;
SELECT id, unnest(l) FROM t;
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n, t.id FROM r JOIN t ON t.id = n;
SELECT t.id, x.uid FROM t, LATERAL (SELECT uid FROM u WHERE u.a = t.a ORDER BY uid LIMIT 1) x;
SELECT id FROM t WHERE a > ALL (SELECT a FROM one);
SELECT t.id, u.uid FROM t ASOF JOIN u ON t.a = u.a AND t.day >= u.day;
SELECT id, (SELECT uid FROM u WHERE u.a = t.a ORDER BY uid DESC LIMIT 1) FROM t;

-- collations: compared, sorted and grouped by keys
SELECT id, s FROM t ORDER BY s COLLATE NOCASE DESC, id;
SELECT id, s FROM t ORDER BY s COLLATE NOCASE.NOACCENT, id;
SELECT id, s FROM t ORDER BY s COLLATE de NULLS FIRST, id LIMIT 30;
SELECT id FROM t WHERE s COLLATE NOCASE = 'X' OR s COLLATE NOACCENT IN ('a') OR s COLLATE NOCASE BETWEEN 'X' AND 'z';
SELECT t.id, x.uid FROM t JOIN (SELECT upper(s) AS s, uid FROM u) x ON t.s COLLATE NOCASE = x.s;
SELECT lower(s COLLATE NOCASE), n FROM (SELECT s, count(*) AS n FROM (SELECT s FROM t UNION ALL SELECT upper(s) FROM u) t GROUP BY s COLLATE NOCASE, s);
SELECT s COLLATE NOCASE = 'X', count(*) FROM (SELECT s FROM t UNION ALL SELECT upper(s) FROM u) t GROUP BY s COLLATE NOCASE HAVING s COLLATE NOCASE >= 'B';
SELECT id, rank() OVER (PARTITION BY s COLLATE NOCASE ORDER BY id), rank() OVER (ORDER BY s COLLATE NOCASE) FROM t;
SELECT count(DISTINCT s COLLATE NOCASE) FROM (SELECT s FROM t UNION ALL SELECT upper(s) FROM u) q -- single;
SELECT lower(s), count(*) FROM (SELECT s COLLATE NOCASE AS s FROM (SELECT s FROM t UNION ALL SELECT upper(s) FROM u)) q GROUP BY s -- single;
SELECT id FROM t WHERE s COLLATE NOCASE IN (SELECT upper(s) FROM u) -- single;
SELECT s COLLATE NOCASE AS k, id FROM t ORDER BY k, id -- single;
SELECT id, contains(s COLLATE NOCASE, 'X') AS c, instr(upper(s) COLLATE NOCASE, 'x') AS i, coalesce(s, '') COLLATE NOCASE LIKE 'Z%' FROM t;
SELECT contains(s COLLATE NOCASE, 'X') AS c, count(*), count(*) FILTER (WHERE starts_with(s COLLATE NOCASE, 'Z')) FROM t GROUP BY c;
SELECT CASE WHEN contains(s COLLATE NOCASE, 'X') THEN s COLLATE NOCASE END AS c, id FROM t;
SELECT id, nullif(s COLLATE NOCASE, 'X') AS n, CASE s COLLATE NOCASE WHEN 'X' THEN 1 ELSE 2 END AS c FROM t -- single;

-- macros that aggregate or unnest
SELECT geomean(id + 1), weighted_avg(a, b + 10), wavg(a, b + 10) FROM t;
SELECT a, json_group_array(id), json_group_object(coalesce(s, '-'), id) FROM t GROUP BY a;
SELECT id, generate_subscripts(l, 1) FROM t;

-- parentheses are no expression
SELECT DISTINCT (s), (a) FROM t ORDER BY s, a;

-- exact quantiles of all rows
SELECT median(b), median(m), quantile_cont(d, 0.3), quantile_disc(id, [0.1, 0.25, 0.9]), median(DISTINCT b), median(id) FILTER (WHERE b > 0), count(*), sum(b), median(day), quantile_disc(s, 0.5) FROM t;
SELECT quantile_cont(m, 0.75), quantile(id, 0.3), quantile_disc(id, 0), quantile_cont(id, 1), quantile_cont(huge, 0.5), quantile_cont(id, 0.999) FROM t;
SELECT median(a), quantile_disc(a, [0.5]), mode(s) FROM nothing;
SELECT mode(tiny % 7 + b) FROM t;
SELECT median(x) FROM (SELECT median(b) AS x FROM t GROUP BY a) q;
SELECT id FROM t WHERE b > (SELECT median(uid) - 14 FROM u) AND m < (SELECT quantile_disc(m, 0.9) FROM t x WHERE x.a = t.a);
SELECT quantile_cont(m, 0.33) FROM t -- may be single;

-- stars and COLUMNS, by the names that DuckDB picks
SELECT * RENAME (a AS aa, b AS bb) FROM t;
SELECT * EXCLUDE (st, l) REPLACE (a * 2 AS a) RENAME (b AS c) FROM t WHERE id < 9;
SELECT a, max(COLUMNS(lambda c: c LIKE '_' AND c <> 'l')) AS 'top_\0' FROM t GROUP BY a;
SELECT * LIKE 'd%' FROM t;
SELECT x.b, y FROM (SELECT b, COLUMNS('^a$') AS y FROM t) x;
SELECT sum(COLUMNS(['a', 'b'])) * 2 FROM t;
SELECT COLUMNS(o.*), COLUMNS(o.* EXCLUDE (s)) + u.a AS z FROM one o JOIN u ON o.a = u.a;
SELECT t.id, COLUMNS('^(b|d)$') + t.id FROM t;
SELECT x.uid FROM (SELECT *, 0 AS side FROM u UNION ALL SELECT *, 1 FROM u) x WHERE COLUMNS(*) IS NOT NULL -- single;
SELECT * EXCLUDE (one.a) RENAME (u.a AS ua) FROM one JOIN u ON one.a = u.a;
SELECT * REPLACE (one.a + 1 AS a) FROM one JOIN u ON one.a = u.a -- single;

-- UNION BY NAME, positional joins
SELECT a, id FROM t UNION ALL BY NAME SELECT uid AS id, s FROM u;
SELECT a FROM t UNION BY NAME SELECT d AS a, a AS b FROM u;
(SELECT a FROM t UNION ALL SELECT uid FROM u) UNION ALL BY NAME SELECT s, a FROM u;
SELECT id, uid FROM (SELECT id FROM t) POSITIONAL JOIN (SELECT uid, s FROM u) WHERE id < 40 -- single;

-- PIVOT with its values, UNPIVOT
SELECT * FROM (SELECT a, s, b FROM t) PIVOT (sum(b) FOR s IN ('x', 'y') GROUP BY a);
SELECT x FROM t PIVOT (sum(b) FOR s IN ('x', 'y'));
PIVOT t ON s IN ('x', '', 'Z') USING sum(b), count(*) AS n GROUP BY a;
PIVOT (SELECT a, s, b, id FROM t) ON s IN ('x', 'y'), (a % 2) IN (0, 1) USING max(id), list(id ORDER BY id) GROUP BY b;
PIVOT (SELECT s, b FROM t) ON s IN ('x', NULL) USING sum(b);
PIVOT (SELECT a AS g, a AS n, s, id FROM t) ON s IN ('x') USING count(*), count(*) AS c;
PIVOT (SELECT s, b, a FROM nothing, (SELECT 1 AS b)) ON s IN ('x') USING sum(b);
SELECT p.a, p.x FROM (PIVOT (SELECT a, s, b FROM t) ON s IN ('x', 'y') USING first(b ORDER BY b)) p JOIN u ON u.a = p.a;
UNPIVOT (SELECT id, a, b, uid FROM t LEFT JOIN u USING (a)) ON a, b, uid INTO NAME k VALUE v;
SELECT k, sum(v) FROM (SELECT id, a, b FROM t) UNPIVOT (v FOR k IN (a, b)) GROUP BY k;
FROM (SELECT id, a, b FROM t) UNPIVOT INCLUDE NULLS (v FOR k IN (a AS first, b));
UNPIVOT (SELECT id, a, tiny, b FROM t) ON COLUMNS(* EXCLUDE (id));
UNPIVOT (SELECT id, a, tiny, b FROM t) ON (a, b) AS x, (tiny, a) AS y INTO NAME k VALUE v, w -- single;

-- samples, where every choice gives the same answer
SELECT count(*) FROM t TABLESAMPLE 0%;
SELECT count(*), count(DISTINCT id) FROM t USING SAMPLE 7 ROWS;
SELECT count(*), sum(id) FROM t TABLESAMPLE 100 PERCENT (bernoulli);
SELECT count(*) FROM t USING SAMPLE reservoir(1000 ROWS) REPEATABLE (3);
SELECT count(*) FROM (SELECT t.id FROM t JOIN u USING (a) USING SAMPLE 9) q;

-- DISTINCT without keys beside aggregates that are put together from several columns
SELECT sum(DISTINCT a), stddev(b), avg(id) FILTER (WHERE flag), arg_max(s, id), min(d), count(*) FROM t;
SELECT count(DISTINCT a), var_pop(d) FILTER (WHERE a < 0), arg_min(s, a) FILTER (WHERE d > 0) FROM nothing;

-- windows over all rows, by formulas and by neighbours
SELECT id, lead(s, 2, 'none') OVER (ORDER BY b, id), lag(id, 70) OVER (ORDER BY b, id), lag(d, 0) OVER (ORDER BY id DESC) FROM t;
SELECT id, sum(b) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING), avg(m) OVER (ORDER BY id ROWS 3 PRECEDING), first_value(s) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 4 FOLLOWING), max(b) OVER (ORDER BY id ROWS BETWEEN 5 PRECEDING AND 3 PRECEDING), list(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM t;
SELECT id, percent_rank() OVER (ORDER BY a), cume_dist() OVER (ORDER BY a DESC), avg(b) OVER (ORDER BY a), avg(m) OVER (ORDER BY id), avg(d) OVER (ORDER BY id DESC) FROM t WHERE d = d OR d IS NULL;
SELECT id, first_value(s) OVER (ORDER BY b, id), last_value(id) OVER (ORDER BY id), first_value(id) OVER (ORDER BY b DESC, id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM t;
SELECT a, lag(a) OVER (ORDER BY a), ntile(2) OVER (ORDER BY a), percent_rank() OVER (ORDER BY a), first_value(a) OVER (ORDER BY a) FROM nothing;
SELECT id, x FROM (SELECT id, b, lag(b) OVER (ORDER BY id) - b AS x FROM t) q WHERE x > 0 AND b <> 2;
SELECT id, lag(b IGNORE NULLS) OVER (ORDER BY id), sum(b) OVER (ORDER BY id RANGE BETWEEN 3 PRECEDING AND CURRENT ROW), count(*) OVER (ORDER BY a GROUPS 1 PRECEDING) FROM t;
select id, sum(b) over (order by id rows between 2 preceding and current row), first_value(s) over (order by id rows between 1 following and unbounded following) is null from t -- may be single;

-- windows over all rows with RANGE and GROUPS frames, open frames, and IGNORE NULLS
SELECT id, sum(b) OVER (ORDER BY a RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING), avg(b) OVER (ORDER BY a DESC NULLS FIRST RANGE BETWEEN CURRENT ROW AND 2 FOLLOWING), count(DISTINCT s) OVER (ORDER BY a RANGE BETWEEN 2 FOLLOWING AND 3 FOLLOWING) FROM t;
SELECT id, sum(b) OVER (ORDER BY day RANGE BETWEEN INTERVAL 7 DAYS PRECEDING AND CURRENT ROW), list(id ORDER BY id) OVER (ORDER BY day RANGE BETWEEN INTERVAL '3' DAY PRECEDING AND INTERVAL 1 MONTH FOLLOWING EXCLUDE GROUP), count(*) OVER (ORDER BY day DESC RANGE BETWEEN INTERVAL 1 MONTH PRECEDING AND INTERVAL 2 DAY PRECEDING) FROM t;
SELECT id, min(b) OVER (ORDER BY m RANGE BETWEEN 12345.68 PRECEDING AND 20000 FOLLOWING), sum(b) OVER (ORDER BY d NULLS FIRST RANGE BETWEEN 0.5 PRECEDING AND 1 FOLLOWING), max(s) OVER (ORDER BY tiny DESC RANGE 4 + 1 PRECEDING) FROM t;
SELECT id, sum(b) OVER (ORDER BY day RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 3 DAYS FOLLOWING), count(*) OVER (ORDER BY a NULLS FIRST RANGE BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING), bool_or(flag) OVER (ORDER BY day RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM t;
SELECT id, list(b ORDER BY b) OVER (ORDER BY s, a GROUPS BETWEEN 2 PRECEDING AND 1 FOLLOWING EXCLUDE TIES), sum(b) OVER (ORDER BY s DESC GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING), count(*) OVER (ORDER BY a GROUPS BETWEEN 1 FOLLOWING AND 2 FOLLOWING) FROM t;
SELECT id, max(b) OVER (ORDER BY day, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), sum(m) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING), min(s) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 3 FOLLOWING), avg(b) FILTER (WHERE flag) OVER (ORDER BY id), count_if(flag) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) FROM t;
SELECT id, last_value(s IGNORE NULLS) OVER (ORDER BY id), first_value(s IGNORE NULLS) OVER (ORDER BY b DESC, id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING), lead(a, 1, -1 IGNORE NULLS) OVER (ORDER BY day DESC NULLS FIRST, id), last_value(a IGNORE NULLS) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING) FROM t;
SELECT id, last_value(id) OVER (ORDER BY b, id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), sum(b) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM t;
SELECT a, sum(a) OVER (ORDER BY d RANGE 1 PRECEDING), max(a) OVER (ORDER BY d GROUPS 1 PRECEDING), last_value(a IGNORE NULLS) OVER (ORDER BY d), lag(a IGNORE NULLS) OVER (ORDER BY d) FROM nothing;
SELECT id, nth_value(b, 2) OVER (ORDER BY id), sum(b) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING), lag(s, 2 IGNORE NULLS) OVER (ORDER BY id) FROM t -- may be single;

-- long limits
SELECT id, s FROM t ORDER BY s DESC NULLS FIRST, id OFFSET 7;
SELECT id FROM t, range(300) r(i) ORDER BY id, i LIMIT 12000 OFFSET 20;
SELECT count(*) FROM (SELECT id FROM t OFFSET 13) q;
SELECT * FROM nothing ORDER BY a OFFSET 3;

-- several values at once
SELECT id FROM t WHERE (a, s) NOT IN (SELECT a, s FROM u WHERE uid < 3);
SELECT id, (a, s) IN (SELECT a, s FROM u) AS x, (a, b) NOT IN (SELECT a, uid FROM u) AS y FROM t;
SELECT id FROM t WHERE (a, s) NOT IN (SELECT a, s FROM nothing);

-- recursion in one task, over what it reads
WITH RECURSIVE e AS (SELECT id, id + b AS nxt FROM t WHERE flag), r(id, depth) AS (SELECT id, 0 FROM t WHERE id < 5 UNION SELECT e.nxt, depth + 1 FROM r JOIN e ON e.id = r.id WHERE depth < 6) SELECT r.id, count(*), max(depth) FROM r JOIN t USING (id) GROUP BY r.id -- single;
WITH RECURSIVE r(id, depth) AS (SELECT a, count(*) FROM u GROUP BY a UNION ALL SELECT x.b + r.id, depth + 1 FROM t x, r WHERE x.id = r.id AND x.flag AND x.b > 0 AND depth < 9) SELECT * FROM r, (SELECT max(depth) AS m FROM r) y -- single;
SELECT x FROM (WITH RECURSIVE r(n) AS (SELECT max(id) FROM t WHERE a = 1 UNION ALL SELECT n - 7 FROM r WHERE n > 0) SELECT n AS x FROM r) q JOIN u ON u.uid = x -- single;
WITH RECURSIVE tree(id, path) USING KEY (id) AS (SELECT id, [id] FROM t WHERE id < 3 UNION SELECT t.id, list_append(path, t.id) FROM tree JOIN t ON t.id = tree.id * 2 + 1) SELECT id, path FROM tree -- single;
SELECT 1 AS one, count(*) OVER () FROM (SELECT a, 0 AS side FROM t UNION ALL SELECT a, 1 AS side FROM u) x;

-- time zones, intervals
SELECT (ts AT TIME ZONE 'Europe/Berlin')::VARCHAR AS berlin, count(*), max(ts)::VARCHAR FROM (SELECT (day::TIMESTAMP + to_hours(id)) AT TIME ZONE 'UTC' AS ts FROM t) q GROUP BY 1;
SELECT x.day, count(*) FROM (SELECT day::TIMESTAMPTZ AS ts, day FROM t) x JOIN (SELECT day::TIMESTAMPTZ AS ts FROM u) y ON x.ts = y.ts GROUP BY x.day ORDER BY 1;
SELECT extract(hour FROM ts AT TIME ZONE 'America/New_York') AS h, count(*) FROM (SELECT '2024-03-10 05:00:00+00'::TIMESTAMPTZ + to_hours(id) AS ts FROM t) q GROUP BY h ORDER BY h;
SELECT to_days(a::INTEGER) + INTERVAL 90 MINUTE AS i, count(*), max(to_minutes(b)) FROM t GROUP BY i;
SELECT id, age(day, DATE '2023-11-05'), day - DATE '2024-01-15', day + INTERVAL (a) MONTH, time_bucket(INTERVAL 7 DAY, day) FROM t ORDER BY to_days(b), id;
SELECT max(day + INTERVAL 1 SECOND), min(day::TIMESTAMP_NS)::VARCHAR, max(TIME '10:00:00' + to_minutes(id)) FROM t;

-- maps and JSON
SELECT m['x'] AS x, count(*) FROM (SELECT MAP {'x': a, 'y': b} AS m FROM t) q GROUP BY 1;
SELECT m, count(*) FROM (SELECT MAP {s: a} AS m FROM t WHERE s IS NOT NULL) q GROUP BY m;
SELECT id, map_keys(m), element_at(m, 'k') FROM (SELECT id, map_from_entries([('k', a), ('l', b)]) AS m FROM t) q;
SELECT j->>'$.p' AS p, count(*), json_group_array(id) IS NOT NULL FROM (SELECT id, json_object('p', a, 'q', [b, id]) AS j FROM t) q GROUP BY p;
SELECT id, json_extract(j, '$.q[1]')::INTEGER AS q, json_array_length(j->'q'), upper(j->'p'->>'$'), json_type(j, '$.p') FROM (SELECT id, to_json({'p': s, 'q': l}) AS j FROM t) q;
SELECT j, count(*) FROM (SELECT json_object('a', a) AS j FROM t) q GROUP BY j;

-- BLOB, HUGEINT, long decimals
SELECT encode(s) AS raw, count(*), max(octet_length(encode(s))) FROM t GROUP BY raw;
SELECT t.id, u.uid FROM t JOIN u ON encode(t.s) = encode(u.s) AND t.a = u.a ORDER BY encode(t.s) DESC, 1, 2;
SELECT sum(huge), avg(huge), max(huge) - min(huge), sum(huge * 3) FROM t;
SELECT huge // 100000000000 AS h, count(*) FROM t GROUP BY h ORDER BY h;
SELECT sum(x), max(x), avg(x), sum(DISTINCT x) FROM (SELECT id::DECIMAL(38, 10) * 1234567890.0123456789 AS x FROM t) q;
SELECT x, count(*) FROM (SELECT (12345678901234567890123456789.0123456789 + a)::DECIMAL(38, 9) AS x FROM t) q GROUP BY x ORDER BY x;

-- structs, lists, enums, UUID, unions, bits
SELECT st.q AS q, list(st.p ORDER BY id), struct_pack(a := min(a), b := max(st)) FROM t GROUP BY q;
SELECT t.id, u.uid FROM t JOIN u ON t.st = {'p': u.a, 'q': 'q1'};
SELECT list_aggregate(l, 'sum'), list_distinct(l), array_length(l), l[1:2], list_filter(l, lambda e: e > 0) FROM t WHERE id < 20;
SELECT e, count(*) FROM (SELECT unnest(list_transform(range(a), lambda x: x * b)) AS e FROM t WHERE a IS NOT NULL) q GROUP BY e;
SELECT id, CASE WHEN flag THEN 'a'::ENUM('b', 'a') ELSE 'b' END AS e FROM t ORDER BY e, id;
SELECT uuid, count(*) FROM (SELECT ('00000000-0000-0000-0000-00000000000' || (a % 3))::UUID AS uuid FROM t WHERE a IS NOT NULL) q GROUP BY uuid ORDER BY uuid;
SELECT u, count(*) FROM (SELECT union_value(n := a) AS u FROM t) q GROUP BY u;
SELECT bit_count(b::BIT), count(*) FROM (SELECT (id % 5)::BIGINT AS b FROM t) q GROUP BY 1;

-- statistics of all rows, firsts and lasts
SELECT kurtosis(b), skewness(b), corr(a, b), covar_samp(a, b), regr_slope(a, b), regr_r2(a, b), entropy(a), product(b) FILTER (WHERE b <> 0), arg_max(id, b, 3), mad(b), approx_count_distinct(a) > 3, histogram(a) FROM t -- may be single;
SELECT first(id), last(s), any_value(s) FILTER (WHERE id > 5), last(d) FROM t;
SELECT s, first(id), last(a), any_value(b), first(a) FILTER (WHERE id > 30) FROM t GROUP BY s;
SELECT s, first(id), last(id), any_value(b), count(DISTINCT a) FROM t GROUP BY s;

-- texts and tries
SELECT id FROM t WHERE s SIMILAR TO '[a-z]' OR s ILIKE 'Z' OR regexp_matches(s, '^x?$') OR s GLOB '?';
SELECT id, s[1], s[-1:], format('{}-{}', id, s), printf('%05d', id), lpad(s, 3, '*'), strip_accents(s), hash(s) IS NOT NULL FROM t;
SELECT TRY_CAST(s AS INTEGER) AS i, TRY(1 // (a - 1)) AS d, count(*) FROM t GROUP BY ALL;

-- frames within a partition
SELECT id, b, sum(b) OVER (PARTITION BY a ORDER BY day RANGE BETWEEN INTERVAL 3 DAY PRECEDING AND CURRENT ROW) AS w FROM t;
SELECT id, count(*) OVER (PARTITION BY s ORDER BY b GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES) AS w, arg_max(id, b) OVER (PARTITION BY a ORDER BY id ROWS 4 PRECEDING) FROM t;
SELECT list_transform(l, lambda e: e + 1), list_transform(l, lambda e: 'x') FROM t;
SELECT first(a), any_value(s), last(d) FROM nothing;
SELECT any_value(a ORDER BY id), first(b ORDER BY id DESC) FROM t -- may be single;

-- what is computed of limited rows is computed of those alone
SELECT id, count(*) OVER () AS n FROM (SELECT id FROM t ORDER BY id LIMIT 2 OFFSET 1);
SELECT id, sum(id) OVER (ORDER BY id) AS n FROM (SELECT id FROM t ORDER BY id OFFSET 2);
SELECT id, unnest([1, 2, 3]) AS u FROM (SELECT id FROM t ORDER BY id LIMIT 2);
SELECT x.id, z.u FROM (SELECT id FROM t ORDER BY id OFFSET 2) x, unnest([x.id, 1]) z(u);
SELECT * FROM (SELECT id, a AS n FROM t ORDER BY id DESC LIMIT 2) UNPIVOT (v FOR name IN (id, n));

-- what may differ is computed once, however often it is read
WITH c AS (SELECT random() AS r, a FROM u) SELECT count(*) FROM c x JOIN c y ON x.r = y.r;
WITH c AS NOT MATERIALIZED (SELECT random() AS r, a FROM u) SELECT count(*) FROM c x JOIN c y ON x.r = y.r;
WITH c AS (SELECT uid, uuid() AS r FROM u), d AS (SELECT * FROM c WHERE uid > 3) SELECT count(*) FROM d WHERE r IN (SELECT r FROM c);

-- WITH and GROUP BY of subqueries that use outer columns
SELECT uid, (WITH c AS (SELECT a FROM t i WHERE i.id <= x.uid) SELECT count(*) FROM c a, c b WHERE a.a = b.a) AS n FROM u x;
SELECT uid FROM u x WHERE EXISTS (SELECT count(*) FROM u y WHERE x.d <= y.d GROUP BY x.uid HAVING count(*) > x.uid) OR x.uid = 1;
SELECT uid, (SELECT max(w.k) FROM (SELECT x.uid AS k, y.a FROM u y WHERE y.a <= x.a GROUP BY x.uid, y.a) w) AS n FROM u x;

-- subqueries that use columns from further out than the query around them
SELECT a, (SELECT count(*) FROM u WHERE u.a = o.a AND u.uid > (SELECT avg(t.b) FROM t WHERE t.id <= o.a + u.d)) FROM one o;
SELECT t.id, (SELECT max((SELECT sum(x.uid) FROM u x WHERE x.a = u.a AND x.uid > t.id)) FROM u WHERE u.s = t.s) AS n FROM t;
SELECT id FROM t WHERE t.a >= ALL (SELECT u.a FROM u WHERE u.uid < t.id AND u.d <= ANY (SELECT x.m FROM u x WHERE x.uid < t.a + u.a));
SELECT id FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.a < t.a AND NOT EXISTS (SELECT 1 FROM u x WHERE x.d > t.b + u.d));
SELECT id, (SELECT sum(m) FROM (SELECT (SELECT max(x.uid) FROM u x WHERE x.uid < u.uid - t.b) AS m FROM u WHERE u.a = t.a UNION ALL SELECT (SELECT min(x.m) FROM u x WHERE x.uid > t.id + o.a) FROM one o) q) FROM t;
SELECT t.id, v.n FROM t, LATERAL (SELECT count(*) AS n FROM u WHERE u.a = t.a AND u.uid IN (SELECT x.uid FROM u x WHERE x.d >= u.d - t.a)) v;
SELECT id FROM t WHERE (SELECT count(*) FROM u WHERE u.uid > (SELECT avg(x.uid) * t.a FROM u x WHERE x.d < u.d AND EXISTS (SELECT 1 FROM one o WHERE o.a < t.id + x.a + u.a))) > 1;

-- ORDER BY of what is not selected
SELECT id FROM t ORDER BY row_number() OVER (PARTITION BY s ORDER BY id DESC), id;
SELECT id FROM t ORDER BY (SELECT count(*) FROM u WHERE u.a = t.a) DESC, id LIMIT 20;
SELECT s, count(*) FROM t GROUP BY s ORDER BY sum(count(*)) OVER (ORDER BY s), s;
SELECT u.uid, (SELECT t.id FROM t WHERE t.a = u.a ORDER BY (SELECT count(*) FROM u x WHERE x.a = t.b AND x.uid > u.uid) DESC, t.id LIMIT 1) AS best FROM u;

-- PIVOT as a statement with what may follow it
PIVOT t ON s IN ('x', 'y') USING sum(b), count(*) GROUP BY a ORDER BY a NULLS FIRST LIMIT 3;
WITH q AS (SELECT * FROM t WHERE id < 40) PIVOT q ON s IN ('x', 'y') USING sum(b) GROUP BY a ORDER BY ALL;
UNPIVOT (SELECT id, a, b FROM t) ON a, b ORDER BY id, name OFFSET 3;

-- aggregates of all rows beside each row, and limits beyond the rows that there are
SELECT id, median(b) OVER () AS m, quantile_disc(id, [0.1, 0.9]) OVER () AS q, count(DISTINCT s) OVER () AS n FROM t;
SELECT a, median(sum(b)) OVER () AS m, row_number() OVER (ORDER BY a) AS r FROM t GROUP BY a;
SELECT id FROM t ORDER BY b, id LIMIT 20000;
SELECT id FROM t ORDER BY id FETCH FIRST 5 ROWS ONLY;

-- ORDER BY window functions, selected or not
SELECT a, b, id FROM t ORDER BY count(*) OVER (PARTITION BY b), id LIMIT 7;
SELECT a, b, sum(b) OVER (PARTITION BY a) AS x, id FROM t ORDER BY sum(b) OVER (PARTITION BY a), x, id;
SELECT a, count(*) FROM t GROUP BY a ORDER BY dense_rank() OVER (ORDER BY count(*) DESC), a;
SELECT id, row_number() OVER (ORDER BY id) AS n FROM t ORDER BY n % 3, n DESC LIMIT 9;
SELECT id FROM t QUALIFY rank() OVER (PARTITION BY a ORDER BY id) < 4 ORDER BY rank() OVER (PARTITION BY a ORDER BY id), id;
SELECT id, a FROM t ORDER BY (SELECT count(*) FROM u WHERE u.a = t.a) DESC, id LIMIT 5;
SELECT id, a FROM t ORDER BY EXISTS (SELECT 1 FROM u WHERE a > 3), id;

-- a column in two keys
SELECT t.id, u.uid FROM t JOIN u ON t.a = u.a AND u.a = t.a AND t.a = u.uid;
SELECT t.id, u.uid, o.id FROM t JOIN u ON t.a = u.a JOIN t o ON o.a = u.uid AND o.a = t.a WHERE o.id < 40;
SELECT t.id, u.uid, o.id FROM t, u, t o WHERE t.a = u.a AND u.uid = o.a AND o.a = o.id AND t.id = o.id;
SELECT count(*) FROM t, u, t o, u p WHERE t.a = u.a AND u.a = o.a AND o.a = p.a AND p.uid = t.id AND o.id < 30;
SELECT t.id, u.uid FROM t FULL JOIN u ON t.a = u.a AND t.a = u.uid;
SELECT t.id, u.uid FROM t ASOF LEFT JOIN u ON t.a = u.a AND t.b = u.a AND t.day >= u.day;
SELECT id, sum(b) OVER (PARTITION BY a, a ORDER BY id, id) FROM t;
SELECT DISTINCT ON (a, a) a, id FROM t ORDER BY a, a, id;

-- GROUP BY ALL with constants, subqueries over groups
SELECT 1 AS x, 'y' AS y, count(*) FROM nothing GROUP BY ALL;
SELECT 1 AS x FROM t GROUP BY ALL;
SELECT (SELECT max(uid) FROM u) AS x, count(*) FROM nothing GROUP BY ALL -- single;
SELECT (SELECT count(*) FROM u WHERE u.a = t.a) + 1 AS x, count(*) FROM t GROUP BY ALL -- single;
SELECT EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND uid > 9) AS x, count(*) FROM t GROUP BY ROLLUP (x);
SELECT a, (SELECT count(*) FROM u WHERE u.a = t.a) AS n, grouping(a) FROM t GROUP BY ROLLUP (a);
SELECT a, s, sum(b) FROM t GROUP BY CUBE (a, s) HAVING EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND u.s = t.s);

-- a list after ANY
SELECT id FROM t WHERE a = ANY([1, 2, NULL]) -- single;
SELECT id, a > ALL([0, 1]) AS larger FROM t WHERE id = ANY([1, 2, 3]) AND s = 'x' -- single;

-- a window over what a window beside it gives; a star after a struct; list comprehensions; WITHIN GROUP over all rows
SELECT *, max(p) OVER (PARTITION BY a ORDER BY id) FROM (SELECT *, lag(b) OVER (PARTITION BY a ORDER BY id) AS p FROM t);
SELECT n, min(id), max(e) FROM (SELECT *, sum(CASE WHEN p >= day THEN 0 ELSE 1 END) OVER (ORDER BY day, id) AS n FROM (SELECT *, max(e) OVER (ORDER BY day, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS p FROM (SELECT id, day, day + id::INTEGER % 3 AS e FROM t))) GROUP BY n;
SELECT st.*, count(*) FROM t GROUP BY ALL;
SELECT id, st.* EXCLUDE (q), st.* RENAME (p AS q) FROM t;
SELECT id, [x * 2 + id FOR x IN l IF x > 0], [[y, i] FOR y, i IN [a, b]], [s FOR s IN l] FROM t;
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY b), percentile_disc(0.9) WITHIN GROUP (ORDER BY m) FILTER (WHERE flag) FROM t;
SELECT percentile_disc(0.3) WITHIN GROUP (ORDER BY b DESC), percentile_cont([0.25, 0.5]) WITHIN GROUP (ORDER BY b) FROM t -- may be single;

-- intervals whose text says more than a number and a unit
SELECT id, day + INTERVAL '3 mins', day - INTERVAL '2 mons 1 d', INTERVAL '1.5 days', INTERVAL '3 days ago', INTERVAL '04:05:06' FROM t;
SELECT INTERVAL '90 secs' FROM t WHERE day > DATE '2024-01-20' - INTERVAL '1 w';
SELECT id, INTERVAL '2' DAY, INTERVAL 3 HOURS, INTERVAL (b) MONTH, INTERVAL '1.5' DAY, count(*) OVER (ORDER BY day RANGE INTERVAL '2 d' PRECEDING) FROM t;

-- subqueries in the condition of a join, of one side's columns or of both
SELECT t.id, u.uid FROM t LEFT JOIN u ON u.a = t.a AND u.uid = (SELECT max(v.uid) FROM u v WHERE v.a = t.a);
SELECT t.id, u.uid FROM t JOIN u ON u.a = t.a AND u.uid > (SELECT avg(uid) FROM u);
SELECT t.id, u.uid FROM t LEFT JOIN u ON u.a = t.a AND u.d = (SELECT max(d) FROM u v WHERE v.a = u.a);
SELECT t.id, u.uid FROM t FULL JOIN u ON u.a = t.a AND u.s IN (SELECT s FROM one) AND t.id NOT IN (SELECT uid FROM u WHERE uid > 4);
SELECT t.id, u.uid FROM t RIGHT JOIN u ON u.a = t.a AND EXISTS (SELECT 1 FROM u v WHERE v.uid = t.id AND v.s = 'y');
SELECT t.id FROM t SEMI JOIN u ON u.a = t.a AND u.uid >= ALL (SELECT uid FROM u v WHERE v.a = u.a);
SELECT t.id, u.uid FROM t LEFT JOIN u ON u.a = t.a AND EXISTS (SELECT 1 FROM u v WHERE v.a = t.a AND v.uid > u.uid) -- single;

-- windows built on windows, columns by position, range() of columns in FROM
SELECT id, row_number() OVER w1, sum(b) OVER w2, max(b) OVER (w0 ORDER BY day, id) FROM t WINDOW w0 AS (PARTITION BY a), w1 AS (w0 ORDER BY id), w2 AS (w1 ROWS UNBOUNDED PRECEDING);
SELECT #1, #2 + 1 AS x FROM (SELECT id, b FROM t) ORDER BY #1 DESC LIMIT 7;
SELECT t.id, r.i, s.generate_series FROM t, range(t.id % 4) r(i), generate_series(2, t.id % 5) s WHERE r.i > 0;
SELECT t.id, g.d FROM t, generate_series(t.day, t.day + 3, INTERVAL 1 DAY) AS g(d) WHERE t.id < 5;

-- rows without columns: SELECT without FROM, several in one query, and outer columns from two levels out
SELECT 1 AS one UNION ALL SELECT 2 UNION ALL SELECT 3 WHERE 1 > 2;
SELECT t.id, x.one, y.one FROM t, (SELECT 1 AS one) x, LATERAL (SELECT t.a + 1 AS one) y WHERE EXISTS (SELECT 1 WHERE t.b > 0);
SELECT id, (SELECT t.a + 1), (SELECT t.b WHERE t.b > 0) FROM t WHERE t.a IN (SELECT t.b UNION ALL SELECT 3);
SELECT count(*) FROM (SELECT 1 AS one) x WHERE (SELECT 2 AS one) > one AND NOT EXISTS (SELECT 1 AS one WHERE one > 1);
SELECT 0 AS c FROM t WHERE a IS NULL AND EXISTS (SELECT 1 FROM u q WHERE t.a IS NULL AND q.uid = (SELECT min(r.uid) FROM u r WHERE q.s IS NULL AND t.a IS NULL)) UNION ALL SELECT 0 FROM t WHERE NOT (a > 1 AND EXISTS (SELECT 1 FROM u q WHERE t.a > 2 AND q.uid = (SELECT min(r.uid) FROM u r WHERE q.s IS NULL AND t.a > 3)));

-- functions of which sqlglot knows another form, or fewer arguments
SELECT id, decode('\xA0'::BLOB, 'replace'), jaro_winkler_similarity(s, 'xy', 0.9), log2(id + 1), log10(id + 1), regexp_replace(s, '[XY]', '-', 'i') FROM t;
SELECT id, apply(l, lambda e: e + id), reduce(l, lambda e, f: e + f, 3), list_reduce(l, lambda e, f: e * f), list_filter(l, lambda e: e > 1) FROM t;
SELECT id, date_trunc(unit, day), date_diff(unit, day, DATE '2025-01-01'), date_part(unit, day), date_add(day, INTERVAL 3 DAY) FROM (SELECT id, day, ['month', 'week'][id % 2 + 1] AS unit FROM t);
SELECT mod(id, 3) * 2, if(flag, 1, 2) + 1, instr(s, 'y'), position('y' IN s), list_has_all(l, [1] || l) AND list_has_any(l, [2]), substring(s FROM 1 FOR 1), overlay('abcd' PLACING s FROM 2), strftime(day, '%-d %B') FROM t;
SELECT year(day) AS y, weekofyear(day) AS w, count(*), string_agg(lcase(s), '/' ORDER BY id), group_concat(ucase(s)) IS NULL, mean(b), var_samp(b), argmax(id, day) FROM t GROUP BY year(day), weekofyear(day);
SELECT json_extract('{"a": {"b": [1, 2]}}', '$.a.b[' || (id % 2) || ']') AS e, json_extract_string(j, ['$.a', '$.b']) AS f, json_object('k', id, 'l', s) AS o FROM (SELECT id, s, json_object('a', a, 'b', s) AS j FROM t);

-- operators that sqlglot puts in another order, and values that are put in the place of names
SELECT id, ~ a + b AS x, @ b - 3 AS y, a & 3 | b << 1 AS z, abs(b) ^ a - 1 AS w, s !~ 'x' = flag AS v FROM t WHERE a IS NOT NULL AND b > 0;
SELECT id, (j ->> 'b') = 'x' AS y, j -> 'b' ->> 0 AS z FROM (SELECT id, json_object('a', a, 'b', s) AS j FROM t) WHERE (j ->> 'a') IS NOT NULL;
SELECT id, j ->> 'b' = 'x' AS x FROM (SELECT id, true AS flag, {'b': s}::JSON AS j FROM t) WHERE flag AND (j ->> 'b') IN ('x', 'y');
SELECT id, id % 3 IN [e + 1 FOR e IN l IF e > 0], a IN l || [3], ~ id IN list_transform(l, lambda e, i: e ^ i - 1), l && [7] OR l @> [1] AND flag FROM t;
SELECT tiny - 1, -1 - tiny, tiny * -(1), CASE WHEN true THEN 1 ELSE tiny END FROM t;
SELECT x = y, NOT x, x IS NULL = y, x AND z, y OR z AND x, -n, n ^ 2, 2 - n FROM (SELECT a BETWEEN 1 AND 3 AS x, a IN (1, b) AS y, flag OR a = 1 AS z, -b AS n FROM t) q WHERE x IN (y, true) OR y BETWEEN x AND true OR z;

-- joins in parentheses that begin with a derived table, or that have an alias
SELECT count(*) FROM ((SELECT a FROM t) x JOIN u y ON x.a = y.a) JOIN u z ON x.a = z.a;
SELECT x.a, count(*) FROM ((SELECT a FROM t) x LEFT JOIN ((SELECT a FROM u) y JOIN one ON one.a = y.a) ON x.a = y.a) GROUP BY 1;
SELECT count(*) FROM ((((SELECT a FROM t) x JOIN u y ON x.a = y.a) LEFT JOIN u z ON z.a = y.a) SEMI JOIN one ON one.a = x.a);
SELECT count(*), max(z.uid) FROM ((SELECT a FROM t) x JOIN u y ON x.a = y.a) AS z;
SELECT z.uid, z.s FROM (t x JOIN u y USING (a)) AS z WHERE z.uid > 20;
SELECT x.k & 1, count(*) FROM (SELECT a, count(*) AS k FROM t GROUP BY a) x ASOF JOIN t y ON x.a = y.a AND x.k >= y.id GROUP BY x.k & 1;

-- clauses of texts whose operators are written out
SELECT id & 1 AS p, quantile_cont(b, 0.5), percentile_disc(0.5) WITHIN GROUP (ORDER BY b), string_agg(s, '/' ORDER BY id DESC), count(*) FILTER (WHERE flag), grouping(id & 1) FROM t GROUP BY ROLLUP (p) HAVING count(*) > 1;
SELECT position('y' IN s), position('y' IN ('x' || s)), trim(BOTH 'x' FROM s), substring(s FROM id & 1 FOR 1), extract(month FROM day), array(SELECT 1) FROM t QUALIFY row_number() OVER (PARTITION BY id & 3 ORDER BY id) > 2;
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT n & 1, w.m FROM r JOIN t ON t.id = n LEFT JOIN LATERAL (SELECT max(uid) AS m FROM u WHERE u.a = t.a & 3) w ON true;
