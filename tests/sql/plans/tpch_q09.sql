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

-- 5 jobs
--
-- job query-1: broadcast: about 8 MiB
--   input in1     /tpch/partsupp.parquet (parquet)
--     map
--                   SELECT "ps_partkey", "ps_suppkey", "ps_supplycost", "n_name"
--                   FROM input
--                   JOIN (SELECT "p_partkey"
--                     FROM side1
--                     WHERE "p_name" LIKE '%green%') ON "p_partkey" = "ps_partkey"
--                   JOIN (WITH input AS (FROM side3) SELECT "s_suppkey", "n_name"
--                     FROM input
--                     JOIN side2 ON "s_nationkey" = "n_nationkey") ON "s_suppkey" = "ps_suppkey"
--   side side1    /tpch/part.parquet (parquet); whole to every task
--   side side3    /tpch/supplier.parquet (parquet); whole to every task
--   side side2    /tpch/nation.parquet (parquet); whole to every task
--
-- job query-2: shared keys 1
--   input in2     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_orderkey", "l_quantity", "l_extendedprice", "l_discount", "ps_supplycost", "n_name"
--                   FROM input
--                   JOIN side4 ON "ps_suppkey" = "l_suppkey" AND "ps_partkey" = "l_partkey"
--   side side4    from job query-1; whole to every task
--
-- job query-3: broadcast: about 5 MiB
--   input in3     from job query-2, in its tasks, nothing stored between
--     map         at the end of the tasks of query-2: SELECT "l_orderkey" AS "l_orderkey_2" FROM input
--
-- job query-4: join on l_orderkey
--   input in4     from job query-2, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-2:
--                   SELECT "l_orderkey", "l_quantity", "l_extendedprice", "l_discount", "ps_supplycost", "n_name"
--                   FROM input
--     exchange    duckdb hash(l_orderkey), 2 partitions
--   input in5     /tpch/orders.parquet (parquet)
--     map         SELECT "o_orderkey", "o_orderdate" FROM input SEMI JOIN side5 ON "o_orderkey" = "l_orderkey_2"
--     exchange    duckdb hash(o_orderkey), 2 partitions
--   side side5    from job query-3; whole to every task
--   reduce
--                   SELECT "n_name", "o_year", SUM("amount") AS "sum_2"
--                   FROM (SELECT "n_name", EXTRACT(YEAR FROM "o_orderdate") AS "o_year", "l_extendedprice" * (1 -
--                     "l_discount") - "ps_supplycost" * "l_quantity" AS "amount"
--                     FROM in4
--                     JOIN in5 ON "o_orderkey" = "l_orderkey")
--                   GROUP BY 1, 2
--
-- job query-5: group by n_name, o_year
--   input in6     from job query-4, through the shuffle, nothing stored between
--     exchange    all rows to one reducer
--   reduce
--                   SELECT "n_name" AS "nation", "o_year", "sum" AS "sum_profit"
--                   FROM (SELECT "n_name", "o_year", SUM("sum_2") AS "sum"
--                     FROM in6
--                     GROUP BY 1, 2
--                     ORDER BY "n_name" ASC NULLS LAST, "o_year" DESC NULLS LAST)
--   output        to the caller
