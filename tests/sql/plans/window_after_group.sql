SELECT o_custkey, sum(o_totalprice) AS s, sum(sum(o_totalprice)) OVER (PARTITION BY o_custkey) AS t
FROM orders
GROUP BY o_custkey, o_orderstatus

-- 1 job
--
-- job query-1: group by o_custkey, o_orderstatus
--   input in1     /tpch/orders.parquet (parquet)
--     map         SELECT "o_custkey", "o_orderstatus", SUM("o_totalprice") AS "sum_3" FROM input GROUP BY 1, 2
--     exchange    all rows to one reducer
--   reduce
--                   SELECT "o_custkey", "sum" AS "s", SUM("sum") OVER (PARTITION BY "o_custkey") AS "t"
--                   FROM (SELECT "o_custkey", "o_orderstatus", SUM("sum_3") AS "sum"
--                     FROM in1
--                     GROUP BY 1, 2)
--   output        to the caller
