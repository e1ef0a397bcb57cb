SELECT
    s_acctbal,
    s_name,
    n_name,
    p_partkey,
    p_mfgr,
    s_address,
    s_phone,
    s_comment
FROM
    part,
    supplier,
    partsupp,
    nation,
    region
WHERE
    p_partkey = ps_partkey
    AND s_suppkey = ps_suppkey
    AND p_size = 15
    AND p_type LIKE '%BRASS'
    AND s_nationkey = n_nationkey
    AND n_regionkey = r_regionkey
    AND r_name = 'EUROPE'
    AND ps_supplycost = (
        SELECT
            min(ps_supplycost)
        FROM
            partsupp,
            supplier,
            nation,
            region
        WHERE
            p_partkey = ps_partkey
            AND s_suppkey = ps_suppkey
            AND s_nationkey = n_nationkey
            AND n_regionkey = r_regionkey
            AND r_name = 'EUROPE')
ORDER BY
    s_acctbal DESC,
    n_name,
    s_name,
    p_partkey
LIMIT 100;

-- 4 jobs
--
-- job query-1: shared keys 1
--   input in1     /tpch/part.parquet (parquet)
--     map         SELECT "p_partkey", "p_mfgr" FROM input WHERE "p_size" = 15 AND "p_type" LIKE '%BRASS'
--
-- job query-2: broadcast: about 16 KiB
--   input in2     from job query-1, in its tasks, nothing stored between
--     map         at the end of the tasks of query-1: SELECT "p_partkey" AS "p_partkey_2_2" FROM input
--
-- job query-3: shared rows 2
--   input in3     /tpch/partsupp.parquet (parquet)
--     map
--                   SELECT "ps_partkey_3", "ps_suppkey_3", "ps_supplycost_3"
--                   FROM (SELECT "ps_partkey" AS "ps_partkey_3", "ps_suppkey" AS "ps_suppkey_3", "ps_supplycost" AS
--                     "ps_supplycost_3"
--                     FROM input)
--                   SEMI JOIN side1 ON "ps_partkey_3" = "p_partkey_2_2"
--   side side1    from job query-2; whole to every task
--
-- job query-4: join, group by ps_partkey_2
--   input in4     from job query-3, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-3:
--                   SELECT "ps_partkey_2", MIN("ps_supplycost_2") AS "min_2"
--                   FROM (SELECT "ps_partkey_3" AS "ps_partkey_2", "ps_suppkey_3" AS "ps_suppkey_2", "ps_supplycost_3" AS
--                     "ps_supplycost_2"
--                     FROM input)
--                   JOIN (WITH input AS (FROM side5) SELECT "s_suppkey_2"
--                     FROM (SELECT "s_suppkey" AS "s_suppkey_2", "s_nationkey" AS "s_nationkey_2"
--                       FROM input)
--                     JOIN (WITH input AS (FROM side4) SELECT "n_nationkey_2"
--                       FROM (SELECT "n_nationkey" AS "n_nationkey_2", "n_regionkey" AS "n_regionkey_2"
--                         FROM input)
--                       JOIN (WITH input AS (FROM side3) SELECT "r_regionkey_2"
--                         FROM (SELECT "r_regionkey" AS "r_regionkey_2", "r_name" AS "r_name_2"
--                           FROM input)
--                         WHERE "r_name_2" = 'EUROPE') ON "n_regionkey_2" = "r_regionkey_2") ON "s_nationkey_2" =
--                           "n_nationkey_2") ON "s_suppkey_2" = "ps_suppkey_2"
--                   GROUP BY 1
--     exchange    all rows to one reducer
--   input in5     from job query-1, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-1: SELECT "p_partkey", "p_mfgr" FROM input
--     exchange    all rows to one reducer
--   input in6     from job query-3, through the shuffle, nothing stored between
--     map         at the end of the tasks of query-3:
--                   SELECT "ps_partkey_3" AS "ps_partkey", "ps_suppkey_3" AS "ps_suppkey", "ps_supplycost_3" AS
--                     "ps_supplycost"
--                   FROM input
--     exchange    all rows to one reducer
--   side side5    /tpch/supplier.parquet (parquet); whole to every task
--   side side4    /tpch/nation.parquet (parquet); whole to every task
--   side side3    /tpch/region.parquet (parquet); whole to every task
--   side side6    /tpch/supplier.parquet (parquet); whole to every task
--   side side7    /tpch/nation.parquet (parquet); whole to every task
--   side side2    /tpch/region.parquet (parquet); whole to every task
--   reduce
--                   SELECT "s_acctbal", "s_name", "n_name", "p_partkey", "p_mfgr", "s_address", "s_phone", "s_comment"
--                   FROM in6
--                   JOIN in5
--                   JOIN (SELECT "ps_partkey_2", MIN("min_2") AS "min"
--                     FROM in4
--                     GROUP BY 1) ON "ps_partkey_2" = "p_partkey" ON "ps_supplycost" = "min" AND "p_partkey" =
--                       "ps_partkey"
--                   JOIN side6 ON "s_suppkey" = "ps_suppkey"
--                   JOIN (WITH input AS (FROM side7) SELECT "n_nationkey", "n_name"
--                     FROM input
--                     JOIN (SELECT "r_regionkey"
--                       FROM side2
--                       WHERE "r_name" = 'EUROPE') ON "n_regionkey" = "r_regionkey") ON "s_nationkey" = "n_nationkey"
--                   ORDER BY "s_acctbal" DESC NULLS LAST, "n_name" ASC NULLS LAST, "s_name" ASC NULLS LAST, "p_partkey"
--                     ASC NULLS LAST
--                   LIMIT 100
--   output        to the caller
