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

-- 1 job
--
-- job query-1: join on c_custkey
--   input in1     /tpch/customer.parquet (parquet)
--     map         SELECT "c_custkey" FROM input
--     exchange    all rows to one reducer
--   input in2     /tpch/orders.parquet (parquet)
--     map         SELECT "o_orderkey", "o_custkey" FROM input WHERE "o_comment" NOT LIKE '%special%requests%'
--     exchange    all rows to one reducer
--   reduce
--                   SELECT "count" AS "c_count", "count_2" AS "custdist"
--                   FROM (SELECT "count", COUNT(*) AS "count_2"
--                     FROM (SELECT "c_custkey", COUNT("o_orderkey") AS "count"
--                       FROM in1
--                       LEFT JOIN in2 ON "c_custkey" = "o_custkey"
--                       GROUP BY 1)
--                     GROUP BY 1
--                     ORDER BY "count_2" DESC NULLS LAST, "count" DESC NULLS LAST)
--   output        to the caller
