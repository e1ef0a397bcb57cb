SELECT c_name
FROM customer
WHERE EXISTS (SELECT 1 FROM orders WHERE o_custkey = c_custkey)
  AND c_nationkey IN (SELECT n_nationkey FROM nation WHERE n_name LIKE 'A%')

-- 2 jobs
--
-- job query-1: broadcast: about 11 MiB
--   input in1     /tpch/orders.parquet (parquet)
--     map         SELECT "o_custkey" FROM input
--
-- job query-2
--   input in2     /tpch/customer.parquet (parquet)
--     map
--                   SELECT "c_name"
--                   FROM input
--                   SEMI JOIN side1 ON "o_custkey" = "c_custkey"
--                   SEMI JOIN (SELECT "n_nationkey"
--                     FROM side2
--                     WHERE "n_name" LIKE 'A%') ON "c_nationkey" = "n_nationkey"
--   side side1    from job query-1; whole to every task
--   side side2    /tpch/nation.parquet (parquet); whole to every task
--   output        to the caller
