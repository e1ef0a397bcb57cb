SELECT p_name
FROM part JOIN partsupp ON p_size = ps_suppkey

-- 1 job
--
-- job query-1
--   input in1     /tpch/partsupp.parquet (parquet)
--     map         SELECT "p_name" FROM input JOIN side1 ON "p_size" = "ps_suppkey"
--   side side1    /tpch/part.parquet (parquet); whole to every task
--   output        to the caller
