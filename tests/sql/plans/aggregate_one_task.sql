SELECT string_agg(l_comment ORDER BY l_orderkey) FROM lineitem

-- 1 job
--
-- job query-1: aggregate
--   input in1     /tpch/lineitem.parquet (parquet)
--     map         SELECT "l_orderkey", "l_comment" FROM input
--     exchange    all rows to one reducer
--   reduce        [single reducer: listagg over all rows]
--                   SELECT LISTAGG("l_comment", ',' ORDER BY "l_orderkey") AS "string_agg(l_comment ORDER BY l_orderkey)"
--                   FROM in1
--   output        to the caller
