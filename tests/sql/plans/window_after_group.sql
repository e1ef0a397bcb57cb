SELECT o_custkey, sum(o_totalprice) AS s, sum(sum(o_totalprice)) OVER (PARTITION BY o_custkey) AS t
FROM orders
GROUP BY o_custkey, o_orderstatus

-- 2 jobs
--
-- job query-1: group by o_custkey, o_orderstatus
--   input in1     /tpch/orders.parquet (parquet)
--     map         SELECT "o_custkey", "o_orderstatus", SUM("o_totalprice") AS "sum_3" FROM input GROUP BY 1, 2
--     exchange    duckdb hash(o_custkey, o_orderstatus), 1 partition
--   reduce
--                   SELECT "o_custkey", "sum"
--                   FROM (SELECT "o_custkey", "o_orderstatus", SUM("sum_3") AS "sum"
--                     FROM in1
--                     GROUP BY 1, 2)
--
-- job query-2: window
--   input in2     from job query-1, through the shuffle, nothing stored between
--     exchange    duckdb hash(o_custkey), 1 partition
--   reduce        SELECT "o_custkey", "sum" AS "s", SUM("sum") OVER (PARTITION BY "o_custkey") AS "t" FROM in2
--   output        to the caller
