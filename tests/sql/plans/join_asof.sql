SELECT o_orderkey, l_linenumber
FROM orders ASOF JOIN lineitem ON o_orderkey = l_orderkey AND o_orderdate <= l_shipdate

-- 1 job
--
-- job query-1: join on o_orderkey
--   input in1     /tpch/orders.parquet (parquet)
--     map         SELECT "o_orderkey", "o_orderdate" FROM input
--     exchange    duckdb hash(o_orderkey), 2 partitions
--   input in2     /tpch/lineitem.parquet (parquet)
--     map         SELECT "l_orderkey", "l_linenumber", "l_shipdate" FROM input
--     exchange    duckdb hash(l_orderkey), 2 partitions
--   reduce
--                   SELECT "o_orderkey", "l_linenumber"
--                   FROM in1
--                   ASOF JOIN in2 ON "o_orderkey" = "l_orderkey" AND "o_orderdate" <= "l_shipdate"
--   output        to the caller
