SELECT o_orderkey, sum(l_quantity)
FROM orders JOIN lineitem ON o_orderkey = l_orderkey
GROUP BY o_orderkey

-- 2 jobs
--
-- job query-1: broadcast: about 11 MiB
--   input in1     /tpch/orders.parquet (parquet)
--     map         SELECT "o_orderkey" FROM input
--
-- job query-2: group by o_orderkey
--   input in2     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "o_orderkey", SUM("l_quantity") AS "sum_2"
--                   FROM input
--                   JOIN side1 ON "o_orderkey" = "l_orderkey"
--                   GROUP BY 1
--     exchange    duckdb hash(o_orderkey), 2 partitions
--   side side1    from job query-1; whole to every task
--   reduce        SELECT "o_orderkey", SUM("sum_2") AS "sum(l_quantity)" FROM in2 GROUP BY 1
--   output        to the caller
