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
-- job query-1: join on l_partkey
--   input in1     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_partkey", "l_extendedprice", "l_discount"
--                   FROM input
--                   WHERE "l_shipdate" >= CAST('1995-09-01' AS DATE) AND "l_shipdate" < CAST('1995-10-01' AS DATE)
--     exchange    all rows to one reducer
--   input in2     /tpch/part.parquet (parquet)
--     map         SELECT "p_partkey", "p_type" FROM input
--     exchange    all rows to one reducer
--   reduce
--                   SELECT 100.00 * "sum" / "sum_2" AS "promo_revenue"
--                   FROM (SELECT SUM(CASE WHEN "p_type" LIKE 'PROMO%' THEN "l_extendedprice" * (1 - "l_discount") ELSE 0
--                     END) AS "sum", SUM("l_extendedprice" * (1 - "l_discount")) AS "sum_2"
--                     FROM in1
--                     JOIN in2 ON "l_partkey" = "p_partkey")
--   output        to the caller
