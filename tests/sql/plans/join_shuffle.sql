SELECT l_quantity, ps_availqty
FROM lineitem JOIN partsupp ON l_partkey = ps_partkey AND l_suppkey = ps_suppkey

-- 2 jobs
--
-- job query-1: broadcast: about 15 MiB
--   input in1     /tpch/partsupp.parquet (parquet)
--     map         SELECT "ps_partkey", "ps_suppkey", "ps_availqty" FROM input
--
-- job query-2
--   input in2     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_quantity", "ps_availqty"
--                   FROM input
--                   JOIN side1 ON "l_partkey" = "ps_partkey" AND "l_suppkey" = "ps_suppkey"
--   side side1    from job query-1; whole to every task
--   output        to the caller
