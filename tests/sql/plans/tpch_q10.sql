SELECT
    c_custkey,
    c_name,
    sum(l_extendedprice * (1 - l_discount)) AS revenue,
    c_acctbal,
    n_name,
    c_address,
    c_phone,
    c_comment
FROM
    customer,
    orders,
    lineitem,
    nation
WHERE
    c_custkey = o_custkey
    AND l_orderkey = o_orderkey
    AND o_orderdate >= CAST('1993-10-01' AS date)
    AND o_orderdate < CAST('1994-01-01' AS date)
    AND l_returnflag = 'R'
    AND c_nationkey = n_nationkey
GROUP BY
    c_custkey,
    c_name,
    c_acctbal,
    c_phone,
    n_name,
    c_address,
    c_comment
ORDER BY
    revenue DESC
LIMIT 20;

-- 3 jobs
--
-- job query-1: broadcast: about 3 MiB
--   input in1     /tpch/orders.parquet (parquet)
--     map
--                   SELECT "o_orderkey", "o_custkey"
--                   FROM input
--                   WHERE "o_orderdate" >= CAST('1993-10-01' AS DATE) AND "o_orderdate" < CAST('1994-01-01' AS DATE)
--
-- job query-2: broadcast: about 4 MiB
--   input in2     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_extendedprice", "l_discount", "o_custkey"
--                   FROM (SELECT "l_orderkey", "l_extendedprice", "l_discount", "l_returnflag"
--                     FROM input
--                     WHERE "l_returnflag" = 'R')
--                   JOIN side1 ON "l_orderkey" = "o_orderkey"
--   side side1    from job query-1; whole to every task
--
-- job query-3: group by c_custkey, c_name, c_acctbal, c_phone, n_name, c_address, c_comment
--   input in3     /tpch/customer.parquet (parquet)
--     map
--                   SELECT "c_custkey", "c_name", "c_acctbal", "c_phone", "n_name", "c_address", "c_comment",
--                     SUM("l_extendedprice" * (1 - "l_discount")) AS "sum_2"
--                   FROM input
--                   JOIN side2 ON "c_custkey" = "o_custkey"
--                   JOIN side3 ON "c_nationkey" = "n_nationkey"
--                   GROUP BY 1, 2, 3, 4, 5, 6, 7
--     exchange    all rows to one reducer
--   side side2    from job query-2; whole to every task
--   side side3    /tpch/nation.parquet (parquet); whole to every task
--   reduce
--                   SELECT "c_custkey", "c_name", "sum" AS "revenue", "c_acctbal", "n_name", "c_address", "c_phone",
--                     "c_comment"
--                   FROM (SELECT "c_custkey", "c_name", "sum", "c_acctbal", "n_name", "c_address", "c_phone", "c_comment"
--                     FROM (SELECT "c_custkey", "c_name", "c_acctbal", "c_phone", "n_name", "c_address", "c_comment",
--                       SUM("sum_2") AS "sum"
--                       FROM in3
--                       GROUP BY 1, 2, 3, 4, 5, 6, 7)
--                     ORDER BY "sum" DESC NULLS LAST
--                     LIMIT 20)
--   output        to the caller
