SELECT o_custkey AS k, count(*) AS n
FROM (SELECT o_custkey FROM orders UNION ALL SELECT c_custkey FROM customer) q
GROUP BY o_custkey

-- 1 job
--
-- job query-1: group by o_custkey_2
--   input in1     /tpch/orders.parquet (parquet)
--     map
--                   SELECT "o_custkey_2", COUNT(*) AS "count_2"
--                   FROM (SELECT "o_custkey" AS "o_custkey_2"
--                     FROM input)
--                   GROUP BY 1
--     exchange    duckdb hash(o_custkey_2), 1 partition
--   input in2     /tpch/customer.parquet (parquet)
--     map
--                   SELECT "o_custkey_2", COUNT(*) AS "count_2"
--                   FROM (SELECT "c_custkey" AS "o_custkey_2"
--                     FROM input)
--                   GROUP BY 1
--     exchange    duckdb hash(o_custkey_2), 1 partition
--   reduce
--                   SELECT "o_custkey_2" AS "k", CAST(COALESCE(SUM("count_2"), 0) AS BIGINT) AS "n"
--                   FROM (SELECT "o_custkey_2", "count_2"
--                     FROM in1
--                     UNION ALL SELECT "o_custkey_2", "count_2"
--                     FROM in2)
--                   GROUP BY 1
--   output        to the caller
