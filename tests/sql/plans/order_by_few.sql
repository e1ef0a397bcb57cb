SELECT n_name
FROM nation
ORDER BY n_name

-- 1 job
--
-- job query-1: order by n_name
--   input in1     /tpch/nation.parquet (parquet)
--     map         SELECT "n_name" FROM input
--     exchange    all rows to one reducer
--   reduce        SELECT "n_name" FROM in1 ORDER BY "n_name" ASC NULLS LAST
--   output        to the caller
