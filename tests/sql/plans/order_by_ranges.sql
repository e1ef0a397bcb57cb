SELECT o_orderkey, o_totalprice
FROM orders
ORDER BY o_totalprice DESC, o_orderkey

-- 2 jobs
--
-- job query-1: order by o_totalprice desc, o_orderkey
--   input in1     /tpch/orders.parquet (parquet)
--     map         SELECT "o_orderkey", "o_totalprice" FROM input
--     exchange    ranges in total order, 1 partition, ordered by o_totalprice DESC, o_orderkey
--   reduce        rows in order
--
-- job query-2
--   input in2     from job query-1, in its tasks, nothing stored between
--     map         at the end of the tasks of query-1: SELECT "o_orderkey", "o_totalprice" FROM input
--   output        to the caller
