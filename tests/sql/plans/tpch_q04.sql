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

-- 3 jobs
--
-- job query-1: shared keys 1
--   input in1     /tpch/orders.parquet (parquet)
--     map
--                   SELECT "o_orderkey", "o_orderpriority"
--                   FROM input
--                   WHERE "o_orderdate" >= CAST('1993-07-01' AS DATE) AND "o_orderdate" < CAST('1993-10-01' AS DATE)
--
-- job query-2: broadcast: about 1 MiB
--   input in2     from job query-1, in its tasks, nothing stored between
--     map         at the end of the tasks of query-1: SELECT "o_orderkey" AS "o_orderkey_2" FROM input
--
-- job query-3: join on o_orderkey
--   input in3     from job query-1, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-1: SELECT "o_orderkey", "o_orderpriority" FROM input
--     exchange    all rows to one reducer
--   input in4     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_orderkey"
--                   FROM (SELECT "l_orderkey", "l_commitdate", "l_receiptdate"
--                     FROM input
--                     WHERE "l_commitdate" < "l_receiptdate")
--                   SEMI JOIN side1 ON "l_orderkey" = "o_orderkey_2"
--     exchange    all rows to one reducer
--   side side1    from job query-2; whole to every task
--   reduce
--                   SELECT "o_orderpriority", "count" AS "order_count"
--                   FROM (SELECT "o_orderpriority", COUNT(*) AS "count"
--                     FROM in3
--                     SEMI JOIN in4 ON "l_orderkey" = "o_orderkey"
--                     GROUP BY 1
--                     ORDER BY "o_orderpriority" ASC NULLS LAST)
--   output        to the caller
