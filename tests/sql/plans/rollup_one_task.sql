SELECT o_orderstatus, o_orderpriority, count(*)
FROM orders JOIN customer ON o_custkey = c_custkey
WHERE c_nationkey = 3
GROUP BY ROLLUP (o_orderstatus, o_orderpriority)

-- 2 jobs
--
-- job query-1: broadcast: about 234 KiB
--   input in1     /tpch/customer.parquet (parquet)
--     map         SELECT "c_custkey" FROM input WHERE "c_nationkey" = 3
--
-- job query-2: as written
--   input in2     /tpch/orders.parquet (parquet)
--     map         SELECT "o_orderstatus", "o_orderpriority" FROM input JOIN side1 ON "o_custkey" = "c_custkey"
--     exchange    all rows to one reducer
--   side side1    from job query-1; whole to every task
--   reduce        [single reducer: GROUPING SETS, ROLLUP or CUBE]
--                   SELECT "o_orderstatus_2" AS "o_orderstatus", "o_orderpriority_2" AS "o_orderpriority", "count_star()"
--                   FROM (WITH rows AS (SELECT *
--                       FROM in2) SELECT *
--                     FROM (SELECT "o_orderstatus" AS "o_orderstatus", "o_orderpriority" AS "o_orderpriority", COUNT(*)
--                       FROM rows
--                       GROUP BY ROLLUP ("o_orderstatus", "o_orderpriority")) AS block("o_orderstatus_2",
--                         "o_orderpriority_2", "count_star()"))
--   output        to the caller
