SELECT
    cntrycode,
    count(*) AS numcust,
    sum(c_acctbal) AS totacctbal
FROM (
    SELECT
        substring(c_phone FROM 1 FOR 2) AS cntrycode,
        c_acctbal
    FROM
        customer
    WHERE
        substring(c_phone FROM 1 FOR 2) IN ('13', '31', '23', '29', '30', '18', '17')
        AND c_acctbal > (
            SELECT
                avg(c_acctbal)
            FROM
                customer
            WHERE
                c_acctbal > 0.00
                AND substring(c_phone FROM 1 FOR 2) IN ('13', '31', '23', '29', '30', '18', '17'))
            AND NOT EXISTS (
                SELECT
                    *
                FROM
                    orders
                WHERE
                    o_custkey = c_custkey)) AS custsale
GROUP BY
    cntrycode
ORDER BY
    cntrycode;

-- 4 jobs
--
-- job query-1: aggregate
--   input in1     /tpch/customer.parquet (parquet)
--     map
--                   SELECT SUM("c_acctbal_2") AS "avg_sum", COUNT("c_acctbal_2") AS "avg_count"
--                   FROM (SELECT "c_phone" AS "c_phone_2", "c_acctbal" AS "c_acctbal_2"
--                     FROM input)
--                   WHERE "c_acctbal_2" > 0.00 AND SUBSTRING("c_phone_2", 1, 2) IN ('13', '31', '23', '29', '30', '18',
--                     '17')
--                   HAVING COUNT(*) > 0
--     exchange    all rows to one reducer
--   reduce
--                   SELECT ROUND(CAST(SUM("avg_sum") AS DOUBLE) * 100) / (NULLIF(SUM("avg_count"), 0) * 100) AS "avg"
--                   FROM in1
--
-- job query-2: shared keys 1
--   input in2     /tpch/customer.parquet (parquet)
--     map
--                   SELECT "c_custkey", "c_phone", "c_acctbal"
--                   FROM (SELECT "c_custkey", "c_phone", "c_acctbal"
--                     FROM input
--                     WHERE SUBSTRING("c_phone", 1, 2) IN ('13', '31', '23', '29', '30', '18', '17'))
--                   JOIN side1 ON "c_acctbal" > "avg"
--   side side1    from job query-1; whole to every task
--
-- job query-3: broadcast: about 59 KiB
--   input in3     from job query-2, in its tasks, nothing stored between
--     map         at the end of the tasks of query-2: SELECT "c_custkey" AS "c_custkey_3" FROM input
--
-- job query-4: join on c_custkey
--   input in4     from job query-2, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-2: SELECT "c_custkey", "c_phone", "c_acctbal" FROM input
--     exchange    all rows to one reducer
--   input in5     /tpch/orders.parquet (parquet)
--     map         SELECT "o_custkey" FROM input SEMI JOIN side2 ON "o_custkey" = "c_custkey_3"
--     exchange    all rows to one reducer
--   side side2    from job query-3; whole to every task
--   reduce
--                   SELECT "cntrycode", "count" AS "numcust", "sum" AS "totacctbal"
--                   FROM (SELECT "cntrycode", COUNT(*) AS "count", SUM("c_acctbal") AS "sum"
--                     FROM (SELECT SUBSTRING("c_phone", 1, 2) AS "cntrycode", "c_acctbal"
--                       FROM in4
--                       ANTI JOIN in5 ON "o_custkey" = "c_custkey")
--                     GROUP BY 1
--                     ORDER BY "cntrycode" ASC NULLS LAST)
--   output        to the caller
