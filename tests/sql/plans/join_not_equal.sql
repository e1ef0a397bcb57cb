SELECT a.n_name, b.n_name
FROM nation a JOIN nation b ON a.n_nationkey < b.n_nationkey

-- 1 job
--
-- job query-1
--   input in1     /tpch/nation.parquet (parquet)
--     map
--                   SELECT "n_name", "n_name_2" AS "n_name_1"
--                   FROM (SELECT "n_nationkey" AS "n_nationkey_2", "n_name" AS "n_name_2"
--                     FROM input)
--                   JOIN side1 ON "n_nationkey" < "n_nationkey_2"
--   side side1    /tpch/nation.parquet (parquet); whole to every task
--   output        to the caller
