SELECT
    o_year,
    sum(
        CASE WHEN nation = 'BRAZIL' THEN
            volume
        ELSE
            0
        END) / sum(volume) AS mkt_share
FROM (
    SELECT
        extract(year FROM o_orderdate) AS o_year,
        l_extendedprice * (1 - l_discount) AS volume,
        n2.n_name AS nation
    FROM
        part,
        supplier,
        lineitem,
        orders,
        customer,
        nation n1,
        nation n2,
        region
    WHERE
        p_partkey = l_partkey
        AND s_suppkey = l_suppkey
        AND l_orderkey = o_orderkey
        AND o_custkey = c_custkey
        AND c_nationkey = n1.n_nationkey
        AND n1.n_regionkey = r_regionkey
        AND r_name = 'AMERICA'
        AND s_nationkey = n2.n_nationkey
        AND o_orderdate BETWEEN CAST('1995-01-01' AS date)
        AND CAST('1996-12-31' AS date)
        AND p_type = 'ECONOMY ANODIZED STEEL') AS all_nations
GROUP BY
    o_year
ORDER BY
    o_year;

-- 2 jobs
--
-- job query-1: broadcast: about 2 MiB
--   input in1     /tpch/orders.parquet (parquet)
--     map
--                   SELECT "o_orderkey", "o_orderdate"
--                   FROM (SELECT "o_orderkey", "o_custkey", "o_orderdate"
--                     FROM input
--                     WHERE "o_orderdate" BETWEEN CAST('1995-01-01' AS DATE) AND CAST('1996-12-31' AS DATE))
--                   JOIN (WITH input AS (FROM side3) SELECT "c_custkey"
--                     FROM input
--                     JOIN (WITH input AS (FROM side2) SELECT "n_nationkey"
--                       FROM input
--                       JOIN (SELECT "r_regionkey"
--                         FROM side1
--                         WHERE "r_name" = 'AMERICA') ON "n_regionkey" = "r_regionkey") ON "c_nationkey" = "n_nationkey")
--                           ON "o_custkey" = "c_custkey"
--   side side3    /tpch/customer.parquet (parquet); whole to every task
--   side side2    /tpch/nation.parquet (parquet); whole to every task
--   side side1    /tpch/region.parquet (parquet); whole to every task
--
-- job query-2: group by o_year
--   input in2     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "o_year", SUM(CASE WHEN "n_name_2" = 'BRAZIL' THEN "volume" ELSE 0 END) AS "sum_3",
--                     SUM("volume") AS "sum_2_2"
--                   FROM (SELECT EXTRACT(YEAR FROM "o_orderdate") AS "o_year", "l_extendedprice" * (1 - "l_discount") AS
--                     "volume", "n_name_2"
--                     FROM input
--                     JOIN side4 ON "l_orderkey" = "o_orderkey"
--                     JOIN (SELECT "p_partkey"
--                       FROM side5
--                       WHERE "p_type" = 'ECONOMY ANODIZED STEEL') ON "p_partkey" = "l_partkey"
--                     JOIN (WITH input AS (FROM side7) SELECT "s_suppkey", "n_name_2"
--                       FROM input
--                       JOIN (SELECT "n_nationkey" AS "n_nationkey_2", "n_name" AS "n_name_2"
--                         FROM side6) ON "s_nationkey" = "n_nationkey_2") ON "s_suppkey" = "l_suppkey")
--                   GROUP BY 1
--     exchange    all rows to one reducer
--   side side4    from job query-1; whole to every task
--   side side5    /tpch/part.parquet (parquet); whole to every task
--   side side7    /tpch/supplier.parquet (parquet); whole to every task
--   side side6    /tpch/nation.parquet (parquet); whole to every task
--   reduce
--                   SELECT "o_year", "mkt_share"
--                   FROM (SELECT "o_year", "sum" / "sum_2" AS "mkt_share"
--                     FROM (SELECT "o_year", SUM("sum_3") AS "sum", SUM("sum_2_2") AS "sum_2"
--                       FROM in2
--                       GROUP BY 1)
--                     ORDER BY "o_year" ASC NULLS LAST)
--   output        to the caller
