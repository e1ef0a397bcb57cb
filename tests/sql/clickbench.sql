-- The 43 questions of ClickBench, in our own words: keys end each ORDER BY, so that the rows of a LIMIT are one answer.
SELECT count(*) AS hits FROM hits;
SELECT count(*) AS advertised FROM hits WHERE AdvEngineID != 0;
SELECT sum(AdvEngineID) AS engines, count(*) AS hits, avg(ResolutionWidth) AS width FROM hits;
SELECT avg(UserID) AS mean FROM hits;
SELECT count(DISTINCT UserID) AS users FROM hits;
SELECT count(DISTINCT SearchPhrase) AS phrases FROM hits;
SELECT min(EventDate) AS first, max(EventDate) AS last FROM hits;
SELECT AdvEngineID, count(*) AS n FROM hits WHERE AdvEngineID != 0 GROUP BY ALL ORDER BY n DESC, AdvEngineID;
SELECT RegionID, count(DISTINCT UserID) AS users FROM hits GROUP BY ALL ORDER BY users DESC, RegionID LIMIT 10;
SELECT RegionID, sum(AdvEngineID) AS s, count(*) AS n, avg(ResolutionWidth) AS w, count(DISTINCT UserID) AS users
FROM hits GROUP BY RegionID ORDER BY n DESC, RegionID LIMIT 10;
SELECT MobilePhoneModel AS model, count(DISTINCT UserID) AS users FROM hits WHERE model != ''
GROUP BY model ORDER BY users DESC, model LIMIT 10;
SELECT MobilePhone, MobilePhoneModel, count(DISTINCT UserID) AS users FROM hits WHERE MobilePhoneModel != ''
GROUP BY ALL ORDER BY users DESC, MobilePhone, MobilePhoneModel LIMIT 10;
SELECT SearchPhrase, count(*) AS n FROM hits WHERE SearchPhrase != '' GROUP BY ALL ORDER BY n DESC, SearchPhrase LIMIT 10;
SELECT SearchPhrase, count(DISTINCT UserID) AS users FROM hits WHERE SearchPhrase != ''
GROUP BY ALL ORDER BY users DESC, SearchPhrase LIMIT 10;
SELECT SearchEngineID, SearchPhrase, count(*) AS n FROM hits WHERE SearchPhrase != ''
GROUP BY ALL ORDER BY n DESC, SearchEngineID, SearchPhrase LIMIT 10;
SELECT UserID, count(*) AS n FROM hits GROUP BY UserID ORDER BY n DESC, UserID LIMIT 10;
SELECT UserID, SearchPhrase, count(*) AS n FROM hits GROUP BY ALL ORDER BY n DESC, UserID, SearchPhrase LIMIT 10;
SELECT count(*) AS n, UserID, SearchPhrase FROM hits GROUP BY UserID, SearchPhrase ORDER BY UserID, SearchPhrase LIMIT 10;
SELECT UserID, minute(EventTime) AS m, SearchPhrase, count(*) AS n FROM hits
GROUP BY ALL ORDER BY n DESC, UserID, m, SearchPhrase LIMIT 10;
SELECT UserID FROM hits WHERE UserID = 435090932899640449;
SELECT count(*) AS n FROM hits WHERE URL LIKE '%google%';
SELECT SearchPhrase, min(URL) AS url, count(*) AS n FROM hits WHERE URL LIKE '%google%' AND SearchPhrase != ''
GROUP BY ALL ORDER BY n DESC, SearchPhrase LIMIT 10;
SELECT SearchPhrase, min(URL) AS url, min(Title) AS title, count(*) AS n, count(DISTINCT UserID) AS users FROM hits
WHERE Title LIKE '%Google%' AND URL NOT LIKE '%.google.%' AND SearchPhrase != ''
GROUP BY ALL ORDER BY n DESC, SearchPhrase LIMIT 10;
FROM hits WHERE URL LIKE '%google%' ORDER BY EventTime, WatchID, HID, UserID LIMIT 10;
SELECT SearchPhrase FROM hits WHERE SearchPhrase != '' ORDER BY EventTime, SearchPhrase LIMIT 10;
SELECT SearchPhrase FROM hits WHERE SearchPhrase != '' ORDER BY SearchPhrase LIMIT 10;
SELECT SearchPhrase FROM hits WHERE SearchPhrase != '' ORDER BY EventTime, SearchPhrase DESC LIMIT 10;
SELECT CounterID, avg(length(URL)) AS l, count(*) AS n FROM hits WHERE URL != ''
GROUP BY CounterID HAVING n > 100 ORDER BY l DESC, CounterID LIMIT 25;
SELECT regexp_replace(Referer, '^https?://(www\.)?([^/]+)/.*$', '\2') AS host, avg(length(Referer)) AS l, count(*) AS n,
  min(Referer) AS one FROM hits WHERE Referer != '' GROUP BY host HAVING n > 100 ORDER BY l DESC, host LIMIT 25;
SELECT sum(ResolutionWidth), sum(ResolutionWidth + 1), sum(ResolutionWidth + 2), sum(ResolutionWidth + 3),
  sum(ResolutionWidth + 4), sum(ResolutionWidth + 5), sum(ResolutionWidth + 6), sum(ResolutionWidth + 7),
  sum(ResolutionWidth + 8), sum(ResolutionWidth + 9), sum(ResolutionWidth + 40), sum(ResolutionWidth + 89) FROM hits;
SELECT SearchEngineID, ClientIP, count(*) AS n, sum(IsRefresh) AS r, avg(ResolutionWidth) AS w FROM hits
WHERE SearchPhrase != '' GROUP BY ALL ORDER BY n DESC, SearchEngineID, ClientIP LIMIT 10;
SELECT WatchID, ClientIP, count(*) AS n, sum(IsRefresh) AS r, avg(ResolutionWidth) AS w FROM hits
WHERE SearchPhrase != '' GROUP BY ALL ORDER BY n DESC, WatchID, ClientIP LIMIT 10;
SELECT WatchID, ClientIP, count(*) AS n, sum(IsRefresh) AS r, avg(ResolutionWidth) AS w FROM hits
GROUP BY ALL ORDER BY n DESC, WatchID, ClientIP LIMIT 10;
SELECT URL, count(*) AS n FROM hits GROUP BY URL ORDER BY n DESC, URL LIMIT 10;
SELECT 1 AS one, URL, count(*) AS n FROM hits GROUP BY one, URL ORDER BY n DESC, URL LIMIT 10;
SELECT ClientIP, ClientIP - 1 AS a, ClientIP - 2 AS b, ClientIP - 3 AS c, count(*) AS n FROM hits
GROUP BY ALL ORDER BY n DESC, ClientIP LIMIT 10;
SELECT URL, count(*) AS views FROM hits WHERE CounterID = 62 AND EventDate BETWEEN DATE '2013-07-01' AND DATE '2013-07-31'
  AND DontCountHits = 0 AND IsRefresh = 0 AND URL != '' GROUP BY URL ORDER BY views DESC, URL LIMIT 10;
SELECT Title, count(*) AS views FROM hits WHERE CounterID = 62 AND EventDate BETWEEN DATE '2013-07-01' AND DATE '2013-07-31'
  AND DontCountHits = 0 AND IsRefresh = 0 AND Title != '' GROUP BY Title ORDER BY views DESC, Title LIMIT 10;
SELECT URL, count(*) AS views FROM hits WHERE CounterID = 62 AND EventDate BETWEEN DATE '2013-07-01' AND DATE '2013-07-31'
  AND IsRefresh = 0 AND IsLink != 0 AND IsDownload = 0 GROUP BY URL ORDER BY views DESC, URL LIMIT 10 OFFSET 100;
SELECT TraficSourceID, SearchEngineID, AdvEngineID,
  CASE WHEN SearchEngineID = 0 AND AdvEngineID = 0 THEN Referer ELSE '' END AS source, URL AS target, count(*) AS views
FROM hits WHERE CounterID = 62 AND EventDate BETWEEN DATE '2013-07-01' AND DATE '2013-07-31' AND IsRefresh = 0
GROUP BY ALL ORDER BY views DESC, TraficSourceID, SearchEngineID, AdvEngineID, source, target LIMIT 10 OFFSET 100;
SELECT URLHash, EventDate, count(*) AS views FROM hits WHERE CounterID = 62 AND EventDate <= DATE '2013-07-31'
  AND IsRefresh = 0 AND TraficSourceID IN (-1, 6) AND RefererHash = 3594120000172545465
GROUP BY ALL ORDER BY views DESC, URLHash, EventDate LIMIT 10 OFFSET 10;
SELECT WindowClientWidth AS w, WindowClientHeight AS h, count(*) AS views FROM hits WHERE CounterID = 62
  AND EventDate >= DATE '2013-07-01' AND IsRefresh = 0 AND DontCountHits = 0 AND URLHash = 2868770270353813622
GROUP BY w, h ORDER BY views DESC, w, h LIMIT 10 OFFSET 10;
SELECT date_trunc('minute', EventTime) AS m, count(*) AS views FROM hits WHERE CounterID = 62
  AND EventDate BETWEEN DATE '2013-07-14' AND DATE '2013-07-15' AND IsRefresh = 0 AND DontCountHits = 0
GROUP BY m ORDER BY m LIMIT 10 OFFSET 100;
