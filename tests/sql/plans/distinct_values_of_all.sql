SELECT count(DISTINCT l_suppkey), sum(l_tax)
FROM lineitem

-- 2 jobs
--
-- job query-1: distinct l_suppkey
--   input in1     /tpch/lineitem.parquet (parquet)
--     map         SELECT "l_suppkey", SUM("l_tax") AS "sum_2" FROM input GROUP BY 1
--     exchange    duckdb hash(l_suppkey), 2 partitions
--   reduce        SELECT SUM("sum_2") AS "sum_2", COUNT(DISTINCT "l_suppkey") AS "count_2" FROM in1 HAVING COUNT(*) > 0
--
-- job query-2: aggregate
--   input in2     from job query-1, through the shuffle, nothing stored between
--     exchange    all rows to one reducer
--   reduce
--                   SELECT CAST(COALESCE(SUM("count_2"), 0) AS BIGINT) AS "count(DISTINCT l_suppkey)", SUM("sum_2") AS
--                     "sum(l_tax)"
--                   FROM in2
--   output        to the caller
