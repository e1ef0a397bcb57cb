"""Chains that cannot run are refused before anything else sees them, whoever made them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gristmill.errors import InvalidPlan
from gristmill.plan.exchange import ExchangeKind, HashName
from gristmill.plan.fragment import Code, CodeFile, CommandFragment, PythonFragment, PythonFunction, SqlFragment
from gristmill.plan.job import (
    ChainPlan,
    ClusterOptions,
    JobInput,
    JobPlan,
    Output,
    RetryPolicy,
    SideInput,
    Store,
)
from gristmill.plan.schema import Column, SortKey
from gristmill.plan.source import FileSource, Format, JobSource
from gristmill.plan.validate import validate
from gristmill.plan.validate_job import CODECS
from gristmill.storage.encoders import encoder_for

ROWS = FileSource(("rows.parquet",), Format.PARQUET)
SQL = SqlFragment("SELECT * FROM input")
INPUT = JobInput("rows", ROWS, SQL, ("k",))
JOB = JobPlan("job", (INPUT,), reduce=SQL)


def told(job: JobPlan) -> str:
    with pytest.raises(InvalidPlan) as caught:
        validate(ChainPlan((job,)))
    return str(caught.value)


def test_the_job_that_the_others_spoil_is_good() -> None:
    validate(ChainPlan((JOB,)))


def test_a_job_of_maps_alone_needs_no_key() -> None:
    validate(ChainPlan((JobPlan("job", (replace(INPUT, key=()), JobInput("more", ROWS))),)))


def test_a_key_may_be_left_out_where_all_rows_meet_in_one_reducer() -> None:
    validate(ChainPlan((replace(JOB, inputs=(replace(INPUT, key=()),), partition=ExchangeKind.SINGLE),)))


def test_a_broadcast_input_needs_no_key() -> None:
    small = JobInput("small", ROWS, exchange=ExchangeKind.BROADCAST)
    validate(ChainPlan((replace(JOB, inputs=(INPUT, small)),)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"name": "My_Job"},
            "job My_Job, name: 'My_Job' is not a name for a job: lower-case letters, digits and dashes, at most 63\n"
            "  For instance my-job.",
        ),
        (
            {"inputs": (), "reduce": CommandFragment(("./r",))},
            "job job, input: a job needs at least one input\n"
            "  Set input: [{uri: …, format: …}]; only a reduce in SQL may do without.",
        ),
        (
            {"inputs": (INPUT, replace(INPUT, name="Rows"))},
            "job job, input[1].name: 'Rows' is taken by spec.input[0].name\n  Give each input its own name.",
        ),
        (
            {"inputs": (replace(INPUT, name="my rows"),)},
            "job job, input[0].name: 'my rows' is not a name for an input\n"
            "  It becomes a table's name: letters, digits and underscores, at most 63.",
        ),
        (
            {"side_inputs": (SideInput("input", ROWS),)},
            "job job, sideInputs[0].name: 'input' is the name of the map's own rows\n"
            "  Give the side input another name.",
        ),
        (
            {"inputs": (replace(INPUT, key=()),)},
            "job job, input[0].key: partitioning by hash needs a key\n"
            "  Set key: [column], or partition: single for one reducer.",
        ),
        (
            {"inputs": (INPUT, JobInput("b", ROWS, SQL, ("x", "y")))},
            "job job, input[1].key: the inputs' keys differ in length: rows has 1, b has 2\n"
            "  Rows meet where all of their keys are equal.",
        ),
        ({"inputs": (replace(INPUT, key=("k", "k")),)}, "job job, input[0].key: names 'k' twice"),
        (
            {"inputs": (replace(INPUT, key=()),), "partition": ExchangeKind.RANGE},
            "job job, input[0].key: partitioning by range needs a key or an order\n  Set key: [column], or sort.",
        ),
        (
            {"partition": ExchangeKind.RANGE, "reduce": None, "inputs": (JobInput("rows", ROWS),)},
            "job job, partition: a job without reduce, key, partitions and sort does not partition\n"
            "  Set sort: [{by: …}], or a key.",
        ),
        (
            {"partition": ExchangeKind.SINGLE, "partitions": 3},
            "job job, partitions: partition: single has one partition, not 3\n"
            "  Leave partitions out, or set partition: hash.",
        ),
        ({"partitions": 0}, "job job, partitions: must be at least 1, found 0"),
        (
            {"partitions": 6, "hash": HashName.DUCKDB},
            "job job, partitions: hash: duckdb wants a power of two, found 6\n  Set partitions: 4 or 8, or hash: gm1.",
        ),
        (
            {"partition": ExchangeKind.CUSTOM},
            "job job, partition: a function of partition and partition: custom go together",
        ),
        (
            {"partition": ExchangeKind.BROADCAST, "inputs": (replace(INPUT, exchange=ExchangeKind.HASH),)},
            "job job, partition: a job cannot broadcast all its inputs\n  Set exchange: broadcast on one input.",
        ),
        (
            {"partition": ExchangeKind.HELD},
            "job job, partition: a job cannot partition by held\n  One of: custom, forward, hash, range, single.",
        ),
        (
            {"inputs": (replace(INPUT, exchange=ExchangeKind.HELD),)},
            "job job, input[0].exchange: an input cannot go by held\n"
            "  One of: broadcast, custom, forward, hash, range, single.",
        ),
        (
            {"inputs": (replace(INPUT, exchange=ExchangeKind.BROADCAST),), "partitions": 2},
            "job job, input: every input is broadcast, so every reducer would give the same rows\n"
            "  Leave exchange out for one input, or set partitions: 1.",
        ),
        (
            {"inputs": (replace(INPUT, exchange=ExchangeKind.CUSTOM),)},
            "job job, input[0].exchange: custom needs a function\n  Set partition: {python: …}.",
        ),
        (
            {"combine": SQL, "reduce": None},
            "job job, combine: there is no reduce that it could be part of\n  Add reduce, or remove combine.",
        ),
        ({"sort": (SortKey("a"), SortKey("a", desc=True))}, "job job, sort: names 'a' twice"),
        ({"reduce": SqlFragment("  ")}, "job job, reduce.sql: the SQL text is empty"),
        ({"reduce": CommandFragment(())}, "job job, reduce.command: names no program"),
        (
            {"reduce": PythonFragment(PythonFunction("total"))},
            "job job, reduce.python: 'total' does not name a function\n  Write \"module:total\".",
        ),
        (
            {"reduce": PythonFragment(PythonFunction("m:f"), schema=(Column("a", "INT"), Column("A", "INT")))},
            "job job, reduce.schema: column 'a' is declared twice\n  Names of columns differ by more than case.",
        ),
        (
            {"inputs": (replace(INPUT, source=replace(ROWS, whole=True)),)},
            "job job, input[0].whole: is for text, and the format is parquet",
        ),
        (
            {"inputs": (replace(INPUT, source=replace(ROWS, delimiter=";")),)},
            "job job, input[0].csv: is for CSV, and the format is parquet\n  Set format: csv, or leave out delimiter.",
        ),
        (
            {"inputs": (replace(INPUT, source=FileSource(("a.csv",), Format.CSV, delimiter="||")),)},
            "job job, input[0].csv.delimiter: must be one character, found '||'",
        ),
        (
            {"inputs": (replace(INPUT, source=FileSource((), Format.CSV)),)},
            "job job, input[0].uris: an input from files needs at least one URI",
        ),
        (
            {"outputs": (Output("a/"), Output("b/", name="b"))},
            "job job, outputs: of several outputs each needs a name",
        ),
        (
            {"outputs": (Output("a", name="a"), Output("a/b/", name="b"))},
            "job job, outputs[b].uri: lies in the same folder as spec.outputs[a]\n  Give each output its own.",
        ),
        (
            {"outputs": (Output("a", compression="zst"),)},
            "job job, output.compression: parquet has no compression 'zst'\n  Did you mean zstd?",
        ),
        ({"retry": RetryPolicy(errors=-1)}, "job job, retries.errors: must be at least 0, found -1"),
        ({"deadline_s": 0.0}, "job job, deadline: must be more than nothing, found 0.0 s"),
        ({"cluster": ClusterOptions(ttl_s=-1)}, "job job, ttlSecondsAfterFinished: must be at least 0, found -1"),
        (
            {"code": Code(inline=(CodeFile("../m.py", ""),))},
            "job job, code.inline[../m.py]: must be a relative path with forward slashes, without ..",
        ),
        (
            {"code": Code(inline=(CodeFile("m.py", ""),), image="i")},
            "job job, code: inline and image cannot stand together\n  Keep one of them.",
        ),
        (
            {"code": Code(uri="s3://c", sha256="ABC")},
            "job job, code.sha256: must be 64 hex digits in lower case, found 'ABC'",
        ),
        ({"labels": (("a", "1"), ("a", "2"))}, "job job, labels[a]: is given twice"),
    ],
)
def test_a_job_that_cannot_run_is_refused_with_place_and_reason(change: dict[str, Any], message: str) -> None:
    assert told(replace(JOB, **change)) == message


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        (ChainPlan(()), "chain, jobs: a chain needs at least one job"),
        (ChainPlan((JOB,), "jub"), "chain, result: there is no job 'jub'\n  Did you mean job?"),
        (
            ChainPlan((replace(JOB, outputs=(Output("a/"),)), JOB)),
            "job job, name: there are two jobs 'job'\n  Give each job its own name.",
        ),
        (
            ChainPlan((replace(JOB, name="unread"), JOB)),
            "job unread, output: its rows go nowhere: it has no output, no job reads it, and it is not the result\n"
            '  Set output: {uri: "…"}, or remove the job.',
        ),
        (
            ChainPlan(
                (replace(JOB, inputs=(replace(INPUT, source=JobSource("late")),)), replace(JOB, name="late")), "job"
            ),
            "job job, input[0].fromJob: reads job 'late', which stands after it\n  Put late before job.",
        ),
        (
            ChainPlan((replace(JOB, side_inputs=(SideInput("t", JobSource("jb")),)),)),
            "job job, sideInputs[0].fromJob: there is no job 'jb'\n  Did you mean job?",
        ),
        (
            ChainPlan((JOB,), stores=(Store("s3://"), Store("s3://", region="eu"))),
            "chain, stores[1].prefix: two stores for 's3://' that differ\n"
            "  Keep one, or give one of them a longer prefix.",
        ),
    ],
)
def test_a_chain_that_cannot_run_is_refused(chain: ChainPlan, message: str) -> None:
    with pytest.raises(InvalidPlan) as caught:
        validate(chain)
    assert str(caught.value) == message


@pytest.mark.parametrize("format_", Format)
def test_a_codec_is_refused_early_only_if_it_cannot_be_written(format_: Format) -> None:
    columns = (Column("key", "VARCHAR"), Column("value", "VARCHAR"))
    for codec in ("none", "gzip", "bz2", "zstd", "xz", "lz4", "brotli", "snappy", "lzo"):
        try:
            encoder_for(format_, codec, columns, "output")
            writable = True
        except InvalidPlan:
            writable = False
        assert (codec in CODECS[format_]) == writable


def test_every_circle_of_jobs_is_told() -> None:
    def reading(name: str, *others: str) -> JobPlan:
        inputs = tuple(JobInput(f"from_{other}", JobSource(other), SQL, ("k",)) for other in others)
        return JobPlan(name, (*inputs, INPUT), outputs=(Output(f"{name}/"),))

    chain = ChainPlan((reading("a", "b"), reading("b", "a"), reading("c", "c"), reading("d", "a", "c")))
    with pytest.raises(InvalidPlan) as caught:
        validate(chain)
    assert str(caught.value) == (
        "chain: 2 problems\n"
        "  job a, input[0].fromJob: jobs read each other in a circle: a -> b -> a\n"
        "  job c, input[0].fromJob: jobs read each other in a circle: c -> c"
    )


def test_a_value_of_the_wrong_type_is_refused() -> None:
    wrong: Any = "4"
    with pytest.raises(InvalidPlan) as caught:
        validate(ChainPlan((replace(JOB, partitions=wrong),)))
    assert str(caught.value) == 'job job, partitions: expected a whole number, found "4"'
