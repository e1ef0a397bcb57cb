SELECT c_nationkey FROM customer
INTERSECT
SELECT s_nationkey FROM supplier

-- 1 job
--
-- job query-1: group by c_nationkey_2
--   input in1     /tpch/customer.parquet (parquet)
--     map
--                   SELECT "c_nationkey_2", BOOL_OR(CAST("mark_3" AS BOOLEAN)) AS "in_left_2", BOOL_OR(CAST(NOT "mark_3"
--                     AS BOOLEAN)) AS "in_right_2"
--                   FROM (SELECT "c_nationkey" AS "c_nationkey_2", TRUE AS "mark_3"
--                     FROM input)
--                   GROUP BY 1
--     exchange    duckdb hash(c_nationkey_2), 1 partition
--   input in2     /tpch/supplier.parquet (parquet)
--     map
--                   SELECT "c_nationkey_2", BOOL_OR(CAST("mark_3" AS BOOLEAN)) AS "in_left_2", BOOL_OR(CAST(NOT "mark_3"
--                     AS BOOLEAN)) AS "in_right_2"
--                   FROM (SELECT "s_nationkey" AS "c_nationkey_2", FALSE AS "mark_3"
--                     FROM input)
--                   GROUP BY 1
--     exchange    duckdb hash(c_nationkey_2), 1 partition
--   reduce
--                   SELECT "c_nationkey_2" AS "c_nationkey"
--                   FROM (SELECT "c_nationkey_2", BOOL_OR(CAST("in_left_2" AS BOOLEAN)) AS "in_left",
--                     BOOL_OR(CAST("in_right_2" AS BOOLEAN)) AS "in_right"
--                     FROM (SELECT "c_nationkey_2", "in_left_2", "in_right_2"
--                       FROM in1
--                       UNION ALL SELECT "c_nationkey_2", "in_left_2", "in_right_2"
--                       FROM in2)
--                     GROUP BY 1)
--                   WHERE "in_left" AND "in_right"
--   output        to the caller
