SELECT DISTINCT l_suppkey, l_partkey
FROM lineitem

-- 1 job
--
-- job query-1: group by l_suppkey, l_partkey
--   input in1     /tpch/lineitem.parquet (parquet)
--     map         SELECT "l_suppkey", "l_partkey" FROM input GROUP BY 1, 2
--     exchange    duckdb hash(l_suppkey, l_partkey), 1 partition
--   reduce        SELECT "l_suppkey", "l_partkey" FROM in1 GROUP BY 1, 2
--   output        to the caller
