SELECT
    c_count,
    count(*) AS custdist
FROM (
    SELECT
        c_custkey,
        count(o_orderkey)
    FROM
        customer
    LEFT OUTER JOIN orders ON c_custkey = o_custkey
    AND o_comment NOT LIKE '%special%requests%'
GROUP BY
    c_custkey) AS c_orders (c_custkey,
        c_count)
GROUP BY
    c_count
ORDER BY
    custdist DESC,
    c_count DESC;

-- 2 jobs
--
-- job query-1: join on c_custkey
--   input in1     /tpch/customer.parquet (parquet)
--     map         SELECT "c_custkey" FROM input
--     exchange    duckdb hash(c_custkey), 2 partitions
--   input in2     /tpch/orders.parquet (parquet)
--     map         SELECT "o_orderkey", "o_custkey" FROM input WHERE "o_comment" NOT LIKE '%special%requests%'
--     exchange    duckdb hash(o_custkey), 2 partitions
--   reduce
--                   SELECT "count", COUNT(*) AS "count_2_2"
--                   FROM (SELECT "c_custkey", COUNT("o_orderkey") AS "count"
--                     FROM in1
--                     LEFT JOIN in2 ON "c_custkey" = "o_custkey"
--                     GROUP BY 1)
--                   GROUP BY 1
--
-- job query-2: group by count
--   input in3     from job query-1, through the shuffle, nothing stored between
--     exchange    all rows to one reducer
--   reduce
--                   SELECT "count" AS "c_count", "count_2" AS "custdist"
--                   FROM (SELECT "count", CAST(COALESCE(SUM("count_2_2"), 0) AS BIGINT) AS "count_2"
--                     FROM in3
--                     GROUP BY 1
--                     ORDER BY "count_2" DESC NULLS LAST, "count" DESC NULLS LAST)
--   output        to the caller
