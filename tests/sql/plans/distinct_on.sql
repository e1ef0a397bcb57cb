SELECT DISTINCT ON (o_custkey) o_custkey, o_orderkey
FROM orders
ORDER BY o_custkey, o_orderdate DESC

-- 1 job
--
-- job query-1: window
--   input in1     /tpch/orders.parquet (parquet)
--     map         SELECT "o_custkey", "o_orderdate", "o_orderkey" FROM input
--     exchange    all rows to one reducer
--   reduce
--                   SELECT "o_custkey", "o_orderkey"
--                   FROM (SELECT "o_custkey", "o_orderdate", "o_orderkey", ROW_NUMBER() OVER (PARTITION BY "o_custkey"
--                     ORDER BY "o_custkey" ASC, "o_orderdate" DESC) AS "row_number"
--                     FROM in1)
--                   WHERE "row_number" = 1
--                   ORDER BY "o_custkey" ASC NULLS LAST, "o_orderdate" DESC NULLS LAST
--   output        to the caller
