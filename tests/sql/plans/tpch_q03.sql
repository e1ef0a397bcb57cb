SELECT
    l_orderkey,
    sum(l_extendedprice * (1 - l_discount)) AS revenue,
    o_orderdate,
    o_shippriority
FROM
    customer,
    orders,
    lineitem
WHERE
    c_mktsegment = 'BUILDING'
    AND c_custkey = o_custkey
    AND l_orderkey = o_orderkey
    AND o_orderdate < CAST('1995-03-15' AS date)
    AND l_shipdate > CAST('1995-03-15' AS date)
GROUP BY
    l_orderkey,
    o_orderdate,
    o_shippriority
ORDER BY
    revenue DESC,
    o_orderdate
LIMIT 10;

-- 2 jobs
--
-- job query-1: broadcast: about 2 MiB
--   input in1     /tpch/orders.parquet (parquet)
--     map
--                   SELECT "o_orderkey", "o_orderdate", "o_shippriority"
--                   FROM (SELECT "o_orderkey", "o_custkey", "o_orderdate", "o_shippriority"
--                     FROM input
--                     WHERE "o_orderdate" < CAST('1995-03-15' AS DATE))
--                   JOIN (SELECT "c_custkey"
--                     FROM side1
--                     WHERE "c_mktsegment" = 'BUILDING') ON "c_custkey" = "o_custkey"
--   side side1    /tpch/customer.parquet (parquet); whole to every task
--
-- job query-2: group by l_orderkey, o_orderdate, o_shippriority
--   input in2     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_orderkey", "o_orderdate", "o_shippriority", SUM("l_extendedprice" * (1 - "l_discount")) AS
--                     "sum_2"
--                   FROM (SELECT "l_orderkey", "l_extendedprice", "l_discount", "l_shipdate"
--                     FROM input
--                     WHERE "l_shipdate" > CAST('1995-03-15' AS DATE))
--                   JOIN side2 ON "l_orderkey" = "o_orderkey"
--                   GROUP BY 1, 2, 3
--     exchange    all rows to one reducer
--   side side2    from job query-1; whole to every task
--   reduce
--                   SELECT "l_orderkey", "sum" AS "revenue", "o_orderdate", "o_shippriority"
--                   FROM (SELECT "l_orderkey", "sum", "o_orderdate", "o_shippriority"
--                     FROM (SELECT "l_orderkey", "o_orderdate", "o_shippriority", SUM("sum_2") AS "sum"
--                       FROM in2
--                       GROUP BY 1, 2, 3)
--                     ORDER BY "sum" DESC NULLS LAST, "o_orderdate" ASC NULLS LAST
--                     LIMIT 10)
--   output        to the caller
