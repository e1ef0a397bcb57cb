SELECT
    sum(l_extendedprice * l_discount) AS revenue
FROM
    lineitem
WHERE
    l_shipdate >= CAST('1994-01-01' AS date)
    AND l_shipdate < CAST('1995-01-01' AS date)
    AND l_discount BETWEEN 0.05
    AND 0.07
    AND l_quantity < 24;

-- 1 job
--
-- job query-1: aggregate
--   input in1     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT SUM("l_extendedprice" * "l_discount") AS "sum_2"
--                   FROM input
--                   WHERE "l_shipdate" >= CAST('1994-01-01' AS DATE) AND "l_shipdate" < CAST('1995-01-01' AS DATE) AND
--                     "l_discount" BETWEEN 0.05 AND 0.07 AND "l_quantity" < 24
--                   HAVING COUNT(*) > 0
--     exchange    all rows to one reducer
--   reduce        SELECT SUM("sum_2") AS "revenue" FROM in1
--   output        to the caller
