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
-- job query-1: aggregate
--   input in2     /tpch/partsupp.parquet (parquet)
--     map
--                   SELECT SUM("ps_supplycost_2" * "ps_availqty_2") AS "sum_2_2"
--                   FROM (SELECT "ps_suppkey" AS "ps_suppkey_2", "ps_availqty" AS "ps_availqty_2", "ps_supplycost" AS
--                     "ps_supplycost_2"
--                     FROM input)
--                   JOIN (WITH input AS (FROM side4) SELECT "s_suppkey_2"
--                     FROM (SELECT "s_suppkey" AS "s_suppkey_2", "s_nationkey" AS "s_nationkey_2"
--                       FROM input)
--                     JOIN (WITH input AS (FROM side3) SELECT "n_nationkey_2"
--                       FROM (SELECT "n_nationkey" AS "n_nationkey_2", "n_name" AS "n_name_2"
--                         FROM input)
--                       WHERE "n_name_2" = 'GERMANY') ON "s_nationkey_2" = "n_nationkey_2") ON "ps_suppkey_2" =
--                         "s_suppkey_2"
--                   HAVING COUNT(*) > 0
--     exchange    all rows to one reducer
--   side side4    /tpch/supplier.parquet (parquet); whole to every task
--   side side3    /tpch/nation.parquet (parquet); whole to every task
--   reduce
--                   SELECT "sum_2" * 0.0001000000 AS "SUM(ps_supplycost * ps_availqty) * 0.0001000000"
--                   FROM (SELECT SUM("sum_2_2") AS "sum_2"
--                     FROM in2)
--
-- job query-2: group by ps_partkey
--   input in1     /tpch/partsupp.parquet (parquet)
--     map
--                   SELECT "ps_partkey", SUM("ps_supplycost" * "ps_availqty") AS "sum_3"
--                   FROM input
--                   JOIN (WITH input AS (FROM side2) SELECT "s_suppkey"
--                     FROM input
--                     JOIN (SELECT "n_nationkey"
--                       FROM side1
--                       WHERE "n_name" = 'GERMANY') ON "s_nationkey" = "n_nationkey") ON "ps_suppkey" = "s_suppkey"
--                   GROUP BY 1
--     exchange    all rows to one reducer
--   side side2    /tpch/supplier.parquet (parquet); whole to every task
--   side side1    /tpch/nation.parquet (parquet); whole to every task
--   side side5    from job query-1; whole to every task
--   reduce
--                   SELECT "ps_partkey", "sum" AS "value"
--                   FROM (SELECT "ps_partkey", "sum"
--                     FROM (SELECT "ps_partkey", SUM("sum_3") AS "sum"
--                       FROM in1
--                       GROUP BY 1)
--                     JOIN side5 ON "sum" > "SUM(ps_supplycost * ps_availqty) * 0.0001000000"
--                     ORDER BY "sum" DESC NULLS LAST)
--   output        to the caller
