SELECT p_name, s_name FROM part POSITIONAL JOIN supplier WHERE p_size > 10

-- 1 job
--
-- job query-1: as written
--   input in1     /tpch/part.parquet (parquet)
--     map         SELECT "p_name", "p_size" FROM input
--     exchange    all rows to one reducer
--   input in2     /tpch/supplier.parquet (parquet)
--     map         SELECT "s_name" FROM input
--     exchange    all rows to one reducer
--   reduce        [single reducer: a positional join]
--                   SELECT "p_name", "s_name"
--                   FROM (WITH left_rows AS (SELECT *
--                       FROM in1), right_rows AS (SELECT *
--                       FROM in2) SELECT *
--                     FROM left_rows POSITIONAL
--                     JOIN right_rows)
--                   WHERE "p_size" > 10
--   output        to the caller
