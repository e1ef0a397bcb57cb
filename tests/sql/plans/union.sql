SELECT c_nationkey FROM customer
UNION
SELECT s_nationkey FROM supplier

-- 1 job
--
-- job query-1: group by c_nationkey_2
--   input in1     /tpch/customer.parquet (parquet)
--     map         SELECT "c_nationkey_2" FROM (SELECT "c_nationkey" AS "c_nationkey_2" FROM input) GROUP BY 1
--     exchange    duckdb hash(c_nationkey_2), 1 partition
--   input in2     /tpch/supplier.parquet (parquet)
--     map         SELECT "c_nationkey_2" FROM (SELECT "s_nationkey" AS "c_nationkey_2" FROM input) GROUP BY 1
--     exchange    duckdb hash(c_nationkey_2), 1 partition
--   reduce
--                   SELECT "c_nationkey_2" AS "c_nationkey"
--                   FROM (SELECT "c_nationkey_2"
--                     FROM in1
--                     UNION ALL SELECT "c_nationkey_2"
--                     FROM in2)
--                   GROUP BY 1
--   output        to the caller
