SELECT count(*)
FROM orders
WHERE o_orderdate < DATE '1998-12-01' - INTERVAL 90 DAY

-- 1 job
--
-- job query-1: aggregate
--   input in1     /tpch/orders.parquet (parquet)
--     map
--                   SELECT COUNT(*) AS "count_2"
--                   FROM input
--                   WHERE "o_orderdate" < CAST('1998-09-02 00:00:00' AS TIMESTAMP)
--                   HAVING COUNT(*) > 0
--     exchange    all rows to one reducer
--   reduce        SELECT CAST(COALESCE(SUM("count_2"), 0) AS BIGINT) AS "count_star()" FROM in1
--   output        to the caller
