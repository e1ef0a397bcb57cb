"""Splitting: at any size of split, the pieces of a file give every record exactly once and in order."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.plan.schema import Column
from gristmill.plan.source import FileRange, FileSource, Format
from gristmill.storage import lines
from gristmill.storage.packing import coarser
from gristmill.storage.reading import open_split
from gristmill.storage.splits import PlannedInput, plan_input
from gristmill.storage.stores import Stores

_STORES = Stores()
_line = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=12)
_value = st.text(st.sampled_from('ab,"\n é'), max_size=6)
_split_bytes = st.integers(1, 80)
_WORDS = (
    Column("n", "BIGINT"),
    Column("word", "VARCHAR"),
)  # declared: a column of "1" and "2" would be inferred as numbers


def plan_content(content: bytes, source: dict[str, Any], folder: str) -> PlannedInput:
    path = Path(folder, "input")
    path.write_bytes(content)
    return plan_input(FileSource((str(path),), **source), _STORES, "input")


def all_lines(planned: PlannedInput) -> list[str]:
    readers = [open_split(planned.source, split, _STORES) for split in planned.splits]
    return [line for reader in readers for _, _, block in reader.records() for line in block]


def all_rows(planned: PlannedInput) -> list[dict[str, Any]]:
    readers = [open_split(planned.source, split, _STORES) for split in planned.splits]
    return [row for reader in readers for batch in reader.batches() for row in batch.to_pylist()]


@given(st.lists(_line, max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans(), _split_bytes, st.integers(1, 9))
@settings(deadline=None)
def test_every_text_line_is_in_exactly_one_split(given_lines, newline, ended, split_bytes, block_bytes):
    content = newline.join(given_lines) + (newline if ended and given_lines else "")
    expected = content.replace("\r\n", "\n").split("\n")
    if not expected[-1]:
        expected.pop()
    with tempfile.TemporaryDirectory() as folder:
        planned = plan_content(content.encode(), {"format": Format.TEXT, "split_bytes": split_bytes}, folder)
        assert all_lines(planned) == expected
        pieces = [piece for split in planned.splits for piece in split.pieces]
        blocks = [
            line
            for piece in pieces
            for offset, block in lines.blocks(piece, _STORES.filesystem(piece.uri), block_bytes)
            for line in lines.split_lines(lines.text_of(piece.uri, offset, block))
        ]
        assert blocks == expected


@given(st.lists(_line, min_size=1, max_size=40), st.integers(1, 9), st.integers(1, 200))
def test_remote_blocks_read_ahead_are_in_order(given_lines, block_bytes, cut):
    content = "".join(f"{line}\n" for line in given_lines).encode()
    uri = "memory://splitting/ahead"
    filesystem = _STORES.filesystem(uri)
    filesystem.put(uri, content)
    cut = min(cut, len(content))
    pieces = [FileRange(uri, 0, cut), FileRange(uri, cut, len(content))]
    found = [block for piece in pieces for _, block in lines.blocks(piece, filesystem, block_bytes)]
    assert b"".join(found) == content


@given(st.lists(_line, max_size=12), st.booleans())
def test_the_arrow_column_of_lines_equals_the_python_lines(given_lines, ended):
    content = "\n".join(given_lines) + ("\n" if ended and given_lines else "")
    if content:
        column = lines.lines_array("f", 0, content.encode())
        column.validate(full=True)
        assert column.to_pylist() == lines.split_lines(content)


@given(st.lists(st.tuples(_value, _value), min_size=1, max_size=12), _split_bytes, st.sampled_from(["\n", "\r\n"]))
@settings(deadline=None, max_examples=150)
def test_every_csv_record_is_in_exactly_one_split(records, split_bytes, newline):
    text = io.StringIO()
    csv.writer(text, lineterminator=newline, quoting=csv.QUOTE_ALL).writerows([("one", "two"), *records])
    with tempfile.TemporaryDirectory() as folder:
        source = {"format": Format.CSV, "split_bytes": split_bytes}
        rows = all_rows(plan_content(text.getvalue().encode(), source, folder))
    assert [(row["one"], row["two"]) for row in rows] == records


@given(st.lists(st.tuples(st.integers(0, 10**6), _line), min_size=1, max_size=12), _split_bytes)
@settings(deadline=None)
def test_every_csv_record_without_quoted_newlines_is_in_exactly_one_split(records, split_bytes):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC).writerows([("n", "word"), *records])
    with tempfile.TemporaryDirectory() as folder:
        source = {"format": Format.CSV, "split_bytes": split_bytes, "newlines": False, "schema": _WORDS}
        rows = all_rows(plan_content(text.getvalue().encode(), source, folder))
    assert [(row["n"], row["word"]) for row in rows] == records


@given(st.lists(st.tuples(st.integers(-5, 5), _line), min_size=1, max_size=12), _split_bytes)
@settings(deadline=None)
def test_every_json_line_is_in_exactly_one_split(records, split_bytes):
    content = "".join(json.dumps({"n": n, "word": word}, ensure_ascii=False) + "\n" for n, word in records)
    with tempfile.TemporaryDirectory() as folder:
        source = {"format": Format.JSON, "split_bytes": split_bytes, "schema": _WORDS}
        rows = all_rows(plan_content(content.encode(), source, folder))
    assert [(row["n"], row["word"]) for row in rows] == records


@given(st.integers(0, 60), st.integers(1, 20), st.integers(1, 4000))
@settings(deadline=None, max_examples=40)
def test_every_parquet_row_is_in_exactly_one_split(rows, group_rows, split_bytes):
    table = pa.table({"n": pa.array(range(rows), pa.int64()), "t": [f"text {i}" for i in range(rows)]})
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(table, f"{folder}/input", row_group_size=group_rows)
        source = FileSource((f"{folder}/input",), Format.PARQUET, split_bytes=split_bytes)
        planned = plan_input(source, _STORES, "input")
        assert all_rows(planned) == table.to_pylist()
        numbered = [
            (start + i, n)
            for split in planned.splits
            for _, start, batch in open_split(planned.source, split, _STORES).located(("n",))
            for i, n in enumerate(batch.column(0).to_pylist())
        ]
        assert numbered == [(n, n) for n in range(rows)]
        with duckdb.connect() as con:
            relations = [open_split(planned.source, s, _STORES).relation(con, ("n",)) for s in planned.splits]
            assert [n for sql in relations for (n,) in con.sql(f"SELECT n FROM {sql}").fetchall()] == list(range(rows))


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 2000))
@settings(deadline=None, max_examples=40)
def test_every_arrow_row_is_in_exactly_one_split(rows, batch_rows, split_bytes):
    table = pa.table({"n": pa.array(range(rows), pa.int64())})
    with tempfile.TemporaryDirectory() as folder:
        with pa.ipc.new_file(f"{folder}/input", table.schema) as writer:
            writer.write_table(table, max_chunksize=batch_rows)
        planned = plan_input(FileSource((f"{folder}/input",), Format.ARROW, split_bytes=split_bytes), _STORES, "input")
        assert all_rows(planned) == table.to_pylist()


@given(st.lists(st.integers(0, 700), min_size=1, max_size=3), st.integers(1, 4000), st.integers(1, 12_000))
@settings(deadline=None)
def test_splits_put_together_have_every_row_once_and_in_order(files, fine, coarse):
    with tempfile.TemporaryDirectory() as folder:
        for number, rows in enumerate(files):
            table = pa.table({"n": [number * 1000 + row for row in range(rows)]})
            pq.write_table(table, f"{folder}/{number}.parquet", row_group_size=100)
        source = FileSource((f"{folder}/*.parquet",), Format.PARQUET, split_bytes=fine)
        planned = plan_input(source, _STORES, "input")
        joined = replace(planned, splits=coarser(planned.splits, coarse))
        assert all_rows(joined) == all_rows(planned)
        assert sum(split.bytes_ for split in joined.splits) == sum(split.bytes_ for split in planned.splits)
        assert [split.rows for split in joined.splits] == [
            len(all_rows(replace(joined, splits=(each,)))) for each in joined.splits
        ]


def test_files_that_store_a_column_as_other_types_are_read_together():
    with tempfile.TemporaryDirectory() as folder:
        stored = [pa.array([1], pa.int32()), pa.array([1 << 40], pa.int64()), pa.nulls(1), pa.array([2], pa.int8())]
        for number, column in enumerate(stored):
            pq.write_table(pa.table({"n": column}), f"{folder}/{number}.parquet")
        planned = plan_input(FileSource((f"{folder}/*.parquet",), Format.PARQUET, unify=True), _STORES, "input")
        assert len(planned.splits) == 1
        assert [row["n"] for row in all_rows(planned)] == [1, 1 << 40, None, 2]


def test_a_table_is_planned_again_once_its_file_has_changed(tmp_path: Path) -> None:
    source = FileSource((f"{tmp_path}/t.parquet",), Format.PARQUET)
    pq.write_table(pa.table({"n": [1, 2]}), tmp_path / "t.parquet")
    before = plan_input(source, _STORES, "input")
    assert plan_input(source, _STORES, "input") is before
    pq.write_table(pa.table({"word": ["a", "b", "c"]}), tmp_path / "t.parquet")
    after = plan_input(source, _STORES, "input")
    assert (after.rows, after.schema) == (3, (Column("word", "VARCHAR"),))
