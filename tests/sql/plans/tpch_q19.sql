SELECT
    sum(l_extendedprice * (1 - l_discount)) AS revenue
FROM
    lineitem,
    part
WHERE (p_partkey = l_partkey
    AND p_brand = 'Brand#12'
    AND p_container IN ('SM CASE', 'SM BOX', 'SM PACK', 'SM PKG')
    AND l_quantity >= 1
    AND l_quantity <= 1 + 10
    AND p_size BETWEEN 1 AND 5
    AND l_shipmode IN ('AIR', 'AIR REG')
    AND l_shipinstruct = 'DELIVER IN PERSON')
    OR (p_partkey = l_partkey
        AND p_brand = 'Brand#23'
        AND p_container IN ('MED BAG', 'MED BOX', 'MED PKG', 'MED PACK')
        AND l_quantity >= 10
        AND l_quantity <= 10 + 10
        AND p_size BETWEEN 1 AND 10
        AND l_shipmode IN ('AIR', 'AIR REG')
        AND l_shipinstruct = 'DELIVER IN PERSON')
    OR (p_partkey = l_partkey
        AND p_brand = 'Brand#34'
        AND p_container IN ('LG CASE', 'LG BOX', 'LG PACK', 'LG PKG')
        AND l_quantity >= 20
        AND l_quantity <= 20 + 10
        AND p_size BETWEEN 1 AND 15
        AND l_shipmode IN ('AIR', 'AIR REG')
        AND l_shipinstruct = 'DELIVER IN PERSON');

-- 1 job
--
-- job query-1: aggregate
--   input in1     /tpch/lineitem.parquet (parquet)
--     map
--                   SELECT SUM("l_extendedprice" * (1 - "l_discount")) AS "sum_2"
--                   FROM (SELECT "l_partkey", "l_quantity", "l_extendedprice", "l_discount", "l_shipinstruct",
--                     "l_shipmode"
--                     FROM input
--                     WHERE "l_shipmode" IN ('AIR', 'AIR REG') AND "l_shipinstruct" = 'DELIVER IN PERSON' AND
--                       (("l_quantity" >= 1 AND "l_quantity" <= CAST('11' AS INT)) OR ("l_quantity" >= 10 AND "l_quantity"
--                       <= CAST('20' AS INT)) OR ("l_quantity" >= 20 AND "l_quantity" <= CAST('30' AS INT))))
--                   JOIN (SELECT "p_partkey", "p_brand", "p_size", "p_container"
--                     FROM side1
--                     WHERE (("p_brand" = 'Brand#12' AND "p_container" IN ('SM CASE', 'SM BOX', 'SM PACK', 'SM PKG') AND
--                       "p_size" BETWEEN 1 AND 5) OR ("p_brand" = 'Brand#23' AND "p_container" IN ('MED BAG', 'MED BOX',
--                       'MED PKG', 'MED PACK') AND "p_size" BETWEEN 1 AND 10) OR ("p_brand" = 'Brand#34' AND "p_container"
--                       IN ('LG CASE', 'LG BOX', 'LG PACK', 'LG PKG') AND "p_size" BETWEEN 1 AND 15))) ON "p_partkey" =
--                       "l_partkey" AND (("p_brand" = 'Brand#12' AND "p_container" IN ('SM CASE', 'SM BOX', 'SM PACK', 'SM
--                       PKG') AND "l_quantity" >= 1 AND "l_quantity" <= CAST('11' AS INT) AND "p_size" BETWEEN 1 AND 5) OR
--                       ("p_brand" = 'Brand#23' AND "p_container" IN ('MED BAG', 'MED BOX', 'MED PKG', 'MED PACK') AND
--                       "l_quantity" >= 10 AND "l_quantity" <= CAST('20' AS INT) AND "p_size" BETWEEN 1 AND 10) OR
--                       ("p_brand" = 'Brand#34' AND "p_container" IN ('LG CASE', 'LG BOX', 'LG PACK', 'LG PKG') AND
--                       "l_quantity" >= 20 AND "l_quantity" <= CAST('30' AS INT) AND "p_size" BETWEEN 1 AND 15))
--                   HAVING COUNT(*) > 0
--     exchange    all rows to one reducer
--   side side1    /tpch/part.parquet (parquet); whole to every task
--   reduce        SELECT SUM("sum_2") AS "revenue" FROM in1
--   output        to the caller
