SELECT count(*)
FROM customer JOIN supplier ON c_nationkey = s_nationkey
WHERE (c_mktsegment = 'BUILDING' AND s_acctbal > 0) OR (c_mktsegment = 'MACHINERY' AND s_acctbal < 0)

-- 1 job
--
-- job query-1: aggregate
--   input in1     /tpch/customer.parquet (parquet)
--     map
--                   SELECT COUNT(*) AS "count_2"
--                   FROM (SELECT "c_nationkey", "c_mktsegment"
--                     FROM input
--                     WHERE ("c_mktsegment" = 'BUILDING' OR "c_mktsegment" = 'MACHINERY'))
--                   JOIN (SELECT "s_nationkey", "s_acctbal"
--                     FROM side1
--                     WHERE ("s_acctbal" > 0 OR "s_acctbal" < 0)) ON (("c_mktsegment" = 'BUILDING' AND "s_acctbal" > 0) OR
--                       ("c_mktsegment" = 'MACHINERY' AND "s_acctbal" < 0)) AND "c_nationkey" = "s_nationkey"
--                   HAVING COUNT(*) > 0
--     exchange    all rows to one reducer
--   side side1    /tpch/supplier.parquet (parquet); whole to every task
--   reduce        SELECT CAST(COALESCE(SUM("count_2"), 0) AS BIGINT) AS "count_star()" FROM in1
--   output        to the caller
