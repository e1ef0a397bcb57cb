SELECT o_custkey, median(o_totalprice)
FROM orders
GROUP BY o_custkey

-- 1 job
--
-- job query-1: group by o_custkey
--   input in1     /tpch/orders.parquet (parquet)
--     map         SELECT "o_custkey", "o_totalprice" FROM input
--     exchange    duckdb hash(o_custkey), 1 partition
--   reduce        SELECT "o_custkey", MEDIAN("o_totalprice") AS "median(o_totalprice)" FROM in1 GROUP BY 1
--   output        to the caller
