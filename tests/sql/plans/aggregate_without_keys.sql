SELECT sum(l_quantity), min(l_shipdate)
FROM lineitem
WHERE l_discount > 0.05

-- 1 job
--
-- job query-1: aggregate
--   input in1     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT SUM("l_quantity") AS "sum_2", MIN("l_shipdate") AS "min_2"
--                   FROM input
--                   WHERE "l_discount" > 0.05
--                   HAVING COUNT(*) > 0
--     exchange    all rows to one reducer
--   reduce        SELECT SUM("sum_2") AS "sum(l_quantity)", MIN("min_2") AS "min(l_shipdate)" FROM in1
--   output        to the caller
