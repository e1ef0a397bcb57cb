SELECT
    p_brand,
    p_type,
    p_size,
    count(DISTINCT ps_suppkey) AS supplier_cnt
FROM
    partsupp,
    part
WHERE
    p_partkey = ps_partkey
    AND p_brand <> 'Brand#45'
    AND p_type NOT LIKE 'MEDIUM POLISHED%'
    AND p_size IN (49, 14, 23, 45, 19, 3, 36, 9)
    AND ps_suppkey NOT IN (
        SELECT
            s_suppkey
        FROM
            supplier
        WHERE
            s_comment LIKE '%Customer%Complaints%')
GROUP BY
    p_brand,
    p_type,
    p_size
ORDER BY
    supplier_cnt DESC,
    p_brand,
    p_type,
    p_size;

-- 4 jobs
--
-- job query-1: shared not_in
--   input in1     /tpch/supplier.parquet (parquet)
--     map         SELECT "s_suppkey" FROM input WHERE "s_comment" LIKE '%Customer%Complaints%'
--
-- job query-2: broadcast: about 8 KiB
--   input in2     from job query-1, in its tasks, nothing stored between
--     map         at the end of the tasks of query-1: SELECT "s_suppkey" AS "s_suppkey_2" FROM input
--
-- job query-3: aggregate
--   input in3     from job query-1, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-1:
--                   SELECT COUNT(*) AS "rows_2", COUNT("s_suppkey_3") AS "not_null_2"
--                   FROM (SELECT "s_suppkey" AS "s_suppkey_3"
--                     FROM input)
--                   HAVING COUNT(*) > 0
--     exchange    all rows to one reducer
--   reduce
--                   SELECT "rows", "not_null"
--                   FROM (SELECT CAST(COALESCE(SUM("rows_2"), 0) AS BIGINT) AS "rows", CAST(COALESCE(SUM("not_null_2"), 0)
--                     AS BIGINT) AS "not_null"
--                     FROM in3)
--                   WHERE ("rows" = 0 OR "rows" = "not_null")
--
-- job query-4: group by p_brand, p_type, p_size
--   input in4     /tpch/partsupp.parquet (parquet)
--     map
--                   SELECT "p_brand", "p_type", "p_size", "ps_suppkey"
--                   FROM input
--                   JOIN (SELECT "p_partkey", "p_brand", "p_type", "p_size"
--                     FROM side1
--                     WHERE "p_brand" <> 'Brand#45' AND "p_type" NOT LIKE 'MEDIUM POLISHED%' AND "p_size" IN (49, 14, 23,
--                       45, 19, 3, 36, 9)) ON "p_partkey" = "ps_partkey"
--                   ANTI JOIN side2 ON "ps_suppkey" = "s_suppkey_2"
--                   JOIN side3 ON ("rows" = 0 OR (NOT "ps_suppkey" IS NULL AND "rows" = "not_null"))
--                   GROUP BY 1, 2, 3, 4
--     exchange    all rows to one reducer
--   side side1    /tpch/part.parquet (parquet); whole to every task
--   side side2    from job query-2; whole to every task
--   side side3    from job query-3; whole to every task
--   reduce
--                   SELECT "p_brand", "p_type", "p_size", "count" AS "supplier_cnt"
--                   FROM (SELECT "p_brand", "p_type", "p_size", COUNT(DISTINCT "ps_suppkey") AS "count"
--                     FROM in4
--                     GROUP BY 1, 2, 3
--                     ORDER BY "count" DESC NULLS LAST, "p_brand" ASC NULLS LAST, "p_type" ASC NULLS LAST, "p_size" ASC
--                       NULLS LAST)
--   output        to the caller
