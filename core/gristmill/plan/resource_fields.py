"""Every field of SQLQuery and WorkerPool, as tables like that of ``manifest_fields``.

The loader checks resources against them, docs/manifest.md is compared with them, and the CRDs are made from them.
"""

from __future__ import annotations

from gristmill.plan.cluster_fields import IN_A_POOL, WORKERS_OF_A_POOL
from gristmill.plan.fields import Field, Form, Kind, Record
from gristmill.plan.shared_fields import FILES, OUTPUT, document, stores

QUERY_KIND = "SQLQuery"
POOL_KIND = "WorkerPool"

_OF_A_TABLE = ("uri", "uris", "format", "csv", "schema", "hive", "unify", "splitSize")
_TABLE_FORMAT = Field(
    "format",
    Kind.TEXT,
    "Format of the files.",
    "parquet",
    "as the suffix says; Parquet for folders",
    choices=("parquet", "csv", "json", "arrow"),
)
TABLE = Record(
    "table",
    tuple(_TABLE_FORMAT if field.name == "format" else field for field in FILES if field.name in _OF_A_TABLE),
    exactly_one=(("uri", "uris"),),
)
DIALECTS = (
    "athena",
    "bigquery",
    "clickhouse",
    "databricks",
    "doris",
    "dremio",
    "drill",
    "druid",
    "duckdb",
    "dune",
    "exasol",
    "fabric",
    "hive",
    "materialize",
    "mysql",
    "oracle",
    "postgres",
    "presto",
    "prql",
    "redshift",
    "risingwave",
    "snowflake",
    "solr",
    "spark",
    "spark2",
    "sqlite",
    "starrocks",
    "tableau",
    "teradata",
    "trino",
    "tsql",
)
QUERY_SPEC = Record(
    "spec",
    (
        Field(
            "sql",
            Kind.TEXT,
            "The query: one SELECT, WITH or VALUES.",
            "SELECT count(*) FROM orders",
            required=True,
            form=Form.SQL,
            most=131_072,
        ),
        Field("dialect", Kind.TEXT, "SQL dialect of the query.", "spark", "duckdb", choices=DIALECTS),
        Field(
            "params",
            Kind.TEXTS,
            "Values of `?`, `$1` or, written as NAME=VALUE, `$NAME`: as `gristmill sql --param` takes them. Numbers, "
            "true, false and null are what they say; a text that looks like one stands in double quotes.",
            '["2024-01-01", "5"]',
            "none",
        ),
        Field(
            "tables",
            Kind.RECORD_MAP,
            "The tables of the query, by name.",
            '{orders: {uri: "s3://shop/orders/*.parquet"}}',
            "paths in FROM",
            record=TABLE,
            form=Form.IDENTIFIER,
            most=64,
        ),
        stores("environment"),
        Field("output", Kind.RECORD, "Where the rows go.", '{uri: "s3://out/"}', "a result in scratch", record=OUTPUT),
        Field(
            "scratch",
            Kind.TEXT,
            "Where the query keeps journal and logs.",
            '"s3://tmp/"',
            "`<output>/_gristmill/`",
            form=Form.WRITE_URI,
        ),
        Field(
            "partitions",
            Kind.INTEGER,
            "Reducers of each shuffle.",
            "8",
            "from the size of the tables",
            minimum=1,
        ),
        Field(
            "forceDistributed",
            Kind.BOOLEAN,
            "Spread it over the pool even where the lead alone would do.",
            "true",
            "false",
        ),
        Field("deadline", Kind.DURATION, "How long the query may take.", "2h", "no limit", changes=True),
        *IN_A_POOL,
    ),
)
QUERY = document(QUERY_KIND, "query", "revenue", QUERY_SPEC, "{sql: SELECT 1}")

POOL_SPEC = Record(
    "spec",
    (
        Field(
            "min",
            Kind.INTEGER,
            "So many pods are kept even when there is nothing to do; the first is the lead. 0: none.",
            "1",
            "0",
            minimum=0,
        ),
        Field("max", Kind.INTEGER, "At most so many pods, the lead among them.", "8", "4", minimum=1),
        Field("idle", Kind.DURATION, "How long a pod above `min` may have nothing to do.", "10m", "5m"),
        Field("image", Kind.TEXT, "The worker image.", "registry/image:tag", "the chart's"),
        stores("the chart's"),
        Field(
            "scratch",
            Kind.TEXT,
            "Scratch of jobs that name none.",
            '"s3://tmp/"',
            "`<output>/_gristmill/`",
            form=Form.WRITE_URI,
        ),
        Field(
            "claims",
            Kind.TEXTS,
            "PersistentVolumeClaims that jobs of the pool read as `pvc://CLAIM/path`.",
            "[reference-data]",
            "none",
            unique=True,
            form=Form.NAME,
        ),
        *WORKERS_OF_A_POOL,
    ),
)
POOL = document(POOL_KIND, "pool", "nightly", POOL_SPEC, "{max: 8}")
