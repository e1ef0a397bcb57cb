SELECT
    supp_nation,
    cust_nation,
    l_year,
    sum(volume) AS revenue
FROM (
    SELECT
        n1.n_name AS supp_nation,
        n2.n_name AS cust_nation,
        extract(year FROM l_shipdate) AS l_year,
        l_extendedprice * (1 - l_discount) AS volume
    FROM
        supplier,
        lineitem,
        orders,
        customer,
        nation n1,
        nation n2
    WHERE
        s_suppkey = l_suppkey
        AND o_orderkey = l_orderkey
        AND c_custkey = o_custkey
        AND s_nationkey = n1.n_nationkey
        AND c_nationkey = n2.n_nationkey
        AND ((n1.n_name = 'FRANCE'
                AND n2.n_name = 'GERMANY')
            OR (n1.n_name = 'GERMANY'
                AND n2.n_name = 'FRANCE'))
        AND l_shipdate BETWEEN CAST('1995-01-01' AS date)
        AND CAST('1996-12-31' AS date)) AS shipping
GROUP BY
    supp_nation,
    cust_nation,
    l_year
ORDER BY
    supp_nation,
    cust_nation,
    l_year;

-- 2 jobs
--
-- job query-1: broadcast: about 10 MiB
--   input in1     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_orderkey", "l_extendedprice", "l_discount", "l_shipdate", "n_name"
--                   FROM (SELECT "l_orderkey", "l_suppkey", "l_extendedprice", "l_discount", "l_shipdate"
--                     FROM input
--                     WHERE "l_shipdate" BETWEEN CAST('1995-01-01' AS DATE) AND CAST('1996-12-31' AS DATE))
--                   JOIN (WITH input AS (FROM side2) SELECT "s_suppkey", "n_name"
--                     FROM input
--                     JOIN (SELECT "n_nationkey", "n_name"
--                       FROM side1
--                       WHERE ("n_name" = 'FRANCE' OR "n_name" = 'GERMANY')) ON "s_nationkey" = "n_nationkey") ON
--                         "s_suppkey" = "l_suppkey"
--   side side2    /tpch/supplier.parquet (parquet); whole to every task
--   side side1    /tpch/nation.parquet (parquet); whole to every task
--
-- job query-2: group by n_name, n_name_2, l_year
--   input in2     /tpch/orders.parquet (parquet)
--     map
--                   SELECT "n_name", "n_name_2", "l_year", SUM("volume") AS "sum_2"
--                   FROM (SELECT "n_name", "n_name_2", EXTRACT(YEAR FROM "l_shipdate") AS "l_year", "l_extendedprice" * (1
--                     - "l_discount") AS "volume"
--                     FROM input
--                     JOIN side3 ON "o_orderkey" = "l_orderkey"
--                     JOIN (WITH input AS (FROM side5) SELECT "c_custkey", "n_name_2"
--                       FROM input
--                       JOIN (WITH input AS (FROM side4) SELECT "n_nationkey_2", "n_name_2"
--                         FROM (SELECT "n_nationkey" AS "n_nationkey_2", "n_name" AS "n_name_2"
--                           FROM input)
--                         WHERE ("n_name_2" = 'GERMANY' OR "n_name_2" = 'FRANCE')) ON "c_nationkey" = "n_nationkey_2") ON
--                           (("n_name" = 'FRANCE' AND "n_name_2" = 'GERMANY') OR ("n_name" = 'GERMANY' AND "n_name_2" =
--                           'FRANCE')) AND "c_custkey" = "o_custkey")
--                   GROUP BY 1, 2, 3
--     exchange    all rows to one reducer
--   side side3    from job query-1; whole to every task
--   side side5    /tpch/customer.parquet (parquet); whole to every task
--   side side4    /tpch/nation.parquet (parquet); whole to every task
--   reduce
--                   SELECT "n_name" AS "supp_nation", "n_name_2" AS "cust_nation", "l_year", "sum" AS "revenue"
--                   FROM (SELECT "n_name", "n_name_2", "l_year", SUM("sum_2") AS "sum"
--                     FROM in2
--                     GROUP BY 1, 2, 3
--                     ORDER BY "n_name" ASC NULLS LAST, "n_name_2" ASC NULLS LAST, "l_year" ASC NULLS LAST)
--   output        to the caller
