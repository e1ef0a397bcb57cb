"""A table of web hits with the columns of ClickBench, generated: the same rows each time, skewed as such data is."""

from pathlib import Path

import duckdb

ROWS = 20_000

_NUMBERS = {
    "SMALLINT": """
        JavaEnable GoodEvent UserAgent RefererRegionID URLRegionID ResolutionDepth FlashMajor FlashMinor
        NetMajor NetMinor UserAgentMajor CookieEnable JavascriptEnable SilverlightVersion1
        SilverlightVersion2 SilverlightVersion4 CodeVersion IsNotBounce IsOldCounter IsEvent IsParameter
        WithHash Age Sex Income Interests Robotness WindowName OpenerName HistoryLength HTTPError
        SocialSourceNetworkID ParamCurrencyID HasGCLID SilverlightVersion3""",
    "INTEGER": "HID SendTiming DNSTiming ConnectTiming ResponseStartTiming ResponseEndTiming FetchTiming RemoteIP CLID",
    "BIGINT": "WatchID FUniqID ParamPrice",
}
_TEXTS = """FlashMinor2 UserAgentMinor Params PageCharset OriginalURL HitColor BrowserLanguage BrowserCountry
    SocialNetwork SocialAction SocialSourcePage ParamOrderID ParamCurrency OpenstatServiceName OpenstatCampaignID
    OpenstatAdID OpenstatSourceID UTMSource UTMMedium UTMCampaign UTMContent UTMTerm FromTag"""

_WORTH_A_FORMULA = """
    CASE WHEN r % 4 = 0 THEN '' ELSE 'Title ' || r % 300 || CASE WHEN r % 17 = 0 THEN ' at Google' ELSE '' END END
        AS Title,
    TIMESTAMP '2013-07-01' + INTERVAL (i * 131 % 2678400) SECOND AS EventTime,
    (TIMESTAMP '2013-07-01' + INTERVAL (i * 131 % 2678400) SECOND)::DATE AS EventDate,
    TIMESTAMP '2013-07-01' + INTERVAL (i * 137 % 2678400) SECOND AS ClientEventTime,
    TIMESTAMP '2013-07-01' + INTERVAL (i * 139 % 2678400) SECOND AS LocalEventTime,
    CASE WHEN r % 3 = 0 THEN 62 ELSE r % 40 END::INTEGER AS CounterID,
    (r % 5000 * 65537)::INTEGER AS ClientIP,
    (r % 25)::INTEGER AS RegionID,
    CASE WHEN r % 50 = 0 THEN 435090932899640449 ELSE r % 3000 * 1000003 END::BIGINT AS UserID,
    (r % 2)::TINYINT AS CounterClass,
    (r % 7)::SMALLINT AS OS,
    'http://' || CASE WHEN r % 29 = 0 THEN 'www.google.com' ELSE 'site' || r % 90 || '.example' END
        || '/page/' || r % 800 AS URL,
    CASE WHEN r % 5 = 0 THEN ''
         ELSE 'https://' || ['www.', ''][r % 2 + 1] || 'from' || r % 60 || '.example/a/' || r % 9 END AS Referer,
    (r % 11 = 0)::SMALLINT AS IsRefresh,
    (r % 12)::SMALLINT AS RefererCategoryID,
    (r % 14)::SMALLINT AS URLCategoryID,
    (640 + r % 8 * 160)::SMALLINT AS ResolutionWidth,
    (480 + r % 6 * 120)::SMALLINT AS ResolutionHeight,
    (r % 6 = 0)::SMALLINT AS IsMobile,
    CASE WHEN r % 6 = 0 THEN r % 5 ELSE 0 END::SMALLINT AS MobilePhone,
    CASE WHEN r % 6 = 0 THEN 'model ' || r % 35 ELSE '' END AS MobilePhoneModel,
    (r % 900)::INTEGER AS IPNetworkID,
    (r % 10 - 1)::SMALLINT AS TraficSourceID,
    CASE WHEN r % 3 = 0 THEN r % 6 ELSE 0 END::SMALLINT AS SearchEngineID,
    CASE WHEN r % 3 = 0 THEN 'phrase ' || r % 450 ELSE '' END AS SearchPhrase,
    CASE WHEN r % 13 = 0 THEN r % 20 ELSE 0 END::SMALLINT AS AdvEngineID,
    0::SMALLINT AS IsArtifical,
    (1000 + r % 9 * 10)::SMALLINT AS WindowClientWidth,
    (600 + r % 7 * 10)::SMALLINT AS WindowClientHeight,
    (r % 24 * 60 - 720)::SMALLINT AS ClientTimeZone,
    (r % 8 = 0)::SMALLINT AS IsLink,
    (r % 40 = 0)::SMALLINT AS IsDownload,
    (r % 31 = 0)::SMALLINT AS DontCountHits,
    CASE WHEN r % 9 = 0 THEN 3594120000172545465 ELSE hash(r % 60)::BIT::UBIGINT >> 2 END::BIGINT AS RefererHash,
    CASE WHEN r % 5 = 0 THEN 2868770270353813622 ELSE hash(r % 800)::BIT::UBIGINT >> 2 END::BIGINT AS URLHash
"""


def write_hits(path: Path, rows: int = ROWS) -> None:
    """The table as one Parquet file of several row groups."""
    numbers = [f"(r * {7 + at} % {11 + at * 3})::{kind} AS {name}" for at, (kind, name) in enumerate(_named(_NUMBERS))]
    texts = [
        f"CASE WHEN r % {3 + at} = 0 THEN '' ELSE '{name} ' || r % {5 + at * 4} END AS {name}"
        for at, name in enumerate(_TEXTS.split())
    ]
    columns = ", ".join([_WORTH_A_FORMULA, *numbers, *texts])
    scrambled = f"SELECT i, (i * 7919 + i * i % 104729) % 1000003 AS r FROM range({rows}) t(i)"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT {columns} FROM ({scrambled})) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 4096)"
        )


def _named(kinds: dict[str, str]) -> list[tuple[str, str]]:
    return [(kind, name) for kind, names in kinds.items() for name in names.split()]
