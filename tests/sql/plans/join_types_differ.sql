SELECT p_name
FROM part JOIN partsupp ON p_size = ps_suppkey

-- 2 jobs
--
-- job query-1: broadcast: about 5 MiB
--   input in1     /tpch/part.parquet (parquet)
--     map         SELECT "p_name", "p_size" FROM input
--
-- job query-2
--   input in2     /tpch/partsupp.parquet (parquet)
--     map         SELECT "p_name" FROM input JOIN side1 ON "p_size" = "ps_suppkey"
--   side side1    from job query-1; whole to every task
--   output        to the caller
