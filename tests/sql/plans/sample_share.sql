SELECT count(*) AS n, sum(l_extendedprice) AS total FROM lineitem TABLESAMPLE bernoulli(1%) REPEATABLE (42)

-- 1 job
--
-- job query-1: aggregate
--   input in1     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT COUNT(*) AS "count_2", SUM("l_extendedprice") AS "sum_2"
--                   FROM (SELECT "l_extendedprice", "place", HASH(42, GETVARIABLE('gristmill_task'), "place",
--                     "l_extendedprice") AS "chance"
--                     FROM (SELECT "l_extendedprice", ROW_NUMBER() OVER () AS "place"
--                       FROM input))
--                   WHERE "chance" < 184467440737095516
--                   HAVING COUNT(*) > 0
--     exchange    all rows to one reducer
--   reduce        SELECT CAST(COALESCE(SUM("count_2"), 0) AS BIGINT) AS "n", SUM("sum_2") AS "total" FROM in1
--   output        to the caller
