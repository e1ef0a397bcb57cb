SELECT c_name AS name, c_acctbal AS acctbal FROM customer UNION ALL BY NAME SELECT s_name AS name, s_suppkey AS key FROM supplier

-- 1 job
--
-- job query-1
--   input in1     /tpch/customer.parquet (parquet)
--     map         SELECT "c_name" AS "name", "c_acctbal" AS "acctbal", CAST(NULL AS BIGINT) AS "key" FROM input
--   input in2     /tpch/supplier.parquet (parquet)
--     map         SELECT "s_name" AS "name", CAST(NULL AS DECIMAL(15, 2)) AS "acctbal", "s_suppkey" AS "key" FROM input
--   output        to the caller
