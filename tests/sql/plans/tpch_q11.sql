SELECT
    ps_partkey,
    sum(ps_supplycost * ps_availqty) AS value
FROM
    partsupp,
    supplier,
    nation
WHERE
    ps_suppkey = s_suppkey
    AND s_nationkey = n_nationkey
    AND n_name = 'GERMANY'
GROUP BY
    ps_partkey
HAVING
    sum(ps_supplycost * ps_availqty) > (
        SELECT
            sum(ps_supplycost * ps_availqty) * 0.0001000000
        FROM
            partsupp,
            supplier,
            nation
        WHERE
            ps_suppkey = s_suppkey
            AND s_nationkey = n_nationkey
            AND n_name = 'GERMANY')
ORDER BY
    value DESC;

-- 2 jobs
--
-- job query-1: shared equal rows 1
--   input in1     /tpch/partsupp.parquet (parquet)
--     map
--                   SELECT "ps_partkey", "ps_availqty", "ps_supplycost"
--                   FROM input
--                   JOIN (WITH input AS (FROM side2) SELECT "s_suppkey"
--                     FROM input
--                     JOIN (SELECT "n_nationkey"
--                       FROM side1
--                       WHERE "n_name" = 'GERMANY') ON "s_nationkey" = "n_nationkey") ON "ps_suppkey" = "s_suppkey"
--   side side2    /tpch/supplier.parquet (parquet); whole to every task
--   side side1    /tpch/nation.parquet (parquet); whole to every task
--
-- job query-2: join, group by ps_partkey
--   input in2     from job query-1, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-1:
--                   SELECT "ps_partkey", SUM("ps_supplycost" * "ps_availqty") AS "sum_3"
--                   FROM input
--                   GROUP BY 1
--     exchange    all rows to one reducer
--   input in3     from job query-1, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-1:
--                   SELECT SUM("ps_supplycost_2" * "ps_availqty_2") AS "sum_2_2"
--                   FROM (SELECT "ps_availqty" AS "ps_availqty_2", "ps_supplycost" AS "ps_supplycost_2"
--                     FROM input)
--                   HAVING COUNT(*) > 0
--     exchange    all rows to one reducer
--   reduce
--                   SELECT "ps_partkey", "sum" AS "value"
--                   FROM (SELECT "ps_partkey", "sum"
--                     FROM (SELECT "ps_partkey", SUM("sum_3") AS "sum"
--                       FROM in2
--                       GROUP BY 1)
--                     JOIN (SELECT "sum_2" * 0.0001000000 AS "SUM(ps_supplycost * ps_availqty) * 0.0001000000"
--                       FROM (SELECT SUM("sum_2_2") AS "sum_2"
--                         FROM in3)) ON "sum" > "SUM(ps_supplycost * ps_availqty) * 0.0001000000"
--                     ORDER BY "sum" DESC NULLS LAST)
--   output        to the caller
