SELECT o_orderstatus, count(*), avg(o_totalprice)
FROM orders
GROUP BY o_orderstatus

-- 1 job
--
-- job query-1: group by o_orderstatus
--   input in1     /tpch/orders.parquet (parquet)
--     map
--                   SELECT "o_orderstatus", COUNT(*) AS "count_2", SUM("o_totalprice") AS "avg_sum", COUNT("o_totalprice")
--                     AS "avg_count"
--                   FROM input
--                   GROUP BY 1
--     exchange    duckdb hash(o_orderstatus), 1 partition
--   reduce
--                   SELECT "o_orderstatus", CAST(COALESCE(SUM("count_2"), 0) AS BIGINT) AS "count_star()",
--                     ROUND(CAST(SUM("avg_sum") AS DOUBLE) * 100) / (NULLIF(SUM("avg_count"), 0) * 100) AS
--                     "avg(o_totalprice)"
--                   FROM in1
--                   GROUP BY 1
--   output        to the caller
