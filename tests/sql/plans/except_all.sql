SELECT o_custkey FROM orders
EXCEPT ALL
SELECT c_custkey FROM customer

-- 1 job
--
-- job query-1: group by o_custkey_2
--   input in1     /tpch/orders.parquet (parquet)
--     map
--                   SELECT "o_custkey_2", COUNT(*) FILTER(WHERE "mark_3") AS "in_left_2", COUNT(*) FILTER(WHERE NOT
--                     "mark_3") AS "in_right_2"
--                   FROM (SELECT "o_custkey" AS "o_custkey_2", TRUE AS "mark_3"
--                     FROM input)
--                   GROUP BY 1
--     exchange    duckdb hash(o_custkey_2), 1 partition
--   input in2     /tpch/customer.parquet (parquet)
--     map
--                   SELECT "o_custkey_2", COUNT(*) FILTER(WHERE "mark_3") AS "in_left_2", COUNT(*) FILTER(WHERE NOT
--                     "mark_3") AS "in_right_2"
--                   FROM (SELECT "c_custkey" AS "o_custkey_2", FALSE AS "mark_3"
--                     FROM input)
--                   GROUP BY 1
--     exchange    duckdb hash(o_custkey_2), 1 partition
--   reduce
--                   SELECT "o_custkey_2" AS "o_custkey"
--                   FROM (SELECT "o_custkey_2", "in_left", "in_right", UNNEST(RANGE(CAST("in_left" - "in_right" AS
--                     BIGINT))) AS "time"
--                     FROM (SELECT "o_custkey_2", CAST(COALESCE(SUM("in_left_2"), 0) AS BIGINT) AS "in_left",
--                       CAST(COALESCE(SUM("in_right_2"), 0) AS BIGINT) AS "in_right"
--                       FROM (SELECT "o_custkey_2", "in_left_2", "in_right_2"
--                         FROM in1
--                         UNION ALL SELECT "o_custkey_2", "in_left_2", "in_right_2"
--                         FROM in2)
--                       GROUP BY 1))
--   output        to the caller
