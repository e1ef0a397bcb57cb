WITH spent AS (SELECT o_custkey, sum(o_totalprice) AS total FROM orders GROUP BY o_custkey)
SELECT c_name, total
FROM spent JOIN customer ON c_custkey = o_custkey
WHERE total > (SELECT avg(total) FROM spent)

-- 4 jobs
--
-- job query-1: group by o_custkey
--   input in1     /tpch/orders.parquet (parquet)
--     map         SELECT "o_custkey", SUM("o_totalprice") AS "sum_4" FROM input GROUP BY 1
--     exchange    duckdb hash(o_custkey), 1 partition
--   reduce        SELECT "o_custkey", SUM("sum_4") AS "sum" FROM in1 GROUP BY 1
--
-- job query-2: aggregate
--   input in2     from job query-1, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-1:
--                   SELECT SUM("sum_3") AS "avg_sum", COUNT("sum_3") AS "avg_count"
--                   FROM (SELECT "sum" AS "sum_3"
--                     FROM input)
--                   HAVING COUNT(*) > 0
--     exchange    all rows to one reducer
--   reduce
--                   SELECT ROUND(CAST(SUM("avg_sum") AS DOUBLE) * 100) / (NULLIF(SUM("avg_count"), 0) * 100) AS "avg"
--                   FROM in2
--
-- job query-3: join on o_custkey_2, sum_2
--   input in3     from job query-1, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-1: SELECT "o_custkey" AS "o_custkey_2", "sum" AS "sum_2" FROM input
--     exchange    duckdb hash(o_custkey_2, sum_2), 1 partition
--   side side1    from job query-2; whole to every task
--   reduce        SELECT "o_custkey_2", "sum_2" FROM in3 JOIN side1 ON "sum_2" > "avg"
--
-- job query-4
--   input in4     /tpch/customer.parquet (parquet)
--     map         SELECT "c_name", "sum_2" AS "total" FROM input JOIN side2 ON "c_custkey" = "o_custkey_2"
--   side side2    from job query-3; whole to every task
--   output        to the caller
