SELECT 1 + 1 AS two, DATE '2024-02-28' + INTERVAL 2 DAY AS day

-- 1 job
--
-- job query-1: constant rows
--   reduce
--                   SELECT CAST('2' AS INT) AS "two", CAST('2024-03-01 00:00:00' AS TIMESTAMP) AS "day"
--                   FROM (SELECT 1 AS "one")
--   output        to the caller
