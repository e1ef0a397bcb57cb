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

-- 6 jobs
--
-- job query-1: broadcast: about 5 MiB
--   input in1     /tpch/orders.parquet (parquet)
--     map         SELECT "o_orderkey" FROM input WHERE "o_orderstatus" = 'F'
--
-- job query-2: shared keys 1
--   input in2     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_orderkey", "l_suppkey", "s_name"
--                   FROM (SELECT "l_orderkey", "l_suppkey", "l_commitdate", "l_receiptdate"
--                     FROM input
--                     WHERE "l_receiptdate" > "l_commitdate")
--                   JOIN (WITH input AS (FROM side2) SELECT "s_suppkey", "s_name"
--                     FROM input
--                     JOIN (SELECT "n_nationkey"
--                       FROM side1
--                       WHERE "n_name" = 'SAUDI ARABIA') ON "s_nationkey" = "n_nationkey") ON "s_suppkey" = "l_suppkey"
--                   JOIN side3 ON "o_orderkey" = "l_orderkey"
--   side side2    /tpch/supplier.parquet (parquet); whole to every task
--   side side1    /tpch/nation.parquet (parquet); whole to every task
--   side side3    from job query-1; whole to every task
--
-- job query-3: broadcast: about 141 KiB
--   input in3     from job query-2, in its tasks, nothing stored between
--     map         at the end of the tasks of query-2: SELECT "l_orderkey" AS "l_orderkey_4_2" FROM input
--
-- job query-4: shared rows 2
--   input in4     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_orderkey_6", "l_suppkey_4", "l_commitdate_4", "l_receiptdate_4"
--                   FROM (SELECT "l_orderkey" AS "l_orderkey_6", "l_suppkey" AS "l_suppkey_4", "l_commitdate" AS
--                     "l_commitdate_4", "l_receiptdate" AS "l_receiptdate_4"
--                     FROM input)
--                   SEMI JOIN side4 ON "l_orderkey_6" = "l_orderkey_4_2"
--   side side4    from job query-3; whole to every task
--
-- job query-5: broadcast: about 127 KiB
--   input in7     from job query-4, in its tasks, nothing stored between
--     map         at the end of the tasks of query-4:
--                   SELECT "l_orderkey_3", "l_suppkey_3"
--                   FROM (SELECT "l_orderkey_6" AS "l_orderkey_3", "l_suppkey_4" AS "l_suppkey_3", "l_commitdate_4" AS
--                     "l_commitdate_3", "l_receiptdate_4" AS "l_receiptdate_3"
--                     FROM input)
--                   WHERE "l_receiptdate_3" > "l_commitdate_3"
--
-- job query-6: join on l_orderkey
--   input in5     from job query-2, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-2: SELECT "l_orderkey", "l_suppkey", "s_name" FROM input
--     exchange    all rows to one reducer
--   input in6     from job query-4, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-4:
--                   SELECT "l_orderkey_6" AS "l_orderkey_2", "l_suppkey_4" AS "l_suppkey_2"
--                   FROM input
--     exchange    all rows to one reducer
--   side side5    from job query-5; whole to every task
--   reduce
--                   SELECT "s_name", "count" AS "numwait"
--                   FROM (SELECT "s_name", COUNT(*) AS "count"
--                     FROM in5
--                     SEMI JOIN in6 ON "l_orderkey_2" = "l_orderkey" AND "l_suppkey_2" <> "l_suppkey"
--                     ANTI JOIN side5 ON "l_orderkey_3" = "l_orderkey" AND "l_suppkey_3" <> "l_suppkey"
--                     GROUP BY 1
--                     ORDER BY "count" DESC NULLS LAST, "s_name" ASC NULLS LAST
--                     LIMIT 100)
--   output        to the caller
