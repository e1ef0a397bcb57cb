SELECT o_orderkey
FROM orders
WHERE o_totalprice > (SELECT 2 * avg(o_totalprice) FROM orders)

-- 2 jobs
--
-- job query-1: aggregate
--   input in1     /tpch/orders.parquet (parquet)
--     map
--                   SELECT SUM("o_totalprice_2") AS "avg_sum", COUNT("o_totalprice_2") AS "avg_count"
--                   FROM (SELECT "o_totalprice" AS "o_totalprice_2"
--                     FROM input)
--                   HAVING COUNT(*) > 0
--     exchange    all rows to one reducer
--   reduce
--                   SELECT 2 * "avg" AS "2 * AVG(o_totalprice)"
--                   FROM (SELECT ROUND(CAST(SUM("avg_sum") AS DOUBLE) * 100) / (NULLIF(SUM("avg_count"), 0) * 100) AS
--                     "avg"
--                     FROM in1)
--
-- job query-2
--   input in2     /tpch/orders.parquet (parquet)
--     map         SELECT "o_orderkey" FROM input JOIN side1 ON "o_totalprice" > "2 * AVG(o_totalprice)"
--   side side1    from job query-1; whole to every task
--   output        to the caller
