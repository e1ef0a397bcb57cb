SELECT l_returnflag, stddev(l_quantity), arg_max(l_orderkey, l_extendedprice)
FROM lineitem
GROUP BY l_returnflag

-- 1 job
--
-- job query-1: group by l_returnflag
--   input in1     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT "l_returnflag", COUNT("l_quantity") AS "stddev_n", CAST(AVG("l_quantity") AS DOUBLE) AS
--                     "stddev_mean", VAR_POP("l_quantity") * COUNT("l_quantity") AS "stddev_square", ARG_MAX("l_orderkey",
--                     "l_extendedprice") AS "argmax_2", MAX("l_extendedprice") FILTER(WHERE NOT "l_orderkey" IS NULL) AS
--                     "argmax_by"
--                   FROM input
--                   GROUP BY 1
--     exchange    duckdb hash(l_returnflag), 2 partitions
--   reduce
--                   SELECT "l_returnflag", CASE WHEN STRUCT_EXTRACT(LIST_REDUCE(ARRAY_AGG({'n': CAST("stddev_n" AS
--                     DOUBLE), 'm': "stddev_mean", 's': "stddev_square"}) FILTER(WHERE "stddev_n" > 0), LAMBDA one_, two_
--                     : {'n': one_.n + two_.n, 'm': one_.m + (two_.m - one_.m) * two_.n / (one_.n + two_.n), 's': one_.s +
--                     two_.s + (two_.m - one_.m) * (two_.m - one_.m) * one_.n * two_.n / (one_.n + two_.n)}), 'n') > 1
--                     THEN SQRT(STRUCT_EXTRACT(LIST_REDUCE(ARRAY_AGG({'n': CAST("stddev_n" AS DOUBLE), 'm': "stddev_mean",
--                     's': "stddev_square"}) FILTER(WHERE "stddev_n" > 0), LAMBDA one_, two_ : {'n': one_.n + two_.n, 'm':
--                     one_.m + (two_.m - one_.m) * two_.n / (one_.n + two_.n), 's': one_.s + two_.s + (two_.m - one_.m) *
--                     (two_.m - one_.m) * one_.n * two_.n / (one_.n + two_.n)}), 's') /
--                     (STRUCT_EXTRACT(LIST_REDUCE(ARRAY_AGG({'n': CAST("stddev_n" AS DOUBLE), 'm': "stddev_mean", 's':
--                     "stddev_square"}) FILTER(WHERE "stddev_n" > 0), LAMBDA one_, two_ : {'n': one_.n + two_.n, 'm':
--                     one_.m + (two_.m - one_.m) * two_.n / (one_.n + two_.n), 's': one_.s + two_.s + (two_.m - one_.m) *
--                     (two_.m - one_.m) * one_.n * two_.n / (one_.n + two_.n)}), 'n') - 1)) END AS "stddev(l_quantity)",
--                     ARG_MAX("argmax_2", "argmax_by") AS "arg_max(l_orderkey, l_extendedprice)"
--                   FROM in1
--                   GROUP BY 1
--   output        to the caller
