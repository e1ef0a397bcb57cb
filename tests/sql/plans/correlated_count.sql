SELECT c_name, (SELECT count(*) FROM orders WHERE o_custkey = c_custkey) AS n
FROM customer

-- 2 jobs
--
-- job query-1: group by o_custkey
--   input in1     /tpch/orders.parquet (parquet)
--     map         SELECT "o_custkey", COUNT(*) AS "count_2" FROM input GROUP BY 1
--     exchange    duckdb hash(o_custkey), 1 partition
--   reduce        SELECT "o_custkey", CAST(COALESCE(SUM("count_2"), 0) AS BIGINT) AS "count" FROM in1 GROUP BY 1
--
-- job query-2
--   input in2     /tpch/customer.parquet (parquet)
--     map
--                   SELECT "c_name", CASE WHEN "o_custkey" IS NULL THEN CAST('0' AS BIGINT) ELSE "count" END AS "n"
--                   FROM input
--                   LEFT JOIN side1 ON "o_custkey" = "c_custkey"
--   side side1    from job query-1; whole to every task
--   output        to the caller
