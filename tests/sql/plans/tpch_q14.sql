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

-- 2 jobs
--
-- job query-1: join on l_partkey
--   input in1     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_partkey", "l_extendedprice", "l_discount"
--                   FROM input
--                   WHERE "l_shipdate" >= CAST('1995-09-01' AS DATE) AND "l_shipdate" < CAST('1995-10-01' AS DATE)
--     exchange    duckdb hash(l_partkey), 2 partitions
--   input in2     /tpch/part.parquet (parquet)
--     map         SELECT "p_partkey", "p_type" FROM input
--     exchange    duckdb hash(p_partkey), 2 partitions
--   reduce
--                   SELECT SUM(CASE WHEN "p_type" LIKE 'PROMO%' THEN "l_extendedprice" * (1 - "l_discount") ELSE 0 END) AS
--                     "sum_3", SUM("l_extendedprice" * (1 - "l_discount")) AS "sum_2_2"
--                   FROM in1
--                   JOIN in2 ON "l_partkey" = "p_partkey"
--                   HAVING COUNT(*) > 0
--
-- job query-2: aggregate
--   input in3     from job query-1, through the shuffle, nothing stored between
--     exchange    all rows to one reducer
--   reduce
--                   SELECT 100.00 * "sum" / "sum_2" AS "promo_revenue"
--                   FROM (SELECT SUM("sum_3") AS "sum", SUM("sum_2_2") AS "sum_2"
--                     FROM in3)
--   output        to the caller
