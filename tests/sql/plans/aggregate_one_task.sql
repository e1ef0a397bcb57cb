SELECT quantile_cont(l_quantity, 0.9)
FROM lineitem
WHERE l_tax = 0

-- 1 job
--
-- job query-1: aggregate
--   input in1     /tpch/lineitem.parquet (parquet)
--     map         SELECT "l_quantity", "l_tax" FROM input WHERE "l_tax" = 0
--     exchange    all rows to one reducer
--   reduce        [single reducer: percentilecont over all rows]
--                   SELECT QUANTILE_CONT("l_quantity", 0.9) AS "quantile_cont(l_quantity, 0.9)"
--                   FROM in1
--   output        to the caller
