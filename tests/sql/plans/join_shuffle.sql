SELECT l_quantity, ps_availqty, ps_comment
FROM lineitem JOIN partsupp ON l_partkey = ps_partkey AND l_suppkey = ps_suppkey

-- 1 job
--
-- job query-1: join on l_partkey, l_suppkey
--   input in1     /tpch/lineitem.parquet (parquet)
--     map         SELECT "l_partkey", "l_suppkey", "l_quantity" FROM input
--     exchange    duckdb hash(l_partkey, l_suppkey), 4 partitions
--   input in2     /tpch/partsupp.parquet (parquet)
--     map         SELECT "ps_partkey", "ps_suppkey", "ps_availqty", "ps_comment" FROM input
--     exchange    duckdb hash(ps_partkey, ps_suppkey), 4 partitions
--   reduce
--                   SELECT "l_quantity", "ps_availqty", "ps_comment"
--                   FROM in1
--                   JOIN in2 ON "l_partkey" = "ps_partkey" AND "l_suppkey" = "ps_suppkey"
--   output        to the caller
