SELECT k, sum(v) AS total FROM (SELECT l_orderkey, l_tax, l_discount FROM lineitem) UNPIVOT (v FOR k IN (l_tax, l_discount)) GROUP BY k

-- 1 job
--
-- job query-1: group by k
--   input in1     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "k", SUM("v") AS "sum_2"
--                   FROM (SELECT "l_tax", "l_discount", UNNEST(['l_tax', 'l_discount']) AS "k", UNNEST(["l_tax",
--                     "l_discount"]) AS "v"
--                     FROM input)
--                   WHERE NOT "v" IS NULL
--                   GROUP BY 1
--     exchange    duckdb hash(k), 1 partition
--   reduce        SELECT "k", SUM("sum_2") AS "total" FROM in1 GROUP BY 1
--   output        to the caller
