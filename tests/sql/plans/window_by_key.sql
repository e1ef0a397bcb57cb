SELECT o_orderkey, rank() OVER (PARTITION BY o_custkey ORDER BY o_totalprice DESC) AS r
FROM orders
QUALIFY r <= 3

-- 1 job
--
-- job query-1: window
--   input in1     /tpch/orders.parquet (parquet)
--     map         SELECT "o_custkey", "o_orderkey", "o_totalprice" FROM input
--     exchange    duckdb hash(o_custkey), 1 partition
--   reduce
--                   SELECT "o_orderkey", "rank" AS "r"
--                   FROM (SELECT "o_custkey", "o_orderkey", "o_totalprice", RANK() OVER (PARTITION BY "o_custkey" ORDER BY
--                     "o_totalprice" DESC) AS "rank"
--                     FROM in1)
--                   WHERE ("rank") <= 3
--   output        to the caller
