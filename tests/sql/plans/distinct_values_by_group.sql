SELECT p_brand, count(DISTINCT p_type), count(*)
FROM part
GROUP BY p_brand

-- 1 job
--
-- job query-1: group by p_brand
--   input in1     /tpch/part.parquet (parquet)
--     map         SELECT "p_brand", "p_type", COUNT(*) AS "count_2_2" FROM input GROUP BY 1, 2
--     exchange    duckdb hash(p_brand), 1 partition
--   reduce
--                   SELECT "p_brand", COUNT(DISTINCT "p_type") AS "count(DISTINCT p_type)",
--                     CAST(COALESCE(SUM("count_2_2"), 0) AS BIGINT) AS "count_star()"
--                   FROM in1
--                   GROUP BY 1
--   output        to the caller
