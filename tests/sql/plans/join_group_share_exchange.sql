SELECT a.l_orderkey, sum(b.l_quantity)
FROM lineitem a JOIN lineitem b ON a.l_orderkey = b.l_orderkey
GROUP BY a.l_orderkey

-- 1 job
--
-- job query-1: join on l_orderkey_2
--   input in1     /tpch/lineitem.parquet (parquet)
--     map         SELECT "l_orderkey" AS "l_orderkey_2", "l_quantity" AS "l_quantity_2" FROM input
--     exchange    duckdb hash(l_orderkey_2), 4 partitions
--   input in2     /tpch/lineitem.parquet (parquet)
--     map         SELECT "l_orderkey" FROM input
--     exchange    duckdb hash(l_orderkey), 4 partitions
--   reduce
--                   SELECT "l_orderkey", SUM("l_quantity_2") AS "sum(b.l_quantity)"
--                   FROM in1
--                   JOIN in2 ON "l_orderkey" = "l_orderkey_2"
--                   GROUP BY 1
--   output        to the caller
