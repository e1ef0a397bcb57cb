SELECT *
FROM region
LIMIT 2

-- 1 job
--
-- job query-1: limit
--   input in1     /tpch/region.parquet (parquet)
--     map         SELECT "r_regionkey", "r_name", "r_comment" FROM input LIMIT 2
--     exchange    all rows to one reducer
--   reduce        SELECT "r_regionkey", "r_name", "r_comment" FROM in1 LIMIT 2
--   output        to the caller
