SELECT l_orderkey
FROM lineitem
ORDER BY l_extendedprice * (1 - l_discount) DESC
LIMIT 10 OFFSET 5

-- 1 job
--
-- job query-1: top 15
--   input in1     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_orderkey", "l_extendedprice" * (1 - "l_discount") AS "sort"
--                   FROM input
--                   ORDER BY "sort" DESC NULLS LAST
--                   LIMIT 15
--     exchange    all rows to one reducer
--   reduce        SELECT "l_orderkey" FROM in1 ORDER BY "sort" DESC NULLS LAST LIMIT 10 OFFSET 5
--   output        to the caller
