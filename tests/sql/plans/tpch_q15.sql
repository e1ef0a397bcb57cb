WITH revenue AS (
    SELECT
        l_suppkey AS supplier_no,
        sum(l_extendedprice * (1 - l_discount)) AS total_revenue
    FROM
        lineitem
    WHERE
        l_shipdate >= CAST('1996-01-01' AS date)
      AND l_shipdate < CAST('1996-04-01' AS date)
    GROUP BY
        supplier_no
)
SELECT
    s_suppkey,
    s_name,
    s_address,
    s_phone,
    total_revenue
FROM
    supplier,
    revenue
WHERE
    s_suppkey = supplier_no
    AND total_revenue = (
        SELECT
            max(total_revenue)
        FROM revenue)
ORDER BY
    s_suppkey;

-- 3 jobs
--
-- job query-1: group by l_suppkey
--   input in1     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_suppkey", SUM("l_extendedprice" * (1 - "l_discount")) AS "sum_4"
--                   FROM input
--                   WHERE "l_shipdate" >= CAST('1996-01-01' AS DATE) AND "l_shipdate" < CAST('1996-04-01' AS DATE)
--                   GROUP BY 1
--     exchange    duckdb hash(l_suppkey), 1 partition
--   reduce        SELECT "l_suppkey", SUM("sum_4") AS "sum" FROM in1 GROUP BY 1
--
-- job query-2: aggregate
--   input in2     from job query-1, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-1:
--                   SELECT MAX("sum_3") AS "max_2"
--                   FROM (SELECT "sum" AS "sum_3"
--                     FROM input)
--                   HAVING COUNT(*) > 0
--     exchange    all rows to one reducer
--   reduce        SELECT MAX("max_2") AS "max" FROM in2
--
-- job query-3: join on sum_2
--   input in3     from job query-1, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-1: SELECT "l_suppkey" AS "l_suppkey_2", "sum" AS "sum_2" FROM input
--     exchange    all rows to one reducer
--   input in4     from job query-2, through the shuffle, nothing stored between
--     exchange    all rows to one reducer
--   side side1    /tpch/supplier.parquet (parquet); whole to every task
--   reduce
--                   SELECT "s_suppkey", "s_name", "s_address", "s_phone", "sum_2" AS "total_revenue"
--                   FROM (SELECT "s_suppkey", "s_name", "s_address", "s_phone", "sum_2"
--                     FROM in3
--                     JOIN in4 ON "sum_2" = "max"
--                     JOIN side1 ON "s_suppkey" = "l_suppkey_2"
--                     ORDER BY "s_suppkey" ASC NULLS LAST)
--   output        to the caller
