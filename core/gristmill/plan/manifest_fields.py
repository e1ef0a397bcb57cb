"""Every field of a MapReduceJob manifest, as a table: the one source of its names, types, defaults and meaning.

The loader checks manifests against it, docs/manifest.md is compared with it, and the CRD is made from it. It must
not know plan types: how a field becomes part of a plan is ``manifest_load``'s business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

API_VERSION = "gristmill.dev/v1alpha1"
KIND = "MapReduceJob"


class Kind(StrEnum):
    """What a field holds."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DURATION = "duration"
    """Text such as ``30s`` or ``1h30m``."""
    SIZE = "size"
    """Text such as ``64MiB``, or a number of bytes."""
    TEXTS = "list of text"
    TEXT_MAP = "map of text"
    RECORD = "object"
    RECORDS = "list of objects"
    RECORD_MAP = "map of objects"
    OPAQUE = "any"
    """Kubernetes' own; read over."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field. With ``choices`` its text is one of them; a RECORD with choices may be such a text instead.

    ``default`` is how the documentation shows it, ``example`` a YAML value; ``record`` is what objects look like;
    ``cluster``: only a cluster heeds it.
    """

    name: str
    kind: Kind
    doc: str
    example: str = ""
    default: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    record: Record | None = None
    cluster: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """An object: its fields and what holds between them.

    ``exactly_one`` and ``at_most_one`` are groups of names; of a pair in ``needs`` the first wants the second.
    """

    name: str
    fields: tuple[Field, ...]
    exactly_one: tuple[tuple[str, ...], ...] = ()
    at_most_one: tuple[tuple[str, ...], ...] = ()
    needs: tuple[tuple[str, str], ...] = ()

    def field(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return next((field for field in self.fields if field.name == name), None)


COLUMN = Record(
    "column",
    (
        Field("name", Kind.TEXT, "Name of the column.", "price", required=True),
        Field("type", Kind.TEXT, "Logical type, in DuckDB's spelling.", "DECIMAL(15,2)", required=True),
    ),
)
_SCHEMA = Field(
    "schema",
    Kind.RECORDS,
    "The columns, in order, where they are declared and not inferred.",
    "[{name: price, type: DOUBLE}]",
    default="inferred",
    record=COLUMN,
)

FRAGMENT = Record(
    "fragment",
    (
        Field("python", Kind.TEXT, "A function of the job's code, as `module:function`.", '"wordcount:words"'),
        Field("sql", Kind.TEXT, "One SELECT in DuckDB's dialect over the named inputs.", "SELECT k, v FROM input"),
        Field("command", Kind.TEXTS, "A program that gets and gives JSON lines.", '["./mapper", "-v"]'),
        Field("rows", Kind.BOOLEAN, "The Python function yields dicts (rows), not pairs.", "true", "false"),
        Field("batches", Kind.BOOLEAN, "The Python function takes and gives Arrow record batches.", "true", "false"),
        _SCHEMA,
    ),
    exactly_one=(("python", "sql", "command"),),
    at_most_one=(("rows", "batches"), ("sql", "schema")),
    needs=(("rows", "python"), ("batches", "python")),
)

CSV = Record(
    "csv",
    (
        Field("header", Kind.BOOLEAN, "The first line of each file names the columns.", "false", "true"),
        Field("delimiter", Kind.TEXT, "One character between values.", '";"', '","'),
        Field("quote", Kind.TEXT, "The character around quoted values; empty: none.", '"\'"', "'\"'"),
        Field("nullText", Kind.TEXT, "The text that means NULL.", '"NA"', '""'),
        Field("newlines", Kind.BOOLEAN, "Quoted values may hold line breaks.", "false", "true"),
    ),
)

FORMATS = ("text", "parquet", "csv", "json", "arrow", "pairs")
_SOURCE = (
    Field(
        "uri",
        Kind.TEXT,
        "Files to read: a path or URI; globs, folders and Hive-style partition folders.",
        '"s3://books/*.txt"',
    ),
    Field("uris", Kind.TEXTS, "The same for several, read in this order.", "[a.parquet, b.parquet]"),
    Field("fromJob", Kind.TEXT, "Read the rows of this other job of the chain instead of files.", "wordcount"),
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
    _SCHEMA,
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


def _reading(name: str, *fields: Field) -> Record:
    """A record that says, besides other things, where rows come from."""
    of_files = ("format", "whole", "csv", "schema", "hive", "unify", "splitSize")
    return Record(
        name,
        fields,
        exactly_one=(("uri", "uris", "fromJob"),),
        at_most_one=tuple(("fromJob", other) for other in of_files),
        needs=(("uri", "format"), ("uris", "format")),
    )


INPUT = _reading(
    "input",
    Field("name", Kind.TEXT, "The name under which fragments see the rows.", "books", "input"),
    *_SOURCE,
    Field("map", Kind.RECORD, "This input's own map.", '{sql: "SELECT k FROM input"}', "`spec.map`", record=FRAGMENT),
    Field(
        "key",
        Kind.TEXTS,
        "Columns, of what the map gives, that partition and group.",
        "[orderkey]",
        "`[key]` for pairs",
    ),
    Field(
        "exchange",
        Kind.TEXT,
        "How this input's rows reach the reducers; `broadcast` sends all of them to every one.",
        "broadcast",
        "`spec.partition`",
        choices=("hash", "range", "broadcast", "single", "forward", "custom"),
    ),
    Field("note", Kind.TEXT, "A word for EXPLAIN on why the input goes that way.", "small table"),
)
SIDE_INPUT = _reading(
    "sideInput",
    Field("name", Kind.TEXT, "The name under which fragments see the table.", "stops", required=True),
    *_SOURCE,
)

OUTPUT = Record(
    "output",
    (
        Field("uri", Kind.TEXT, "The folder that gets one part for each partition.", '"s3://out/"', required=True),
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
        Field("partitionBy", Kind.TEXTS, "Columns that become Hive-style folders.", "[year]", "none"),
    ),
)

SORT_KEY = Record(
    "sortKey",
    (
        Field("by", Kind.TEXT, "A column, or a dotted path into a struct.", "price", required=True),
        Field("desc", Kind.BOOLEAN, "Greatest first.", "true", "false"),
        Field("nulls", Kind.TEXT, "Where NULLs go.", "first", "last", choices=("first", "last")),
    ),
)

PARTITIONER = Record(
    "partitioner",
    (
        Field(
            "python",
            Kind.TEXT,
            "A function `f(key, partitions) -> int` of the job's code.",
            '"mine:by_region"',
            required=True,
        ),
    ),
)

CODE = Record(
    "code",
    (
        Field("inline", Kind.TEXT_MAP, "Source files by relative path.", '{m.py: "def f(k, v): ..."}'),
        Field(
            "files",
            Kind.TEXTS,
            "Source files beside the manifest, for `run` and `submit`, which put them inline.",
            "[wordcount.py]",
        ),
        Field("configMap", Kind.TEXT, "A ConfigMap with a key for each source file.", "wordcount-code"),
        Field("uri", Kind.TEXT, "An archive (.zip, .tar.gz) or one source file.", '"s3://code/job.zip"'),
        Field("sha256", Kind.TEXT, "64 hex digits of what lies at `uri`.", "9f86d08…"),
        Field("image", Kind.TEXT, "A worker image that holds the code.", "registry/image:tag"),
        Field("requirements", Kind.TEXTS, "Python packages, as pip names them.", '["rapidfuzz>=3"]', "none"),
    ),
    at_most_one=(("inline", "files", "configMap", "uri", "image"),),
    needs=(("uri", "sha256"), ("sha256", "uri")),
)

SECRET_REF = Record("secretRef", (Field("name", Kind.TEXT, "Name of the Secret.", "s3-keys", required=True),))
STORE = Record(
    "store",
    (
        Field("prefix", Kind.TEXT, "URIs that start so are reached this way.", '"s3://shop/"', required=True),
        Field("endpoint", Kind.TEXT, "URL of the service.", '"http://minio:9000"', "the provider's"),
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

RETRIES = Record(
    "retries",
    (
        Field("errors", Kind.INTEGER, "Failures of one task by error before the job fails.", "2", "4", minimum=0),
        Field("oom", Kind.INTEGER, "The same for running out of memory.", "2", "4", minimum=0),
        Field("timeouts", Kind.INTEGER, "The same for running too long.", "1", "3", minimum=0),
        Field("taskTimeout", Kind.DURATION, "How long one attempt may run.", "10m", "no limit"),
        Field(
            "skipRecords",
            Kind.INTEGER,
            "So many records that always fail may be left out; each is named in the quarantine output.",
            "10",
            "0",
            minimum=0,
        ),
    ),
)

CHAIN = Record(
    "chain",
    (
        Field("result", Kind.BOOLEAN, "The caller gets this job's rows.", "true", "the last job's"),
        Field("scratch", Kind.TEXT, "Scratch of the chain as a whole; the same in each of its jobs.", '"s3://tmp/"'),
    ),
)

RESOURCES = Record(
    "resources",
    (
        Field("requests", Kind.TEXT_MAP, "Quantities that a pod asks for.", '{cpu: "2", memory: 4Gi}', cluster=True),
        Field("limits", Kind.TEXT_MAP, "Quantities that a pod may not exceed.", "{memory: 4Gi}", cluster=True),
    ),
)

SPEC = Record(
    "spec",
    (
        Field("stores", Kind.RECORDS, "How buckets are reached.", '[{prefix: "s3://"}]', "environment", record=STORE),
        Field("code", Kind.RECORD, "Where Python and command fragments come from.", "{files: [m.py]}", record=CODE),
        Field(
            "input",
            Kind.RECORDS,
            "The inputs, in order. Only a job whose reduce is SQL may have none: it gives constant rows.",
            "[{uri: a.txt, format: text}]",
            "none",
            record=INPUT,
        ),
        Field(
            "sideInputs",
            Kind.RECORDS,
            "Small tables that every task sees whole.",
            "[{name: t, uri: t.csv, format: csv}]",
            "none",
            record=SIDE_INPUT,
        ),
        Field(
            "map",
            Kind.RECORD,
            "The map of inputs that have none of their own.",
            '{python: "wordcount:words"}',
            "identity",
            record=FRAGMENT,
        ),
        Field(
            "combine",
            Kind.RECORD,
            "Reduce, applied early at the mapper; for associative and commutative functions.",
            '{python: "wordcount:total"}',
            "none",
            record=FRAGMENT,
        ),
        Field(
            "reduce",
            Kind.RECORD,
            "The work on each group of equal keys. Without it, and without keys, partitions and sort, a job is map "
            "only: one part for each split.",
            '{python: "wordcount:total"}',
            "identity",
            record=FRAGMENT,
        ),
        Field(
            "partitions",
            Kind.INTEGER,
            "Reduce partitions, so parts of the output.",
            "4",
            "from the size of the inputs",
            minimum=1,
        ),
        Field(
            "partition",
            Kind.RECORD,
            "Which partition a row goes to: by hash of the key, by ranges of the order (parts are in total order), "
            "all to a single one, forward (as it comes), or as a function says.",
            "range",
            "hash",
            choices=("hash", "range", "single", "forward"),
            record=PARTITIONER,
        ),
        Field(
            "hash",
            Kind.TEXT,
            "`gm1` is documented and stable; `duckdb` is faster, wants a power of two partitions and holds inside one "
            "chain only.",
            "duckdb",
            "gm1",
            choices=("gm1", "duckdb"),
        ),
        Field(
            "sort",
            Kind.RECORDS,
            "Order of the rows in each partition, after the keys unless it names them.",
            "[{by: price, desc: true}]",
            "by key",
            record=SORT_KEY,
        ),
        Field("output", Kind.RECORD, "The only output.", '{uri: "out/"}', "a result in scratch", record=OUTPUT),
        Field("outputs", Kind.RECORD_MAP, "Several, by name.", '{good: {uri: "a/"}}', "none", record=OUTPUT),
        Field("scratch", Kind.TEXT, "Where the job keeps journal and logs.", '"s3://tmp/"', "`<output>/_gristmill/`"),
        Field("retries", Kind.RECORD, "Budgets of failures.", "{errors: 2}", "as in its fields", record=RETRIES),
        Field("deadline", Kind.DURATION, "How long the job may take.", "2h", "no limit"),
        Field("chain", Kind.RECORD, "What concerns all jobs of one file.", "{result: true}", record=CHAIN),
        Field("note", Kind.TEXT, "A word for EXPLAIN on the job.", "joins orders with lines"),
        Field("singleReason", Kind.TEXT, "Why a query's job runs in one reducer; for EXPLAIN.", "global window"),
        Field("pool", Kind.TEXT, "A warm pool to run in.", "nightly", "a pool of its own", cluster=True),
        Field("resources", Kind.RECORD, "For each pod.", "{limits: {memory: 4Gi}}", record=RESOURCES, cluster=True),
        Field(
            "ttlSecondsAfterFinished",
            Kind.INTEGER,
            "Seconds after its end until the job is deleted.",
            "3600",
            "kept",
            minimum=0,
            cluster=True,
        ),
        Field("suspend", Kind.BOOLEAN, "The job waits until this is false.", "true", "false", cluster=True),
        Field("managedBy", Kind.TEXT, "Who made the job as a mirror.", "gristmill.dev/query", cluster=True),
    ),
    at_most_one=(("output", "outputs"),),
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
)
METADATA = Record(
    "metadata",
    (
        Field("name", Kind.TEXT, "Name of the job: lower-case letters, digits and dashes.", "wordcount", required=True),
        Field("namespace", Kind.TEXT, "Namespace of the job.", "analytics", "the current one", cluster=True),
        Field("labels", Kind.TEXT_MAP, "Labels of the job and its pods.", "{team: search}", "none"),
        Field("annotations", Kind.TEXT_MAP, "Annotations of the job.", "{owner: ada}", "none", cluster=True),
        *(Field(name, Kind.OPAQUE, "Set by the API server; read over.", cluster=True) for name in _SERVER_FIELDS),
    ),
)
MANIFEST = Record(
    "manifest",
    (
        Field("apiVersion", Kind.TEXT, f"`{API_VERSION}`.", API_VERSION, required=True, choices=(API_VERSION,)),
        Field("kind", Kind.TEXT, f"`{KIND}`.", KIND, required=True, choices=(KIND,)),
        Field("metadata", Kind.RECORD, "Who the job is.", "{name: wordcount}", required=True, record=METADATA),
        Field("spec", Kind.RECORD, "What the job does.", "{input: [...]}", required=True, record=SPEC),
        Field("status", Kind.OPAQUE, "Written by the operator; read over.", cluster=True),
    ),
)


def walk(record: Record = MANIFEST, prefix: str = "") -> Iterator[tuple[str, Field]]:
    """Every field with its path, depth first: ``spec.input[].format``, ``spec.outputs.NAME.uri``."""
    for field in record.fields:
        path = prefix + field.name
        yield path, field
        if field.record is not None:
            step = {Kind.RECORDS: "[].", Kind.RECORD_MAP: ".NAME."}.get(field.kind, ".")
            yield from walk(field.record, path + step)
