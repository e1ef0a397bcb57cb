SELECT
    c_name,
    c_custkey,
    o_orderkey,
    o_orderdate,
    o_totalprice,
    sum(l_quantity)
FROM
    customer,
    orders,
    lineitem
WHERE
    o_orderkey IN (
        SELECT
            l_orderkey
        FROM
            lineitem
        GROUP BY
            l_orderkey
        HAVING
            sum(l_quantity) > 300)
    AND c_custkey = o_custkey
    AND o_orderkey = l_orderkey
GROUP BY
    c_name,
    c_custkey,
    o_orderkey,
    o_orderdate,
    o_totalprice
ORDER BY
    o_totalprice DESC,
    o_orderdate
LIMIT 100;

-- 4 jobs
--
-- job query-1: group by l_orderkey_2
--   input in1     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_orderkey_2", SUM("l_quantity_2") AS "sum_3"
--                   FROM (SELECT "l_orderkey" AS "l_orderkey_2", "l_quantity" AS "l_quantity_2"
--                     FROM input)
--                   GROUP BY 1
--     exchange    duckdb hash(l_orderkey_2), 1 partition
--   reduce
--                   SELECT "l_orderkey_2"
--                   FROM (SELECT "l_orderkey_2", SUM("sum_3") AS "sum"
--                     FROM in1
--                     GROUP BY 1)
--                   WHERE "sum" > 300
--
-- job query-2: broadcast: about 2 MiB
--   input in2     /tpch/orders.parquet (parquet)
--     map
--                   SELECT "o_orderkey", "o_custkey", "o_totalprice", "o_orderdate"
--                   FROM input
--                   SEMI JOIN side1 ON "o_orderkey" = "l_orderkey_2"
--   side side1    from job query-1; whole to every task
--
-- job query-3: broadcast: about 3 MiB
--   input in3     /tpch/customer.parquet (parquet)
--     map
--                   SELECT "c_custkey", "c_name", "o_orderkey", "o_totalprice", "o_orderdate"
--                   FROM input
--                   JOIN side2 ON "c_custkey" = "o_custkey"
--   side side2    from job query-2; whole to every task
--
-- job query-4: group by c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice
--   input in4     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "c_name", "c_custkey", "o_orderkey", "o_orderdate", "o_totalprice", SUM("l_quantity") AS
--                     "sum_2_2"
--                   FROM input
--                   JOIN side3 ON "o_orderkey" = "l_orderkey"
--                   GROUP BY 1, 2, 3, 4, 5
--     exchange    all rows to one reducer
--   side side3    from job query-3; whole to every task
--   reduce
--                   SELECT "c_name", "c_custkey", "o_orderkey", "o_orderdate", "o_totalprice", "sum_2" AS
--                     "sum(l_quantity)"
--                   FROM (SELECT "c_name", "c_custkey", "o_orderkey", "o_orderdate", "o_totalprice", SUM("sum_2_2") AS
--                     "sum_2"
--                     FROM in4
--                     GROUP BY 1, 2, 3, 4, 5
--                     ORDER BY "o_totalprice" DESC NULLS LAST, "o_orderdate" ASC NULLS LAST
--                     LIMIT 100)
--   output        to the caller
