SELECT o_orderkey, sum(l_quantity)
FROM orders JOIN lineitem ON o_orderkey = l_orderkey
GROUP BY o_orderkey

-- 1 job
--
-- job query-1: join on l_orderkey
--   input in1     /tpch/lineitem.parquet (parquet)
--     map         SELECT "l_orderkey", "l_quantity" FROM input
--     exchange    duckdb hash(l_orderkey), 2 partitions
--   input in2     /tpch/orders.parquet (parquet)
--     map         SELECT "o_orderkey" FROM input
--     exchange    duckdb hash(o_orderkey), 2 partitions
--   reduce
--                   SELECT "o_orderkey", SUM("l_quantity") AS "sum(l_quantity)"
--                   FROM in1
--                   JOIN in2 ON "o_orderkey" = "l_orderkey"
--                   GROUP BY 1
--   output        to the caller
