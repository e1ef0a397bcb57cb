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
-- job query-1: broadcast: about 625 KiB
--   input in1     /tpch/part.parquet (parquet)
--     map         SELECT "p_partkey" FROM input WHERE "p_name" LIKE '%green%'
--
-- job query-2: join on l_suppkey, l_partkey
--   input in2     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_orderkey", "l_partkey", "l_suppkey", "l_quantity", "l_extendedprice", "l_discount"
--                   FROM input
--                   JOIN side1 ON "p_partkey" = "l_partkey"
--     exchange    duckdb hash(l_suppkey, l_partkey), 2 partitions
--   input in3     /tpch/partsupp.parquet (parquet)
--     map         SELECT "ps_partkey", "ps_suppkey", "ps_supplycost" FROM input
--     exchange    duckdb hash(ps_suppkey, ps_partkey), 2 partitions
--   side side1    from job query-1; whole to every task
--   reduce
--                   SELECT "l_orderkey", "l_suppkey", "l_quantity", "l_extendedprice", "l_discount", "ps_supplycost"
--                   FROM in2
--                   JOIN in3 ON "ps_suppkey" = "l_suppkey" AND "ps_partkey" = "l_partkey"
--
-- job query-3: broadcast: about 469 KiB
--   input in6     /tpch/supplier.parquet (parquet)
--     map         SELECT "s_suppkey", "n_name" FROM input JOIN side2 ON "s_nationkey" = "n_nationkey"
--   side side2    /tpch/nation.parquet (parquet); whole to every task
--
-- job query-4: join on l_orderkey
--   input in4     from job query-2, through the shuffle, nothing stored between
--     exchange    duckdb hash(l_orderkey), 2 partitions
--   input in5     /tpch/orders.parquet (parquet)
--     map         SELECT "o_orderkey", "o_orderdate" FROM input
--     exchange    duckdb hash(o_orderkey), 2 partitions
--   side side3    from job query-3; whole to every task
--   reduce
--                   SELECT "n_name", "o_year", SUM("amount") AS "sum_2"
--                   FROM (SELECT "n_name", EXTRACT(YEAR FROM "o_orderdate") AS "o_year", "l_extendedprice" * (1 -
--                     "l_discount") - "ps_supplycost" * "l_quantity" AS "amount"
--                     FROM in4
--                     JOIN in5 ON "o_orderkey" = "l_orderkey"
--                     JOIN side3 ON "s_suppkey" = "l_suppkey")
--                   GROUP BY 1, 2
--
-- job query-5: group by n_name, o_year
--   input in7     from job query-4, through the shuffle, nothing stored between
--     exchange    all rows to one reducer
--   reduce
--                   SELECT "n_name" AS "nation", "o_year", "sum" AS "sum_profit"
--                   FROM (SELECT "n_name", "o_year", SUM("sum_2") AS "sum"
--                     FROM in7
--                     GROUP BY 1, 2
--                     ORDER BY "n_name" ASC NULLS LAST, "o_year" DESC NULLS LAST)
--   output        to the caller
