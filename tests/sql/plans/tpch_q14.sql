SELECT
    100.00 * sum(
        CASE WHEN p_type LIKE 'PROMO%' THEN
            l_extendedprice * (1 - l_discount)
        ELSE
            0
        END) / sum(l_extendedprice * (1 - l_discount)) AS promo_revenue
FROM
    lineitem,
    part
WHERE
    l_partkey = p_partkey
    AND l_shipdate >= date '1995-09-01'
    AND l_shipdate < CAST('1995-10-01' AS date);

-- 1 job
--
-- job query-1: aggregate
--   input in1     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT SUM(CASE WHEN "p_type" LIKE 'PROMO%' THEN "l_extendedprice" * (1 - "l_discount") ELSE 0 END) AS
--                     "sum_3", SUM("l_extendedprice" * (1 - "l_discount")) AS "sum_2_2"
--                   FROM (SELECT "l_partkey", "l_extendedprice", "l_discount", "l_shipdate"
--                     FROM input
--                     WHERE "l_shipdate" >= CAST('1995-09-01' AS DATE) AND "l_shipdate" < CAST('1995-10-01' AS DATE))
--                   JOIN side1 ON "l_partkey" = "p_partkey"
--                   HAVING COUNT(*) > 0
--     exchange    all rows to one reducer
--   side side1    /tpch/part.parquet (parquet); whole to every task
--   reduce
--                   SELECT 100.00 * "sum" / "sum_2" AS "promo_revenue"
--                   FROM (SELECT SUM("sum_3") AS "sum", SUM("sum_2_2") AS "sum_2"
--                     FROM in1)
--   output        to the caller
