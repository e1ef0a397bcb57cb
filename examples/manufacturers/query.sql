-- The same as one query: gristmill sql -f examples/manufacturers/query.sql \
--   --table 'flights=data/nycflights13/flights/*.parquet' --table planes=data/nycflights13/planes.parquet
SELECT manufacturer, count(*) AS flights, avg(arr_delay) AS mean_delay
FROM flights JOIN planes ON flights.tailnum = planes.tailnum
GROUP BY manufacturer
ORDER BY flights DESC, manufacturer
