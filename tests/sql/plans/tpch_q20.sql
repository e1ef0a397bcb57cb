SELECT
    s_name,
    s_address
FROM
    supplier,
    nation
WHERE
    s_suppkey IN (
        SELECT
            ps_suppkey
        FROM
            partsupp
        WHERE
            ps_partkey IN (
                SELECT
                    p_partkey
                FROM
                    part
                WHERE
                    p_name LIKE 'forest%')
                AND ps_availqty > (
                    SELECT
                        0.5 * sum(l_quantity)
                    FROM
                        lineitem
                    WHERE
                        l_partkey = ps_partkey
                        AND l_suppkey = ps_suppkey
                        AND l_shipdate >= CAST('1994-01-01' AS date)
                        AND l_shipdate < CAST('1995-01-01' AS date)))
            AND s_nationkey = n_nationkey
            AND n_name = 'CANADA'
        ORDER BY
            s_name;

-- 3 jobs
--
-- job query-1: group by l_partkey, l_suppkey
--   input in1     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_partkey", "l_suppkey", SUM("l_quantity") AS "sum_2"
--                   FROM input
--                   WHERE "l_shipdate" >= CAST('1994-01-01' AS DATE) AND "l_shipdate" < CAST('1995-01-01' AS DATE)
--                   GROUP BY 1, 2
--     exchange    duckdb hash(l_partkey, l_suppkey), 1 partition
--   reduce
--                   SELECT 0.5 * "sum" AS "0.5 * SUM(l_quantity)", "l_partkey", "l_suppkey"
--                   FROM (SELECT "l_partkey", "l_suppkey", SUM("sum_2") AS "sum"
--                     FROM in1
--                     GROUP BY 1, 2)
--
-- job query-2: broadcast: about 13 KiB
--   input in2     /tpch/partsupp.parquet (parquet)
--     map
--                   SELECT "ps_suppkey"
--                   FROM input
--                   SEMI JOIN (SELECT "p_partkey"
--                     FROM side1
--                     WHERE "p_name" LIKE 'forest%') ON "ps_partkey" = "p_partkey"
--                   JOIN side2 ON "ps_availqty" > "0.5 * SUM(l_quantity)" AND "l_partkey" = "ps_partkey" AND "l_suppkey" =
--                     "ps_suppkey"
--   side side1    /tpch/part.parquet (parquet); whole to every task
--   side side2    from job query-1; whole to every task
--
-- job query-3: order by s_name
--   input in3     /tpch/supplier.parquet (parquet)
--     map
--                   SELECT "s_name", "s_address"
--                   FROM input
--                   SEMI JOIN side3 ON "s_suppkey" = "ps_suppkey"
--                   JOIN (SELECT "n_nationkey"
--                     FROM side4
--                     WHERE "n_name" = 'CANADA') ON "s_nationkey" = "n_nationkey"
--     exchange    all rows to one reducer
--   side side3    from job query-2; whole to every task
--   side side4    /tpch/nation.parquet (parquet); whole to every task
--   reduce        SELECT "s_name", "s_address" FROM in3 ORDER BY "s_name" ASC NULLS LAST
--   output        to the caller
