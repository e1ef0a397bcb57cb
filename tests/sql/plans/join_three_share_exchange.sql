SELECT a.l_orderkey, count(*)
FROM lineitem a
JOIN lineitem b ON a.l_orderkey = b.l_orderkey
LEFT JOIN lineitem c ON a.l_orderkey = c.l_orderkey AND c.l_tax <> 0.05
GROUP BY a.l_orderkey

-- 1 job
--
-- job query-1: join on l_orderkey_2
--   input in1     /tpch/lineitem.parquet (parquet)
--     map         SELECT "l_orderkey" AS "l_orderkey_2" FROM input
--     exchange    duckdb hash(l_orderkey_2), 2 partitions
--   input in2     /tpch/lineitem.parquet (parquet)
--     map         SELECT "l_orderkey" FROM input
--     exchange    duckdb hash(l_orderkey), 2 partitions
--   input in3     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_orderkey_3"
--                   FROM (SELECT "l_orderkey" AS "l_orderkey_3", "l_tax" AS "l_tax_3"
--                     FROM input)
--                   WHERE "l_tax_3" <> 0.05
--     exchange    duckdb hash(l_orderkey_3), 2 partitions
--   reduce
--                   SELECT "l_orderkey", COUNT(*) AS "count_star()"
--                   FROM in1
--                   JOIN in2 ON "l_orderkey" = "l_orderkey_2"
--                   LEFT JOIN in3 ON "l_orderkey" = "l_orderkey_3"
--                   GROUP BY 1
--   output        to the caller
