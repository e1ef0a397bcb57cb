SELECT
    nation,
    o_year,
    sum(amount) AS sum_profit
FROM (
    SELECT
        n_name AS nation,
        extract(year FROM o_orderdate) AS o_year,
        l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity AS amount
    FROM
        part,
        supplier,
        lineitem,
        partsupp,
        orders,
        nation
    WHERE
        s_suppkey = l_suppkey
        AND ps_suppkey = l_suppkey
        AND ps_partkey = l_partkey
        AND p_partkey = l_partkey
        AND o_orderkey = l_orderkey
        AND s_nationkey = n_nationkey
        AND p_name LIKE '%green%') AS profit
GROUP BY
    nation,
    o_year
ORDER BY
    nation,
    o_year DESC;

-- 6 jobs
--
-- job query-1: broadcast: about 625 KiB
--   input in1     /tpch/part.parquet (parquet)
--     map         SELECT "p_partkey" FROM input WHERE "p_name" LIKE '%green%'
--
-- job query-2: broadcast: about 469 KiB
--   input in2     /tpch/supplier.parquet (parquet)
--     map         SELECT "s_suppkey", "n_name" FROM input JOIN side2 ON "s_nationkey" = "n_nationkey"
--   side side2    /tpch/nation.parquet (parquet); whole to every task
--
-- job query-3: broadcast: about 8 MiB
--   input in3     /tpch/partsupp.parquet (parquet)
--     map
--                   SELECT "ps_partkey", "ps_suppkey", "ps_supplycost", "n_name"
--                   FROM input
--                   JOIN side1 ON "p_partkey" = "ps_partkey"
--                   JOIN side3 ON "s_suppkey" = "ps_suppkey"
--   side side1    from job query-1; whole to every task
--   side side3    from job query-2; whole to every task
--
-- job query-4: shared keys 1
--   input in4     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_orderkey", "l_quantity", "l_extendedprice", "l_discount", "ps_supplycost", "n_name"
--                   FROM input
--                   JOIN side4 ON "ps_suppkey" = "l_suppkey" AND "ps_partkey" = "l_partkey"
--   side side4    from job query-3; whole to every task
--
-- job query-5: broadcast: about 5 MiB
--   input in5     from job query-4, in its tasks, nothing stored between
--     map         at the end of the tasks of query-4: SELECT "l_orderkey" AS "l_orderkey_2" FROM input
--
-- job query-6: join on l_orderkey
--   input in6     from job query-4, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-4:
--                   SELECT "l_orderkey", "l_quantity", "l_extendedprice", "l_discount", "ps_supplycost", "n_name"
--                   FROM input
--     exchange    all rows to one reducer
--   input in7     /tpch/orders.parquet (parquet)
--     map         SELECT "o_orderkey", "o_orderdate" FROM input SEMI JOIN side5 ON "o_orderkey" = "l_orderkey_2"
--     exchange    all rows to one reducer
--   side side5    from job query-5; whole to every task
--   reduce
--                   SELECT "n_name" AS "nation", "o_year", "sum" AS "sum_profit"
--                   FROM (SELECT "n_name", "o_year", SUM("amount") AS "sum"
--                     FROM (SELECT "n_name", EXTRACT(YEAR FROM "o_orderdate") AS "o_year", "l_extendedprice" * (1 -
--                       "l_discount") - "ps_supplycost" * "l_quantity" AS "amount"
--                       FROM in6
--                       JOIN in7 ON "o_orderkey" = "l_orderkey")
--                     GROUP BY 1, 2
--                     ORDER BY "n_name" ASC NULLS LAST, "o_year" DESC NULLS LAST)
--   output        to the caller
