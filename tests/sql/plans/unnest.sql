SELECT p_partkey, w
FROM part, unnest(string_split(p_name, ' ')) AS words(w)
WHERE p_size = 3

-- 1 job
--
-- job query-1
--   input in1     /tpch/part.parquet (parquet)
--     map
--                   SELECT "p_partkey", "w"
--                   FROM (SELECT "p_partkey", "p_name", "p_size", UNNEST(STRING_SPLIT("p_name", ' ')) AS "w"
--                     FROM input)
--                   WHERE "p_size" = 3
--   output        to the caller
