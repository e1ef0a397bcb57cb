CREATE TABLE "/out/revenue/" AS
SELECT o_custkey, sum(o_totalprice) AS revenue
FROM orders
GROUP BY o_custkey

-- 1 job
--
-- job query-1: group by o_custkey
--   input in1     /tpch/orders.parquet (parquet)
--     map         SELECT "o_custkey", SUM("o_totalprice") AS "sum_2" FROM input GROUP BY 1
--     exchange    duckdb hash(o_custkey), 1 partition
--   reduce        SELECT "o_custkey", SUM("sum_2") AS "revenue" FROM in1 GROUP BY 1
--   output        /out/revenue/ (parquet, must be new)
