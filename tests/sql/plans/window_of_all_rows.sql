SELECT o_orderkey, o_totalprice / sum(o_totalprice) OVER () AS share
FROM orders

-- 3 jobs
--
-- job query-1: shared all_rows 1
--   input in1     /tpch/orders.parquet (parquet)
--     map         SELECT "o_orderkey", "o_totalprice" FROM input
--
-- job query-2: aggregate
--   input in2     from job query-1, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-1:
--                   SELECT SUM("o_totalprice_2") AS "sum_2"
--                   FROM (SELECT "o_totalprice" AS "o_totalprice_2"
--                     FROM input)
--                   HAVING COUNT(*) > 0
--     exchange    all rows to one reducer
--   reduce        SELECT SUM("sum_2") AS "sum" FROM in2
--
-- job query-3: join on o_orderkey, o_totalprice
--   input in3     from job query-1, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-1: SELECT "o_orderkey", "o_totalprice" FROM input
--     exchange    duckdb hash(o_orderkey, o_totalprice), 1 partition
--   side side1    from job query-2; whole to every task
--   reduce        SELECT "o_orderkey", "o_totalprice" / "sum" AS "share" FROM in3 JOIN side1 ON true
--   output        to the caller
