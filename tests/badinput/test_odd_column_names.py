"""Columns whose names SQL cannot tell apart, or that mean something to the library that reads them, keep their values;
where SQL has to name them, it is told which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gristmill as gm
from gristmill.errors import FragmentError, InputError, InvalidQuery

ODD = {
    "case": {"Id": [1, 2, 3], "id": [4, 5, 6], "n": ["a", "b", "c"]},
    "empty": {"": [1, 2, 3], "n": ["a", "b", "c"]},
    "of-the-scan": {"file_row_number": [100, 200, 300], "filename": ["x", "y", "z"], "file_index": [7, 8, 9]},
    "renamed": {"a": [1, 2, 3], "A": [4, 5, 6], "a_1": [7, 8, 9]},
    "places": {"c1": [1, 2, 3], "c0": [4, 5, 6], "C0": [7, 8, 9]},
}


def rows_of(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    return pa.table(columns).to_pylist()  # type: ignore[no-any-return]


def as_they_are(key: Any, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield row


def in_one_list(key: Any, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield from rows


@pytest.mark.parametrize("group_rows", [3, 1])
@pytest.mark.parametrize("name", ODD)
def test_a_function_gets_each_column_of_a_parquet_file(tmp_path: Path, name: str, group_rows: int) -> None:
    pq.write_table(pa.table(ODD[name]), tmp_path / "t.parquet", row_group_size=group_rows)
    source = gm.parquet(tmp_path / "t.parquet")
    source = replace(source, source=replace(source.source, split_bytes=1))
    assert gm.run(gm.Job("rows", input=source, map=as_they_are, rows=True)).rows() == rows_of(ODD[name])


@pytest.mark.parametrize("form", ["parquet", "arrow", "json", "csv"])
@pytest.mark.parametrize("name", ["case", "of-the-scan", "renamed"])
def test_what_a_job_writes_is_read_as_it_was(tmp_path: Path, name: str, form: str) -> None:
    pq.write_table(pa.table(ODD[name]), tmp_path / "t.parquet")
    wrote = gm.Job(
        "rows",
        input=gm.parquet(tmp_path / "t.parquet"),
        map=as_they_are,
        rows=True,
        output=gm.output(tmp_path / "out", format=form),
    )
    assert gm.run(wrote).rows() == rows_of(ODD[name])
    again = gm.Job("again", input=getattr(gm, form)(tmp_path / "out"), map=as_they_are, rows=True)
    assert gm.run(again).rows() == rows_of(ODD[name])


@pytest.mark.parametrize("key", ["id", "Id"])
def test_such_columns_pass_the_shuffle_and_are_keys(tmp_path: Path, key: str) -> None:
    pq.write_table(pa.table({"Id": [1, 1, 3], "id": [4, 5, 5]}), tmp_path / "t.parquet")
    job = gm.Job(
        "groups",
        input=gm.parquet(tmp_path / "t.parquet", key=[key]),
        reduce=lambda value, rows: [(value, sorted((row["Id"], row["id"]) for row in rows))],
        partitions=2,
    )
    found = {row["key"]: [tuple(pair.values()) for pair in row["value"]] for row in gm.run(job).rows()}
    assert found == ({4: [(1, 4)], 5: [(1, 5), (3, 5)]} if key == "id" else {1: [(1, 4), (1, 5)], 3: [(3, 5)]})


def test_a_file_with_two_columns_of_one_name_is_refused(tmp_path: Path) -> None:
    twins = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(twins, tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text("a,a\n1,2\n")
    for source in (gm.parquet(tmp_path / "t.parquet"), gm.csv(tmp_path / "t.csv")):
        with pytest.raises(InputError, match="two columns named 'a'"):
            gm.run(gm.Job("rows", input=source, map=as_they_are, rows=True))


@pytest.mark.parametrize(("name", "said"), [("case", "'Id' and 'id' apart"), ("empty", "column 1: the name is empty")])
def test_sql_is_told_what_it_cannot_name(tmp_path: Path, name: str, said: str) -> None:
    pq.write_table(pa.table(ODD[name]), tmp_path / "t.parquet")
    source = gm.parquet(tmp_path / "t.parquet")
    with pytest.raises(FragmentError, match=said):
        gm.run(gm.Job("rows", input=source, map=gm.sql_fragment("SELECT n FROM input")))
    with pytest.raises(InvalidQuery, match=said):
        gm.sql("SELECT n FROM t", tables={"t": source}).rows()
