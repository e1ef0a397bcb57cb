"""Fields that manifests of several kinds share: files to read, outputs, stores, metadata.

A table like ``manifest_fields``, which builds on it; so does ``resource_fields``.
"""

from __future__ import annotations

from gristmill.plan.fields import Field, Form, Kind, Record

API_VERSION = "gristmill.dev/v1alpha1"

COLUMN = Record(
    "column",
    (
        Field("name", Kind.TEXT, "Name of the column.", "price", required=True),
        Field("type", Kind.TEXT, "Logical type, in DuckDB's spelling.", "DECIMAL(15,2)", required=True),
    ),
)
SCHEMA = Field(
    "schema",
    Kind.RECORDS,
    "The columns, in order, where they are declared and not inferred.",
    "[{name: price, type: DOUBLE}]",
    default="inferred",
    record=COLUMN,
    named_by="name",
    most=500,
)

CSV = Record(
    "csv",
    (
        Field("header", Kind.BOOLEAN, "The first line of each file names the columns.", "false", "true"),
        Field("delimiter", Kind.TEXT, "One character between values.", '";"', '","', form=Form.CHARACTER),
        Field(
            "quote", Kind.TEXT, "The character around quoted values; empty: none.", '"\'"', "'\"'", form=Form.CHARACTER
        ),
        Field("nullText", Kind.TEXT, "The text that means NULL.", '"NA"', '""'),
        Field("newlines", Kind.BOOLEAN, "Quoted values may hold line breaks.", "false", "true"),
    ),
)

FORMATS = ("text", "parquet", "csv", "json", "arrow", "pairs")
FILES = (
    Field(
        "uri",
        Kind.TEXT,
        "Files to read: a path or URI; globs, folders and Hive-style partition folders.",
        '"s3://books/*.txt"',
        form=Form.READ_URI,
    ),
    Field(
        "uris",
        Kind.TEXTS,
        "The same for several, read in this order.",
        "[a.parquet, b.parquet]",
        form=Form.READ_URI,
        most=256,
    ),
    Field(
        "format",
        Kind.TEXT,
        "Format of the files. `text` gives a record per line, `json` reads JSON lines, `pairs` what a job of pairs "
        "wrote. Required with `uri` and `uris`.",
        "parquet",
        choices=FORMATS,
    ),
    Field("whole", Kind.BOOLEAN, "A text file is one record, not one for each line.", "true", "false"),
    Field("csv", Kind.RECORD, "How CSV files are written.", "{header: false}", record=CSV),
    SCHEMA,
    Field("hive", Kind.BOOLEAN, "Folders named `name=value` become columns.", "false", "true"),
    Field(
        "unify",
        Kind.BOOLEAN,
        "Files may differ: missing columns read as NULL, numeric types widen.",
        "true",
        "false",
    ),
    Field(
        "splitSize",
        Kind.SIZE,
        "Wanted size of a split, the part that one map task reads.",
        "64MiB",
        "from the size of the input",
    ),
)

OUTPUT = Record(
    "output",
    (
        Field(
            "uri",
            Kind.TEXT,
            "The folder that gets one part for each partition.",
            '"s3://out/"',
            required=True,
            form=Form.WRITE_URI,
        ),
        Field("format", Kind.TEXT, "Format of the parts.", "csv", "parquet", choices=FORMATS),
        Field(
            "mode",
            Kind.TEXT,
            "What to do when a result is already there.",
            "overwrite",
            "error",
            choices=("error", "overwrite", "append"),
        ),
        Field(
            "compression",
            Kind.TEXT,
            "A codec of the format, or `none`. Parquet: zstd, snappy, lz4, gzip, brotli; Arrow: lz4, zstd; "
            "text, CSV and JSON: gzip, bz2, zstd, xz, lz4, brotli.",
            "zstd",
            "zstd for Parquet, else none",
        ),
        Field("partitionBy", Kind.TEXTS, "Columns that become Hive-style folders.", "[year]", "none", unique=True),
    ),
)

SECRET_REF = Record(
    "secretRef", (Field("name", Kind.TEXT, "Name of the Secret.", "s3-keys", required=True, form=Form.NAME),)
)
STORE = Record(
    "store",
    (
        Field("prefix", Kind.TEXT, "URIs that start so are reached this way.", '"s3://shop/"', required=True),
        Field("endpoint", Kind.TEXT, "URL of the service.", '"http://minio:9000"', "the provider's", form=Form.URL),
        Field("region", Kind.TEXT, "Region of the bucket.", "eu-west-1", "from the environment"),
        Field("pathStyle", Kind.BOOLEAN, "The bucket stands in the path, not in the host name.", "true", "false"),
        Field("anonymous", Kind.BOOLEAN, "Requests are not signed.", "true", "false"),
        Field(
            "secretRef",
            Kind.RECORD,
            "The Secret with the credentials; outside a cluster they come from the environment.",
            "{name: s3-keys}",
            record=SECRET_REF,
            cluster=True,
        ),
    ),
)


def stores(default: str) -> Field:
    """The field that says how buckets are reached; ``default`` tells where that comes from when it is left out."""
    return Field(
        "stores",
        Kind.RECORDS,
        "How buckets are reached.",
        '[{prefix: "s3://"}]',
        default,
        record=STORE,
        named_by="prefix",
    )


_SERVER_FIELDS = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "managedFields",
    "ownerReferences",
    "finalizers",
    "selfLink",
    "generateName",
    "deletionGracePeriodSeconds",
)


def document(kind: str, noun: str, name: str, spec: Record, spec_example: str) -> Record:
    """The root of a manifest of ``kind``; ``noun`` is what its fields call it, ``name`` an example of one."""
    metadata = Record(
        "metadata",
        (
            Field(
                "name", Kind.TEXT, f"Name of the {noun}: lower-case letters, digits and dashes.", name, required=True
            ),
            Field("namespace", Kind.TEXT, f"Namespace of the {noun}.", "analytics", "the current one", cluster=True),
            Field("labels", Kind.TEXT_MAP, f"Labels of the {noun} and its pods.", "{team: search}", "none"),
            Field("annotations", Kind.TEXT_MAP, f"Annotations of the {noun}.", "{owner: ada}", "none", cluster=True),
            *(Field(field, Kind.OPAQUE, "Set by the API server; read over.", cluster=True) for field in _SERVER_FIELDS),
        ),
    )
    return Record(
        "manifest",
        (
            Field("apiVersion", Kind.TEXT, f"`{API_VERSION}`.", API_VERSION, required=True, choices=(API_VERSION,)),
            Field("kind", Kind.TEXT, f"`{kind}`.", kind, required=True, choices=(kind,)),
            Field("metadata", Kind.RECORD, f"Who the {noun} is.", f"{{name: {name}}}", required=True, record=metadata),
            Field("spec", Kind.RECORD, f"What the {noun} does.", spec_example, required=True, record=spec),
            Field("status", Kind.OPAQUE, "Written by the operator; read over.", cluster=True),
        ),
    )
