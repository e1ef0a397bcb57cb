SELECT
    o_orderpriority,
    count(*) AS order_count
FROM
    orders
WHERE
    o_orderdate >= CAST('1993-07-01' AS date)
    AND o_orderdate < CAST('1993-10-01' AS date)
    AND EXISTS (
        SELECT
            *
        FROM
            lineitem
        WHERE
            l_orderkey = o_orderkey
            AND l_commitdate < l_receiptdate)
GROUP BY
    o_orderpriority
ORDER BY
    o_orderpriority;

-- 2 jobs
--
-- job query-1: broadcast: about 27 MiB
--   input in1     /tpch/lineitem.parquet (parquet)
--     map         SELECT "l_orderkey" FROM input WHERE "l_commitdate" < "l_receiptdate"
--
-- job query-2: group by o_orderpriority
--   input in2     /tpch/orders.parquet (parquet)
--     map
--                   SELECT "o_orderpriority", COUNT(*) AS "count_2"
--                   FROM (SELECT "o_orderkey", "o_orderdate", "o_orderpriority"
--                     FROM input
--                     WHERE "o_orderdate" >= CAST('1993-07-01' AS DATE) AND "o_orderdate" < CAST('1993-10-01' AS DATE))
--                   SEMI JOIN side1 ON "l_orderkey" = "o_orderkey"
--                   GROUP BY 1
--     exchange    all rows to one reducer
--   side side1    from job query-1; whole to every task
--   reduce
--                   SELECT "o_orderpriority", "count" AS "order_count"
--                   FROM (SELECT "o_orderpriority", CAST(COALESCE(SUM("count_2"), 0) AS BIGINT) AS "count"
--                     FROM in2
--                     GROUP BY 1
--                     ORDER BY "o_orderpriority" ASC NULLS LAST)
--   output        to the caller
