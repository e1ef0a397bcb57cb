SELECT s_name
FROM supplier
WHERE s_suppkey NOT IN (SELECT ps_suppkey FROM partsupp WHERE ps_availqty < 10)

-- 4 jobs
--
-- job query-1: shared not_in
--   input in1     /tpch/partsupp.parquet (parquet)
--     map         SELECT "ps_suppkey" FROM input WHERE "ps_availqty" < 10
--
-- job query-2: broadcast: about 2 MiB
--   input in2     from job query-1, in its tasks, nothing stored between
--     map         at the end of the tasks of query-1: SELECT "ps_suppkey" AS "ps_suppkey_2" FROM input
--
-- job query-3: aggregate
--   input in3     from job query-1, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-1:
--                   SELECT COUNT(*) AS "rows_2", COUNT("ps_suppkey_3") AS "not_null_2"
--                   FROM (SELECT "ps_suppkey" AS "ps_suppkey_3"
--                     FROM input)
--                   HAVING COUNT(*) > 0
--     exchange    all rows to one reducer
--   reduce
--                   SELECT "rows", "not_null"
--                   FROM (SELECT CAST(COALESCE(SUM("rows_2"), 0) AS BIGINT) AS "rows", CAST(COALESCE(SUM("not_null_2"), 0)
--                     AS BIGINT) AS "not_null"
--                     FROM in3)
--                   WHERE ("rows" = 0 OR "rows" = "not_null")
--
-- job query-4
--   input in4     /tpch/supplier.parquet (parquet)
--     map
--                   SELECT "s_name"
--                   FROM input
--                   ANTI JOIN side1 ON "s_suppkey" = "ps_suppkey_2"
--                   JOIN side2 ON ("rows" = 0 OR (NOT "s_suppkey" IS NULL AND "rows" = "not_null"))
--   side side1    from job query-2; whole to every task
--   side side2    from job query-3; whole to every task
--   output        to the caller
