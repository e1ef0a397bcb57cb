SELECT
    n_name,
    sum(l_extendedprice * (1 - l_discount)) AS revenue
FROM
    customer,
    orders,
    lineitem,
    supplier,
    nation,
    region
WHERE
    c_custkey = o_custkey
    AND l_orderkey = o_orderkey
    AND l_suppkey = s_suppkey
    AND c_nationkey = s_nationkey
    AND s_nationkey = n_nationkey
    AND n_regionkey = r_regionkey
    AND r_name = 'ASIA'
    AND o_orderdate >= CAST('1994-01-01' AS date)
    AND o_orderdate < CAST('1995-01-01' AS date)
GROUP BY
    n_name
ORDER BY
    revenue DESC;

-- 3 jobs
--
-- job query-1: broadcast: about 3 MiB
--   input in1     /tpch/orders.parquet (parquet)
--     map
--                   SELECT "o_orderkey", "o_custkey"
--                   FROM input
--                   WHERE "o_orderdate" >= CAST('1994-01-01' AS DATE) AND "o_orderdate" < CAST('1995-01-01' AS DATE)
--
-- job query-2: broadcast: about 3 MiB
--   input in2     /tpch/customer.parquet (parquet)
--     map
--                   SELECT "s_suppkey", "n_name", "o_orderkey"
--                   FROM input
--                   JOIN (WITH input AS (FROM side3) SELECT "s_suppkey", "s_nationkey", "n_name"
--                     FROM input
--                     JOIN (WITH input AS (FROM side2) SELECT "n_nationkey", "n_name"
--                       FROM input
--                       JOIN (SELECT "r_regionkey"
--                         FROM side1
--                         WHERE "r_name" = 'ASIA') ON "n_regionkey" = "r_regionkey") ON "s_nationkey" = "n_nationkey") ON
--                           "c_nationkey" = "s_nationkey"
--                   JOIN side4 ON "c_custkey" = "o_custkey"
--   side side3    /tpch/supplier.parquet (parquet); whole to every task
--   side side2    /tpch/nation.parquet (parquet); whole to every task
--   side side1    /tpch/region.parquet (parquet); whole to every task
--   side side4    from job query-1; whole to every task
--
-- job query-3: group by n_name
--   input in3     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "n_name", SUM("l_extendedprice" * (1 - "l_discount")) AS "sum_2"
--                   FROM input
--                   JOIN side5 ON "l_suppkey" = "s_suppkey" AND "l_orderkey" = "o_orderkey"
--                   GROUP BY 1
--     exchange    all rows to one reducer
--   side side5    from job query-2; whole to every task
--   reduce
--                   SELECT "n_name", "sum" AS "revenue"
--                   FROM (SELECT "n_name", SUM("sum_2") AS "sum"
--                     FROM in3
--                     GROUP BY 1
--                     ORDER BY "sum" DESC NULLS LAST)
--   output        to the caller
