SELECT
    l_shipmode,
    sum(
        CASE WHEN o_orderpriority = '1-URGENT'
            OR o_orderpriority = '2-HIGH' THEN
            1
        ELSE
            0
        END) AS high_line_count,
    sum(
        CASE WHEN o_orderpriority <> '1-URGENT'
            AND o_orderpriority <> '2-HIGH' THEN
            1
        ELSE
            0
        END) AS low_line_count
FROM
    orders,
    lineitem
WHERE
    o_orderkey = l_orderkey
    AND l_shipmode IN ('MAIL', 'SHIP')
    AND l_commitdate < l_receiptdate
    AND l_shipdate < l_commitdate
    AND l_receiptdate >= CAST('1994-01-01' AS date)
    AND l_receiptdate < CAST('1995-01-01' AS date)
GROUP BY
    l_shipmode
ORDER BY
    l_shipmode;

-- 2 jobs
--
-- job query-1: broadcast: about 418 KiB
--   input in1     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_orderkey", "l_shipmode"
--                   FROM input
--                   WHERE "l_shipmode" IN ('MAIL', 'SHIP') AND "l_commitdate" < "l_receiptdate" AND "l_shipdate" <
--                     "l_commitdate" AND "l_receiptdate" >= CAST('1994-01-01' AS DATE) AND "l_receiptdate" <
--                     CAST('1995-01-01' AS DATE)
--
-- job query-2: group by l_shipmode
--   input in2     /tpch/orders.parquet (parquet)
--     map
--                   SELECT "l_shipmode", SUM(CASE WHEN "o_orderpriority" = '1-URGENT' OR "o_orderpriority" = '2-HIGH' THEN
--                     1 ELSE 0 END) AS "sum_3", SUM(CASE WHEN "o_orderpriority" <> '1-URGENT' AND "o_orderpriority" <>
--                     '2-HIGH' THEN 1 ELSE 0 END) AS "sum_2_2"
--                   FROM input
--                   JOIN side1 ON "o_orderkey" = "l_orderkey"
--                   GROUP BY 1
--     exchange    all rows to one reducer
--   side side1    from job query-1; whole to every task
--   reduce
--                   SELECT "l_shipmode", "sum" AS "high_line_count", "sum_2" AS "low_line_count"
--                   FROM (SELECT "l_shipmode", SUM("sum_3") AS "sum", SUM("sum_2_2") AS "sum_2"
--                     FROM in2
--                     GROUP BY 1
--                     ORDER BY "l_shipmode" ASC NULLS LAST)
--   output        to the caller
