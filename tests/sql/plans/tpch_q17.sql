SELECT
    sum(l_extendedprice) / 7.0 AS avg_yearly
FROM
    lineitem,
    part
WHERE
    p_partkey = l_partkey
    AND p_brand = 'Brand#23'
    AND p_container = 'MED BOX'
    AND l_quantity < (
        SELECT
            0.2 * avg(l_quantity)
        FROM
            lineitem
        WHERE
            l_partkey = p_partkey);

-- 5 jobs
--
-- job query-1: shared keys 1
--   input in1     /tpch/part.parquet (parquet)
--     map         SELECT "p_partkey" FROM input WHERE "p_brand" = 'Brand#23' AND "p_container" = 'MED BOX'
--
-- job query-2: broadcast: about 16 KiB
--   input in2     from job query-1, in its tasks, nothing stored between
--     map         at the end of the tasks of query-1: SELECT "p_partkey" AS "p_partkey_2_2" FROM input
--
-- job query-3: shared rows 2
--   input in3     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_partkey_3", "l_quantity_3", "l_extendedprice_3"
--                   FROM (SELECT "l_partkey" AS "l_partkey_3", "l_quantity" AS "l_quantity_3", "l_extendedprice" AS
--                     "l_extendedprice_3"
--                     FROM input)
--                   SEMI JOIN side1 ON "l_partkey_3" = "p_partkey_2_2"
--   side side1    from job query-2; whole to every task
--
-- job query-4: broadcast: about 16 KiB
--   input in5     from job query-1, in its tasks, nothing stored between
--     map         at the end of the tasks of query-1: SELECT "p_partkey" FROM input
--
-- job query-5: join, group by l_partkey_2
--   input in4     from job query-3, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-3:
--                   SELECT "l_partkey_2", SUM("l_quantity_2") AS "avg_sum", COUNT("l_quantity_2") AS "avg_count"
--                   FROM (SELECT "l_partkey_3" AS "l_partkey_2", "l_quantity_3" AS "l_quantity_2"
--                     FROM input)
--                   GROUP BY 1
--     exchange    all rows to one reducer
--   input in6     from job query-3, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-3:
--                   SELECT "l_partkey_3" AS "l_partkey", "l_quantity_3" AS "l_quantity", "l_extendedprice_3" AS
--                     "l_extendedprice"
--                   FROM input
--     exchange    all rows to one reducer
--   side side2    from job query-4; whole to every task
--   reduce
--                   SELECT "sum" / 7.0 AS "avg_yearly"
--                   FROM (SELECT SUM("l_extendedprice") AS "sum"
--                     FROM in6
--                     JOIN (SELECT 0.2 * "avg" AS "0.2 * AVG(l_quantity)", "l_partkey_2"
--                       FROM (SELECT "l_partkey_2", ROUND(CAST(SUM("avg_sum") AS DOUBLE) * 100) /
--                         (NULLIF(SUM("avg_count"), 0) * 100) AS "avg"
--                         FROM in4
--                         GROUP BY 1))
--                     JOIN side2 ON "l_partkey_2" = "p_partkey" ON "l_quantity" < "0.2 * AVG(l_quantity)" AND "p_partkey"
--                       = "l_partkey")
--   output        to the caller
