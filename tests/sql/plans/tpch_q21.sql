SELECT
    s_name,
    count(*) AS numwait
FROM
    supplier,
    lineitem l1,
    orders,
    nation
WHERE
    s_suppkey = l1.l_suppkey
    AND o_orderkey = l1.l_orderkey
    AND o_orderstatus = 'F'
    AND l1.l_receiptdate > l1.l_commitdate
    AND EXISTS (
        SELECT
            *
        FROM
            lineitem l2
        WHERE
            l2.l_orderkey = l1.l_orderkey
            AND l2.l_suppkey <> l1.l_suppkey)
    AND NOT EXISTS (
        SELECT
            *
        FROM
            lineitem l3
        WHERE
            l3.l_orderkey = l1.l_orderkey
            AND l3.l_suppkey <> l1.l_suppkey
            AND l3.l_receiptdate > l3.l_commitdate)
    AND s_nationkey = n_nationkey
    AND n_name = 'SAUDI ARABIA'
GROUP BY
    s_name
ORDER BY
    numwait DESC,
    s_name
LIMIT 100;

-- 2 jobs
--
-- job query-1: broadcast: about 70 KiB
--   input in1     /tpch/supplier.parquet (parquet)
--     map
--                   SELECT "s_suppkey", "s_name"
--                   FROM input
--                   JOIN (SELECT "n_nationkey"
--                     FROM side1
--                     WHERE "n_name" = 'SAUDI ARABIA') ON "s_nationkey" = "n_nationkey"
--   side side1    /tpch/nation.parquet (parquet); whole to every task
--
-- job query-2: join on l_orderkey
--   input in2     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_orderkey", "l_suppkey", "s_name"
--                   FROM (SELECT "l_orderkey", "l_suppkey", "l_commitdate", "l_receiptdate"
--                     FROM input
--                     WHERE "l_receiptdate" > "l_commitdate")
--                   JOIN side2 ON "s_suppkey" = "l_suppkey"
--     exchange    all rows to one reducer
--   input in3     /tpch/orders.parquet (parquet)
--     map         SELECT "o_orderkey" FROM input WHERE "o_orderstatus" = 'F'
--     exchange    all rows to one reducer
--   input in4     /tpch/lineitem.parquet (parquet)
--     map         SELECT "l_orderkey" AS "l_orderkey_2", "l_suppkey" AS "l_suppkey_2" FROM input
--     exchange    all rows to one reducer
--   input in5     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_orderkey_3", "l_suppkey_3"
--                   FROM (SELECT "l_orderkey" AS "l_orderkey_3", "l_suppkey" AS "l_suppkey_3", "l_commitdate" AS
--                     "l_commitdate_3", "l_receiptdate" AS "l_receiptdate_3"
--                     FROM input)
--                   WHERE "l_receiptdate_3" > "l_commitdate_3"
--     exchange    all rows to one reducer
--   side side2    from job query-1; whole to every task
--   reduce
--                   SELECT "s_name", "count" AS "numwait"
--                   FROM (SELECT "s_name", COUNT(*) AS "count"
--                     FROM in2
--                     JOIN in3 ON "o_orderkey" = "l_orderkey"
--                     SEMI JOIN in4 ON "l_orderkey_2" = "l_orderkey" AND "l_suppkey_2" <> "l_suppkey"
--                     ANTI JOIN in5 ON "l_orderkey_3" = "l_orderkey" AND "l_suppkey_3" <> "l_suppkey"
--                     GROUP BY 1
--                     ORDER BY "count" DESC NULLS LAST, "s_name" ASC NULLS LAST
--                     LIMIT 100)
--   output        to the caller
