SELECT s_name, row_number() OVER (ORDER BY s_acctbal) AS place
FROM supplier

-- 1 job
--
-- job query-1: window
--   input in1     /tpch/supplier.parquet (parquet)
--     map         SELECT "s_acctbal", "s_name" FROM input
--     exchange    all rows to one reducer
--   reduce        SELECT "s_name", ROW_NUMBER() OVER (ORDER BY "s_acctbal") AS "place" FROM in1
--   output        to the caller
