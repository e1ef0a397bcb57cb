SELECT c_name, o_totalprice
FROM customer LEFT JOIN orders ON c_custkey = o_custkey
WHERE o_totalprice > 1000

-- 1 job
--
-- job query-1
--   input in1     /tpch/orders.parquet (parquet)
--     map
--                   SELECT "c_name", "o_totalprice"
--                   FROM (SELECT "o_custkey", "o_totalprice"
--                     FROM input
--                     WHERE "o_totalprice" > 1000)
--                   JOIN side1 ON "c_custkey" = "o_custkey"
--   side side1    /tpch/customer.parquet (parquet); whole to every task
--   output        to the caller
