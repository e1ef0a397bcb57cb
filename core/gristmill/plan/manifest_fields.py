"""Every field of a MapReduceJob manifest, as a table: the one source of its names, types, defaults and meaning.

The loader checks manifests against it, docs/manifest.md is compared with it, and the CRD is made from it. It must
not know plan types: how a field becomes part of a plan is ``manifest_load``'s business.
"""

from __future__ import annotations

from gristmill.plan.cluster_fields import IN_A_POOL
from gristmill.plan.fields import Field, Form, Kind, Record
from gristmill.plan.shared_fields import FILES, OUTPUT, SCHEMA, document, stores

KIND = "MapReduceJob"

FRAGMENT = Record(
    "fragment",
    (
        Field(
            "python",
            Kind.TEXT,
            "A function of the job's code, as `module:function`.",
            '"wordcount:words"',
            form=Form.FUNCTION,
        ),
        Field(
            "sql",
            Kind.TEXT,
            "One SELECT in DuckDB's dialect over the named inputs.",
            "SELECT k, v FROM input",
            form=Form.SQL,
            most=131_072,
        ),
        Field("command", Kind.TEXTS, "A program that gets and gives JSON lines.", '["./mapper", "-v"]'),
        Field("rows", Kind.BOOLEAN, "The Python function yields dicts (rows), not pairs.", "true", "false"),
        Field("batches", Kind.BOOLEAN, "The Python function takes and gives Arrow record batches.", "true", "false"),
        SCHEMA,
    ),
    exactly_one=(("python", "sql", "command"),),
    at_most_one=(("rows", "batches"), ("sql", "schema")),
    needs=(("rows", "python"), ("batches", "python")),
)

_FROM_JOB = Field(
    "fromJob",
    Kind.TEXT,
    "Read the rows of this other job instead of files: one of the same file, or on a cluster of the same namespace.",
    "wordcount",
    form=Form.NAME,
)
_SOURCE = (*FILES[:2], _FROM_JOB, *FILES[2:])


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
    Field("name", Kind.TEXT, "The name under which fragments see the rows.", "books", "input", form=Form.IDENTIFIER),
    *_SOURCE,
    Field("map", Kind.RECORD, "This input's own map.", '{sql: "SELECT k FROM input"}', "`spec.map`", record=FRAGMENT),
    Field(
        "key",
        Kind.TEXTS,
        "Columns, of what the map gives, that partition and group.",
        "[orderkey]",
        "`[key]` for pairs",
        unique=True,
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
    Field(
        "name", Kind.TEXT, "The name under which fragments see the table.", "stops", required=True, form=Form.IDENTIFIER
    ),
    *_SOURCE,
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
            form=Form.FUNCTION,
        ),
    ),
)

CODE = Record(
    "code",
    (
        Field("inline", Kind.TEXT_MAP, "Source files by relative path.", '{m.py: "def f(k, v): ..."}', form=Form.PATH),
        Field(
            "files",
            Kind.TEXTS,
            "Source files beside the manifest, for `run` and `submit`, which put them inline.",
            "[wordcount.py]",
        ),
        Field("configMap", Kind.TEXT, "A ConfigMap with a key for each source file.", "wordcount-code", form=Form.NAME),
        Field(
            "uri",
            Kind.TEXT,
            "An archive (.zip, .tar.gz) or one source file.",
            '"s3://code/job.zip"',
            form=Form.READ_URI,
        ),
        Field("sha256", Kind.TEXT, "64 hex digits of what lies at `uri`.", "9f86d08…", form=Form.SHA256),
        Field("image", Kind.TEXT, "A worker image that holds the code.", "registry/image:tag"),
        Field("requirements", Kind.TEXTS, "Python packages, as pip names them.", '["rapidfuzz>=3"]', "none"),
    ),
    at_most_one=(("inline", "files", "configMap", "uri", "image"),),
    needs=(("uri", "sha256"), ("sha256", "uri")),
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
        Field(
            "scratch",
            Kind.TEXT,
            "Scratch of the chain as a whole; the same in each of its jobs.",
            '"s3://tmp/"',
            form=Form.WRITE_URI,
        ),
    ),
)

SPEC = Record(
    "spec",
    (
        stores("environment"),
        Field("code", Kind.RECORD, "Where Python and command fragments come from.", "{files: [m.py]}", record=CODE),
        Field(
            "input",
            Kind.RECORDS,
            "The inputs, in order. Only a job whose reduce is SQL may have none: it gives constant rows.",
            "[{uri: a.txt, format: text}]",
            "none",
            record=INPUT,
            named_by="name",
        ),
        Field(
            "sideInputs",
            Kind.RECORDS,
            "Small tables that every task sees whole.",
            "[{name: t, uri: t.csv, format: csv}]",
            "none",
            record=SIDE_INPUT,
            named_by="name",
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
            named_by="by",
        ),
        Field("output", Kind.RECORD, "The only output.", '{uri: "out/"}', "a result in scratch", record=OUTPUT),
        Field(
            "outputs",
            Kind.RECORD_MAP,
            "Several, by name.",
            '{good: {uri: "a/"}}',
            "none",
            record=OUTPUT,
            form=Form.IDENTIFIER,
        ),
        Field(
            "scratch",
            Kind.TEXT,
            "Where the job keeps journal and logs.",
            '"s3://tmp/"',
            "`<output>/_gristmill/`",
            form=Form.WRITE_URI,
        ),
        Field("retries", Kind.RECORD, "Budgets of failures.", "{errors: 2}", "as in its fields", record=RETRIES),
        Field("deadline", Kind.DURATION, "How long the job may take.", "2h", "no limit", changes=True),
        Field("chain", Kind.RECORD, "What concerns all jobs of one file.", "{result: true}", record=CHAIN),
        Field("note", Kind.TEXT, "A word for EXPLAIN on the job.", "joins orders with lines"),
        Field("singleReason", Kind.TEXT, "Why a query's job runs in one reducer; for EXPLAIN.", "global window"),
        *IN_A_POOL,
        Field("managedBy", Kind.TEXT, "Who made the job as a mirror.", "gristmill.dev/query", cluster=True),
    ),
    at_most_one=(("output", "outputs"),),
)

MANIFEST = document(KIND, "job", "wordcount", SPEC, "{input: [...]}")
