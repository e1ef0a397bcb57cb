SELECT c_name, o_totalprice
FROM customer LEFT JOIN orders ON c_custkey = o_custkey
WHERE o_totalprice > 1000

-- 2 jobs
--
-- job query-1: broadcast: about 5 MiB
--   input in1     /tpch/customer.parquet (parquet)
--     map         SELECT "c_custkey", "c_name" FROM input
--
-- job query-2
--   input in2     /tpch/orders.parquet (parquet)
--     map
--                   SELECT "c_name", "o_totalprice"
--                   FROM (SELECT "o_custkey", "o_totalprice"
--                     FROM input
--                     WHERE "o_totalprice" > 1000)
--                   JOIN side1 ON "c_custkey" = "o_custkey"
--   side side1    from job query-1; whole to every task
--   output        to the caller
