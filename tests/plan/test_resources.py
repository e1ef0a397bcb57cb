"""SQLQuery and WorkerPool resources, and jobs that read others: what they mean, and what they say when wrong."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.errors import InvalidPlan
from gristmill.plan.cluster import ClusterOptions, PodOptions
from gristmill.plan.job import Output, OutputMode, Store
from gristmill.plan.parameters import parameter_text, parse_parameters
from gristmill.plan.pool import PoolPlan
from gristmill.plan.query import Parameter, QueryPlan, QueryTable
from gristmill.plan.resources import dump_query, load_job, load_pool, load_query
from gristmill.plan.schema import Column
from gristmill.plan.source import FileSource, Format

QUERY: dict[str, Any] = {
    "apiVersion": "gristmill.dev/v1alpha1",
    "kind": "SQLQuery",
    "metadata": {"name": "revenue", "uid": "1-2", "generation": 3, "managedFields": [{}]},
    "spec": {
        "sql": "SELECT custkey, sum(price) FROM orders WHERE day > ? GROUP BY ALL",
        "params": ["2024-01-01"],
        "tables": {"orders": {"uri": "s3://shop/orders/*.parquet"}},
        "output": {"uri": "s3://results/revenue/", "mode": "overwrite"},
        "deadline": "2h",
        "pool": "nightly",
    },
    "status": {"phase": "Running"},
}
POOL: dict[str, Any] = {
    "apiVersion": "gristmill.dev/v1alpha1",
    "kind": "WorkerPool",
    "metadata": {"name": "nightly"},
    "spec": {"min": 1, "max": 8, "resources": {"limits": {"memory": "4Gi"}}},
}


def with_spec(resource: dict[str, Any], **fields: Any) -> dict[str, Any]:
    changed = copy.deepcopy(resource)
    changed["spec"] |= fields
    return changed


def refusal(resource: dict[str, Any]) -> str:
    load = load_query if resource["kind"] == "SQLQuery" else load_pool
    with pytest.raises(InvalidPlan) as caught:
        load(resource)
    return str(caught.value)


def test_a_query_is_what_its_resource_says() -> None:
    assert load_query(QUERY) == QueryPlan(
        name="revenue",
        sql="SELECT custkey, sum(price) FROM orders WHERE day > ? GROUP BY ALL",
        params=(Parameter("2024-01-01"),),
        tables=(QueryTable("orders", FileSource(("s3://shop/orders/*.parquet",), Format.PARQUET)),),
        output=Output("s3://results/revenue/", mode=OutputMode.OVERWRITE),
        deadline_s=7200,
        cluster=ClusterOptions(pool="nightly"),
    )


def test_a_pool_is_what_its_resource_says() -> None:
    assert load_pool(POOL) == PoolPlan("nightly", 1, 8, pod=PodOptions(limits=(("memory", "4Gi"),)))


def test_a_query_with_everything_comes_back_from_its_resource() -> None:
    query = QueryPlan(
        name="q",
        sql="SELECT $low",
        dialect="spark",
        params=(Parameter(5, "low"), Parameter("5", "text"), Parameter(None, "none")),
        tables=(
            QueryTable("a", FileSource(("s3://a/1.csv", "s3://a/2.csv"), Format.CSV, header=False, hive=False)),
            QueryTable("b", FileSource(("s3://b/",), Format.JSON, schema=(Column("x", "BIGINT"),), unify=True)),
        ),
        stores=(Store("s3://", "http://minio:9000", path_style=True, secret="keys"),),
        output=Output("s3://out/", format=Format.CSV),
        scratch="s3://tmp/",
        partitions=3,
        force_distributed=True,
        deadline_s=1.5,
        labels=(("team", "search"),),
        cluster=ClusterOptions("", 0, PodOptions(requests=(("cpu", "1"),)), 0, True, True, namespace="analytics"),
    )
    assert load_query(dump_query(query)) == query


@pytest.mark.parametrize(
    ("uri", "format_", "delimiter"),
    [
        ("s3://a/*.parquet", Format.PARQUET, ","),
        ("s3://a/year=2024/", Format.PARQUET, ","),
        ("s3://a/b", Format.PARQUET, ","),
        ("s3://a/b.csv.gz", Format.CSV, ","),
        ("s3://a/b.tsv", Format.CSV, "\t"),
        ("s3://a/b.jsonl", Format.JSON, ","),
    ],
)
def test_a_table_has_the_format_that_its_suffix_names(uri: str, format_: Format, delimiter: str) -> None:
    (table,) = load_query(with_spec(QUERY, tables={"t": {"uri": uri}})).tables
    assert table.source == FileSource((uri,), format_, delimiter=delimiter)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sql": " "}, "spec.sql: the SQL text is empty"),
        ({"dialect": "sparq"}, "spec.dialect: unknown dialect 'sparq'\n  Did you mean spark?"),
        ({"tabels": {}}, "spec.tabels: unknown field\n  Did you mean tables?"),
        (
            {"params": ["1", "a=2"]},
            "spec.params: some values have names and some have none\n"
            '  Name all or none; a text with "=" is written in double quotes: \'"a=b"\'',
        ),
        ({"params": [1]}, 'spec.params[0]: expected text, found the number 1\n  Quote it: "1".'),
        (
            {"tables": {"o": {"uri": "s3://a/b.xls"}}},
            "spec.tables[o]: 's3://a/b.xls' does not say its format\n  Set format: parquet, csv, json or arrow.",
        ),
        (
            {"tables": {"a-b": {"uri": "s3://a/"}}},
            "spec.tables[a-b]: 'a-b' is not a name for a table\n  Letters, digits and underscores, at most 63.",
        ),
        (
            {"tables": {"o": {"uri": "s3://a/"}, "O": {"uri": "s3://b/"}}},
            "spec.tables[O]: 'o' is the same name but for its case\n  Give each table its own name.",
        ),
        (
            {"tables": {"o": {"uri": "s3://a/", "uris": []}}},
            "spec.tables[o]: wants exactly one of uri, uris; found uri and uris\n"
            '  For instance uri: "s3://books/*.txt"',
        ),
        ({"output": {"uri": ""}}, "spec.output.uri: the URI is empty"),
        (
            {"output": {"uri": "s3://o/", "compression": "zip"}},
            "spec.output.compression: parquet has no compression 'zip'\n  Did you mean gzip?",
        ),
        ({"workers": -1}, "spec.workers: must be at least 0, found -1"),
        ({"stores": [{"prefix": "s3://"}] * 2}, "spec.stores: there are two stores for 's3://'\n  Keep one of them."),
    ],
)
def test_what_is_wrong_with_a_query_is_told_with_its_field(changes: dict[str, Any], expected: str) -> None:
    assert refusal(with_spec(QUERY, **changes)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"min": 9}, "spec.max: must be at least 9, found 8\n  max counts the pods of min too."),
        ({"max": 0}, "spec.max: must be at least 1, found 0"),
        ({"idle": "5"}, "spec.idle: '5' is not a duration\n  Write \"5s\" for seconds."),
        ({"workers": 4}, "spec.workers: unknown field\n  Did you mean stores?"),
    ],
)
def test_what_is_wrong_with_a_pool_is_told_with_its_field(changes: dict[str, Any], expected: str) -> None:
    assert refusal(with_spec(POOL, **changes)) == expected


def test_several_mistakes_of_a_resource_are_told_together() -> None:
    assert refusal(with_spec(QUERY, sql=1, pol="x")) == (
        "spec: 2 problems\n"
        '  spec.sql: expected text, found the number 1 (Quote it: "1".)\n'
        "  spec.pol: unknown field (Did you mean pool?)"
    )


JOB: dict[str, Any] = {
    "apiVersion": "gristmill.dev/v1alpha1",
    "kind": "MapReduceJob",
    "metadata": {"name": "top"},
    "spec": {"input": [{"fromJob": "counts"}], "reduce": {"python": "m:f"}},
}


def test_a_job_reads_the_rows_of_an_upstream_job_where_they_lie() -> None:
    rows = FileSource(("s3://out/counts/",), Format.PAIRS)
    (job,) = load_job(JOB, {"counts": rows}).jobs
    assert job.inputs[0].source == rows
    assert job.inputs[0].key == ("key",)


def test_a_job_whose_upstream_is_nowhere_says_so() -> None:
    with pytest.raises(InvalidPlan, match=r"spec.input\[0\].fromJob: there is no job 'counts'"):
        load_job(JOB)


values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.lists(values), st.booleans())
def test_parameters_come_back_from_their_text(given_values: list[Any], named: bool) -> None:
    params = tuple(Parameter(value, f"p{at}" if named else "") for at, value in enumerate(given_values))
    read = parse_parameters([parameter_text(one) for one in params], "params")
    assert read == params
    assert [type(one.value) for one in read] == [type(one.value) for one in params]
