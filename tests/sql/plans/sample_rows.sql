SELECT l_orderkey FROM lineitem USING SAMPLE 100 ROWS (reservoir, 42)

-- 1 job
--
-- job query-1: sample of 100
--   input in1     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_orderkey", "chance"
--                   FROM (SELECT "l_orderkey", "place", HASH(42, GETVARIABLE('gristmill_task'), "place", "l_orderkey") AS
--                     "chance"
--                     FROM (SELECT "l_orderkey", ROW_NUMBER() OVER () AS "place"
--                       FROM input))
--                   ORDER BY "chance" ASC NULLS LAST
--                   LIMIT 100
--     exchange    all rows to one reducer
--   reduce        SELECT "l_orderkey" FROM in1 ORDER BY "chance" ASC NULLS LAST LIMIT 100
--   output        to the caller
