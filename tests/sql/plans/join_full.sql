SELECT c_name, o_totalprice
FROM customer FULL JOIN orders ON c_custkey = o_custkey

-- 1 job
--
-- job query-1: join on c_custkey
--   input in1     /tpch/customer.parquet (parquet)
--     map         SELECT "c_custkey", "c_name" FROM input
--     exchange    duckdb hash(c_custkey), 2 partitions
--   input in2     /tpch/orders.parquet (parquet)
--     map         SELECT "o_custkey", "o_totalprice" FROM input
--     exchange    duckdb hash(o_custkey), 2 partitions
--   reduce        SELECT "c_name", "o_totalprice" FROM in1 FULL JOIN in2 ON "c_custkey" = "o_custkey"
--   output        to the caller
