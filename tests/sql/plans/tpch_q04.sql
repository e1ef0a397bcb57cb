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
-- job query-1: join on o_orderkey
--   input in1     /tpch/orders.parquet (parquet)
--     map
--                   SELECT "o_orderkey", "o_orderpriority"
--                   FROM input
--                   WHERE "o_orderdate" >= CAST('1993-07-01' AS DATE) AND "o_orderdate" < CAST('1993-10-01' AS DATE)
--     exchange    duckdb hash(o_orderkey), 4 partitions
--   input in2     /tpch/lineitem.parquet (parquet)
--     map         SELECT "l_orderkey" FROM input WHERE "l_commitdate" < "l_receiptdate"
--     exchange    duckdb hash(l_orderkey), 4 partitions
--   reduce
--                   SELECT "o_orderpriority", COUNT(*) AS "count_2"
--                   FROM in1
--                   SEMI JOIN in2 ON "l_orderkey" = "o_orderkey"
--                   GROUP BY 1
--
-- job query-2: group by o_orderpriority
--   input in3     from job query-1, through the shuffle, nothing stored between
--     exchange    all rows to one reducer
--   reduce
--                   SELECT "o_orderpriority", "count" AS "order_count"
--                   FROM (SELECT "o_orderpriority", CAST(COALESCE(SUM("count_2"), 0) AS BIGINT) AS "count"
--                     FROM in3
--                     GROUP BY 1
--                     ORDER BY "o_orderpriority" ASC NULLS LAST)
--   output        to the caller
