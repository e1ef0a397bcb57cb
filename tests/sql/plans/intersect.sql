SELECT c_nationkey FROM customer
INTERSECT
SELECT s_nationkey FROM supplier

-- 1 job
--
-- job query-1: group by c_nationkey_2
--   input in1     /tpch/customer.parquet (parquet)
--     map
--                   SELECT "c_nationkey_2", COUNT(*) FILTER(WHERE "mark_3") AS "in_left_2", COUNT(*) FILTER(WHERE NOT
--                     "mark_3") AS "in_right_2"
--                   FROM (SELECT "c_nationkey" AS "c_nationkey_2", TRUE AS "mark_3"
--                     FROM input)
--                   GROUP BY 1
--     exchange    duckdb hash(c_nationkey_2), 1 partition
--   input in2     /tpch/supplier.parquet (parquet)
--     map
--                   SELECT "c_nationkey_2", COUNT(*) FILTER(WHERE "mark_3") AS "in_left_2", COUNT(*) FILTER(WHERE NOT
--                     "mark_3") AS "in_right_2"
--                   FROM (SELECT "s_nationkey" AS "c_nationkey_2", FALSE AS "mark_3"
--                     FROM input)
--                   GROUP BY 1
--     exchange    duckdb hash(c_nationkey_2), 1 partition
--   reduce
--                   SELECT "c_nationkey_2" AS "c_nationkey"
--                   FROM (SELECT "c_nationkey_2", CAST(COALESCE(SUM("in_left_2"), 0) AS BIGINT) AS "in_left",
--                     CAST(COALESCE(SUM("in_right_2"), 0) AS BIGINT) AS "in_right"
--                     FROM (SELECT "c_nationkey_2", "in_left_2", "in_right_2"
--                       FROM in1
--                       UNION ALL SELECT "c_nationkey_2", "in_left_2", "in_right_2"
--                       FROM in2)
--                     GROUP BY 1)
--                   WHERE "in_left" > 0 AND "in_right" > 0
--   output        to the caller
