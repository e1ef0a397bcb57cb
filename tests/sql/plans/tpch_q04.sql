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

-- 1 job
--
-- job query-1: join on o_orderkey
--   input in1     /tpch/orders.parquet (parquet)
--     map
--                   SELECT "o_orderkey", "o_orderpriority"
--                   FROM input
--                   WHERE "o_orderdate" >= CAST('1993-07-01' AS DATE) AND "o_orderdate" < CAST('1993-10-01' AS DATE)
--     exchange    all rows to one reducer
--   input in2     /tpch/lineitem.parquet (parquet)
--     map         SELECT "l_orderkey" FROM input WHERE "l_commitdate" < "l_receiptdate"
--     exchange    all rows to one reducer
--   reduce
--                   SELECT "o_orderpriority", "count" AS "order_count"
--                   FROM (SELECT "o_orderpriority", COUNT(*) AS "count"
--                     FROM in1
--                     SEMI JOIN in2 ON "l_orderkey" = "o_orderkey"
--                     GROUP BY 1
--                     ORDER BY "o_orderpriority" ASC NULLS LAST)
--   output        to the caller
