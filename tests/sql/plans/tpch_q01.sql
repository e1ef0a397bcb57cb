SELECT
    l_returnflag,
    l_linestatus,
    sum(l_quantity) AS sum_qty,
    sum(l_extendedprice) AS sum_base_price,
    sum(l_extendedprice * (1 - l_discount)) AS sum_disc_price,
    sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS sum_charge,
    avg(l_quantity) AS avg_qty,
    avg(l_extendedprice) AS avg_price,
    avg(l_discount) AS avg_disc,
    count(*) AS count_order
FROM
    lineitem
WHERE
    l_shipdate <= CAST('1998-09-02' AS date)
GROUP BY
    l_returnflag,
    l_linestatus
ORDER BY
    l_returnflag,
    l_linestatus;

-- 3 jobs
--
-- job query-1: group by l_returnflag, l_linestatus
--   input in1     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_returnflag", "l_linestatus", SUM("l_quantity") AS "sum_5", SUM("l_extendedprice") AS
--                     "sum_2_2", SUM("l_extendedprice" * (1 - "l_discount")) AS "sum_3_2", SUM("l_extendedprice" * (1 -
--                     "l_discount") * (1 + "l_tax")) AS "sum_4_2", SUM("l_quantity") AS "avg_sum", COUNT("l_quantity") AS
--                     "avg_count", SUM("l_extendedprice") AS "avg_2_sum", COUNT("l_extendedprice") AS "avg_2_count",
--                     SUM("l_discount") AS "avg_3_sum", COUNT("l_discount") AS "avg_3_count", COUNT(*) AS "count_2"
--                   FROM input
--                   WHERE "l_shipdate" <= CAST('1998-09-02' AS DATE)
--                   GROUP BY 1, 2
--     exchange    duckdb hash(l_returnflag, l_linestatus), 2 partitions
--   reduce
--                   SELECT "l_returnflag", "l_linestatus", SUM("sum_5") AS "sum", SUM("sum_2_2") AS "sum_2",
--                     SUM("sum_3_2") AS "sum_3", SUM("sum_4_2") AS "sum_4", ROUND(CAST(SUM("avg_sum") AS DOUBLE) * 100) /
--                     (NULLIF(SUM("avg_count"), 0) * 100) AS "avg", ROUND(CAST(SUM("avg_2_sum") AS DOUBLE) * 100) /
--                     (NULLIF(SUM("avg_2_count"), 0) * 100) AS "avg_2", ROUND(CAST(SUM("avg_3_sum") AS DOUBLE) * 100) /
--                     (NULLIF(SUM("avg_3_count"), 0) * 100) AS "avg_3", CAST(COALESCE(SUM("count_2"), 0) AS BIGINT) AS
--                     "count"
--                   FROM in1
--                   GROUP BY 1, 2
--
-- job query-2: order by l_returnflag, l_linestatus
--   input in2     from job query-1, through the shuffle, nothing stored between
--     exchange    ranges in total order, 1 partition, ordered by l_returnflag, l_linestatus
--   reduce        rows in order
--
-- job query-3
--   input in3     from job query-2, in its tasks, nothing stored between
--     map         at the end of the tasks of query-2:
--                   SELECT "l_returnflag", "l_linestatus", "sum" AS "sum_qty", "sum_2" AS "sum_base_price", "sum_3" AS
--                     "sum_disc_price", "sum_4" AS "sum_charge", "avg" AS "avg_qty", "avg_2" AS "avg_price", "avg_3" AS
--                     "avg_disc", "count" AS "count_order"
--                   FROM input
--   output        to the caller
