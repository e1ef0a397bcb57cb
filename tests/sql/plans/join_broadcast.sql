SELECT c_name, n_name
FROM customer JOIN nation ON c_nationkey = n_nationkey

-- 1 job
--
-- job query-1
--   input in1     /tpch/customer.parquet (parquet)
--     map         SELECT "c_name", "n_name" FROM input JOIN side1 ON "c_nationkey" = "n_nationkey"
--   side side1    /tpch/nation.parquet (parquet); whole to every task
--   output        to the caller
