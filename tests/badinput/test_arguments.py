"""Wrong arguments of the Python API: each is refused where it is given, in the caller's words, before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import gristmill as gm
from gristmill.errors import FragmentError, GristmillError, InvalidPlan, InvalidQuery


def words(name: str, line: str) -> Iterator[tuple[str, int]]:
    for word in line.split():
        yield word, 1


def total(word: str, counts: Iterator[int]) -> Iterator[tuple[str, int]]:
    yield word, sum(counts)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a.txt").write_text("hello world\nfoo\n")
    (tmp_path / "t.csv").write_text("k,v\n1,a\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def job(**given: Any) -> gm.Job:
    return gm.Job(**{"name": "j", "input": gm.text("a.txt"), "map": words, "reduce": total, **given})


def rows(**given: Any) -> list[dict[str, Any]]:
    return gm.run(job(**given)).rows()


def run(**options: Any) -> gm.Result:
    return gm.run(job(), **options)


def query(text: Any = "SELECT * FROM t", **given: Any) -> pa.Table:
    return gm.sql(text, **{"tables": {"t": "t.csv"}, **given}).arrow()


def closed() -> gm.Session:
    session = gm.Session()
    session.close()
    return session


WRONG: list[tuple[str, Callable[[], object]]] = [
    ("gm.Job(...): 5 is not a name", lambda: job(name=5)),
    ("job 'j': str is not an input", lambda: job(input="a.txt")),
    ("job 'j': str is not an input", lambda: job(input={"x": "a.txt"})),
    ("job 'j': 5 is not the name of an input", lambda: job(input={5: gm.text("a.txt")})),
    ("gm.text(...): None is not a URI", lambda: gm.text(None)),  # type: ignore[arg-type]
    ("gm.text(...): 5 is not a URI", lambda: gm.text([5])),  # type: ignore[list-item]
    ("gm.parquet(...): key is a list of columns, not 5", lambda: gm.parquet("t", key=5)),  # type: ignore[arg-type]
    ("gm.parquet(...), key: 5 is not the name", lambda: gm.parquet("t", key=[5])),  # type: ignore[list-item]
    ("column 'k': 'INTEEGER' is not a type", lambda: gm.csv("t.csv", schema={"k": "INTEEGER"})),
    ("value of type type is not a type", lambda: gm.csv("t.csv", schema={"k": int})),  # type: ignore[dict-item]
    ("gm.json(...), schema: 'k INT' is not a schema", lambda: gm.json("t", schema="k INT")),  # type: ignore[arg-type]
    ("job j, inputs[0].source.header: expected true", lambda: rows(input=gm.csv("t.csv", header="no"))),  # type: ignore[arg-type]
    ("gm.broadcast(...): 'x' is not an input", lambda: gm.broadcast("x")),  # type: ignore[arg-type]
    ("gm.from_job(...): 'x' is not a job", lambda: gm.from_job("x")),  # type: ignore[arg-type]
    ("gm.sql_fragment(...): 5 is not SQL text", lambda: gm.sql_fragment(5)),  # type: ignore[arg-type]
    ("gm.command(...): 5 is not a text", lambda: gm.command([5])),  # type: ignore[list-item]
    ("job 'j', sort: 5 is not a column to sort by", lambda: job(sort=[5])),
    ("job 'j', side inputs: a value of type list", lambda: job(side=["t.parquet"])),
    ("job 'j': 5 is not an output", lambda: job(output=5)),
    ("job 'j': 5 is not an output", lambda: job(outputs={"x": 5})),
    ("job 'j', outputs: a value of type list", lambda: job(outputs=["x"])),
    ("gm.output(...): 5 is not a URI", lambda: gm.output(5)),  # type: ignore[arg-type]
    ("output o: there is no format 'parket'", lambda: gm.output("o", format="parket")),
    ("output o: there is no mode 'replace'", lambda: gm.output("o", mode="replace")),
    ("job 'j', partitions: '4' is not a whole number", lambda: job(partitions="4")),
    ("job j, partitions: must be at most 1,000,000", lambda: job(partitions=10**9).chain()),
    ("job 'j', skip_records: '1' is not a whole number", lambda: job(skip_records="1")),
    ("job 'j', task_timeout_s: '1m' is not a number", lambda: job(task_timeout_s="1m")),
    ("job 'j', deadline_s: True is not a number", lambda: job(deadline_s=True)),
    ("job 'j', scratch: 5 is not a URI", lambda: job(scratch=5)),
    ("job 'j', stores: 's3://' is not a list of stores", lambda: job(stores="s3://")),
    ("job 'j', stores: a value of type dict is not a store", lambda: job(stores=[{"prefix": "s3://"}])),
    ("job 'j', schema, column 'key': 'VARCAR' is not a type", lambda: job(schema={"key": "VARCAR"})),
    ("gm.run(...): 'job.yaml' is not a job", lambda: gm.run("job.yaml")),  # type: ignore[call-overload]
    ("workers: 0 workers cannot run anything", lambda: run(workers=0)),
    ("workers: 100000 workers cannot run", lambda: run(workers=100_000)),
    ("workers: '2' is not a whole number", lambda: run(workers="2")),
    ("memory: '-5' is not a size", lambda: run(memory=-5)),
    ("memory: 1.5 is not a size", lambda: run(memory=1.5)),
    ("progress is not a function", lambda: run(progress=5)),
    ("idle_s: 'x' is not a number of seconds", lambda: gm.Session(idle_s="x")),  # type: ignore[arg-type]
    ("idle_s: -4 is not a number of seconds", lambda: gm.Session(idle_s=-4)),
    ("gm.Session: its session is closed", lambda: closed().run(job())),
    ("gm.sql(...): None is not the text of a query", lambda: query(None)),
    ("tables: 't.csv' is not a dict of tables", lambda: query(tables="t.csv")),
    ("gm.sql(...), tables: 5 is not the name of a table", lambda: query(tables={5: "t.csv"})),
    ("table 't': 5 is not a URI", lambda: query(tables={"t": [5]})),
    ("table 't': bytes is not a table", lambda: query(tables={"t": b"x"})),
    ("table 't': a table of a query is its rows as they are", lambda: query(tables={"t": gm.csv("t.csv", map=words)})),
    ("params: 'ab' is not a list or dict of values", lambda: query(params="ab")),
    ("gm.sql(...), partitions: '4' is not a whole number", lambda: query(partitions="4")),
    ("gm.sql(...), stores: 's3://' is not a list of stores", lambda: query(stores="s3://")),
    ("gm.output(...): the URI is empty", lambda: gm.sql("SELECT 1 AS x").write("")),
]


@pytest.mark.parametrize(("said", "wrong"), WRONG, ids=[said for said, _ in WRONG])
def test_a_wrong_argument_is_refused_where_it_is_given(said: str, wrong: Callable[[], object]) -> None:
    with pytest.raises(InvalidPlan) as refused:
        wrong()
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "wrong", [{"map": lambda name, line: [next(iter(()))]}, {"reduce": lambda *_: [next(iter(()))]}]
)
def test_a_function_that_asks_an_empty_iterator_for_more_drops_no_rows(wrong: dict[str, Any]) -> None:
    with pytest.raises(FragmentError, match="StopIteration") as failed:
        rows(**wrong)
    assert "test_arguments.py" in str(failed.value)


@pytest.mark.parametrize("names", [["a", "a"], ["a", "A"]])
def test_columns_that_sql_cannot_tell_apart_are_named(names: list[str]) -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=names)
    with pytest.raises(InvalidQuery, match=f"'{names[0]}' and '{names[1]}'"):
        query(tables={"t": table})


def test_a_table_that_does_not_fit_into_arrow_is_named() -> None:
    with pytest.raises(InvalidQuery, match="table 't'"):
        query(tables={"t": pd.DataFrame({"a": [1, "x"]})})


def test_rows_written_as_text_are_read_back_as_lines() -> None:
    lines = [row["value"] for row in rows(output=gm.output("out", format="text"))]
    assert lines == ["foo\t1", "hello\t1", "world\t1"]


def test_columns_beside_a_declared_schema_have_their_place() -> None:
    with pytest.raises(GristmillError) as refused:
        rows(schema={"word": "VARCHAR", "n": "BIGINT"})
    assert refused.value.place == "job j, reduce"
