"""Parts: what is written is what was given, the same bytes each time, and seen by nobody before the commit."""

from __future__ import annotations

import errno
import gzip
import itertools
import json
import os
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xxhash import xxh3_128

from gristmill.errors import InvalidPlan, StorageError, TypeConflict
from gristmill.plan.job import Output
from gristmill.plan.schema import Column, Schema
from gristmill.plan.source import FileSource, Format
from gristmill.plan.task import PendingPart
from gristmill.rows.types import arrow_schema, schema_of
from gristmill.storage import encoders
from gristmill.storage.commit import OutputCommit
from gristmill.storage.filesystem import canonical
from gristmill.storage.parts import PartWriter
from gristmill.storage.reading import open_split
from gristmill.storage.splits import plan_input
from gristmill.storage.stores import Stores

TABLE = pa.table(
    {
        "n": pa.array([1, None, 3], pa.int64()),
        "t": ["x", 'quo"te, and\nnewline', None],
        "d": pa.array([Decimal("1.50"), Decimal("-2.25"), None], pa.decimal128(9, 2)),
        "l": [[1, 2], [], None],
    }
)


def written(output: Output, table: pa.Table, stores: Stores, cuts: tuple[int, ...] = ()) -> tuple[PendingPart, ...]:
    schema = schema_of(table.schema)
    writer = PartWriter("job", output, 0, "one", schema, stores, keys=(table.column_names[0],))
    bounds = [0, *cuts, table.num_rows]
    for start, end in itertools.pairwise(bounds):
        for batch in table.slice(start, end - start).to_batches():
            writer.write(batch)
    return writer.finish()


def published(parts: tuple[PendingPart, ...], stores: Stores) -> list[bytes]:
    for part in parts:
        stores.filesystem(part.uri).publish(part.staged, part.uri)
    return [stores.filesystem(part.uri).read(part.uri) for part in parts]


def read_back(uri: str, format_: Format, stores: Stores, schema: Schema | None = None) -> list[dict]:
    planned = plan_input(FileSource((f"{uri}/",), format_, schema=schema), stores, "input")
    readers = [open_split(planned.source, split, stores) for split in planned.splits]
    return [row for reader in readers for batch in reader.batches() for row in batch.to_pylist()]


@pytest.mark.parametrize(
    ("format_", "compression", "name"),
    [
        (Format.PARQUET, "", "part-00000-one.parquet"),
        (Format.PARQUET, "snappy", "part-00000-one.parquet"),
        (Format.ARROW, "", "part-00000-one.arrow"),
        (Format.ARROW, "lz4", "part-00000-one.arrow"),
        (Format.JSON, "", "part-00000-one.jsonl"),
        (Format.JSON, "zstd", "part-00000-one.jsonl.zst"),
        (Format.CSV, "gzip", "part-00000-one.csv.gz"),
        (Format.CSV, "bz2", "part-00000-one.csv.bz2"),
        (Format.CSV, "xz", "part-00000-one.csv.xz"),
        (Format.CSV, "lz4", "part-00000-one.csv.lz4"),
        (Format.CSV, "brotli", "part-00000-one.csv.br"),
    ],
)
def test_rows_come_back_as_they_were(place, stores, format_, compression, name):
    table = TABLE.drop_columns(["l"]) if format_ is Format.CSV else TABLE
    (part,) = written(Output(place, format=format_, compression=compression), table, stores)
    (content,) = published((part,), stores)
    assert part.uri == f"{canonical(place)}/{name}"
    assert (part.rows, part.bytes_) == (3, len(content))
    schema = schema_of(table.schema)
    assert read_back(place, format_, stores, schema) == table.to_pylist()


def test_a_part_is_not_seen_before_it_is_published(place, stores):
    written(Output(place), TABLE, stores)
    base = canonical(place)
    assert [e for e in stores.filesystem(base).walk(base) if "_gristmill" not in e.uri] == []


def test_a_discarded_part_leaves_nothing(place, stores):
    (part,) = written(Output(place), TABLE, stores)
    filesystem = stores.filesystem(canonical(place))
    filesystem.discard(part.staged)
    filesystem.discard(part.staged)
    assert list(filesystem.walk(canonical(place))) == []
    with pytest.raises(StorageError, match="gone"):
        filesystem.publish(part.staged, part.uri)


def test_an_aborted_writer_leaves_nothing(place, stores):
    writer = PartWriter("job", Output(place), 0, "one", schema_of(TABLE.schema), stores)
    writer.write(TABLE.to_batches()[0])
    writer.abort()
    assert list(stores.filesystem(canonical(place)).walk(canonical(place))) == []


def test_a_part_of_several_uploads_is_whole(bucket, stores):
    table = pa.table({"n": pa.array(range(3_000_000), pa.int64())})
    (part,) = written(Output(f"{bucket}/big", compression="none"), table, stores)
    assert len(json.loads(part.staged)["parts"]) > 1
    assert list(stores.filesystem(bucket).walk(f"{bucket}/big")) == []
    (content,) = published((part,), stores)
    assert pq.read_table(pa.BufferReader(content)).column("n").to_pylist()[::500_000] == list(
        range(0, 3_000_000, 500_000)
    )


@pytest.mark.parametrize("format_", [Format.PARQUET, Format.ARROW, Format.CSV, Format.JSON])
def test_an_empty_partition_is_a_part_with_schema_and_no_rows(tmp_path, stores, format_):
    table = TABLE.drop_columns(["l"]).slice(0, 0)
    parts = written(Output(str(tmp_path), format=format_), table, stores)
    published(parts, stores)
    assert parts[0].rows == 0
    assert read_back(str(tmp_path), format_, stores, schema_of(table.schema)) == []


def test_logical_types_survive_parquet(tmp_path, stores):
    schema = (Column("h", "HUGEINT"), Column("e", "ENUM('a', 'b')"), Column("u", "UUID"))
    empty = arrow_schema(schema).empty_table()
    published(written(Output(str(tmp_path)), empty, stores), stores)
    planned = plan_input(FileSource((str(tmp_path),), Format.PARQUET), stores, "input")
    assert planned.schema == schema_of(arrow_schema(schema))


TEXTS = [f"text {i % 7}" * (i % 5) for i in range(500)]
NUMBERS = [Decimal(i) / 8 for i in range(500)]


@given(st.lists(st.integers(0, 500), max_size=4), st.sampled_from(list(Format)), st.sampled_from([TEXTS, NUMBERS]))
@settings(max_examples=60)
def test_bytes_do_not_depend_on_how_rows_arrive(tmp_path_factory, cuts, format_, values):
    table = pa.table({"key": list(range(500)), "value": values})
    place = str(tmp_path_factory.mktemp("out"))
    output, stores = Output(place, format=format_), Stores()
    before = encoders.Encoder.rows_per_block
    encoders.Encoder.rows_per_block = 100
    try:
        (whole,) = written(output, table, stores)
        (in_pieces,) = written(output, table, stores, tuple(sorted(cuts)))
    finally:
        encoders.Encoder.rows_per_block = before
    assert whole.checksum == in_pieces.checksum
    assert Path(whole.staged).read_bytes() == Path(in_pieces.staged).read_bytes()


@pytest.mark.parametrize(
    ("format_", "name", "of"), [("parquet", "sha256", sha256), ("csv", "sha256", sha256), ("arrow", "xxh3", xxh3_128)]
)
def test_the_checksum_is_of_the_bytes_of_the_file(tmp_path, stores, format_, name, of):
    (part,) = written(Output(str(tmp_path), format=Format(format_)), pa.table({"key": [1, 2]}), stores)
    assert part.checksum == f"{name}:{of(Path(part.staged).read_bytes()).hexdigest()}"


def test_row_groups_are_bounded_by_rows_and_bytes():
    narrow = pa.table({"n": pa.array(range(10_000), pa.int64())})
    wide = pa.table({"t": ["x" * 10_000] * 10_000})
    assert encoders.rows_per_group(narrow) == encoders.ROW_GROUP_ROWS
    assert encoders.rows_per_group(wide) == 8192


def test_row_groups_have_statistics(tmp_path, stores):
    table = pa.table({"n": pa.array(range(5000), pa.int64())})
    published(written(Output(str(tmp_path)), table, stores), stores)
    statistics = pq.read_metadata(tmp_path / "part-00000-one.parquet").row_group(0).column(0).statistics
    assert (statistics.min, statistics.max) == (0, 4999)


def test_the_key_range_leaves_out_null_and_nan(tmp_path, stores):
    table = pa.table({"k": [float("nan"), 2.5, None, -1.0]})
    (part,) = written(Output(str(tmp_path)), table, stores)
    assert (part.key_min, part.key_max) == ("-1.0", "2.5")


def test_partition_by_makes_hive_folders_that_read_back(place, stores):
    table = pa.table({"day": ["a/b", None, "c", "a/b"], "n": [1, 2, 3, 4]})
    output = Output(place, partition_by=("day",))
    parts = written(output, table, stores)
    folders = ["day=__HIVE_DEFAULT_PARTITION__", "day=a%2Fb", "day=c"]
    assert [part.folder for part in parts] == folders
    run = OutputCommit("job", "one", [output], stores)
    run.prepare()
    run.commit(parts, run.acquire_epoch())
    rows = read_back(place, Format.PARQUET, stores)
    assert sorted(rows, key=lambda row: row["n"]) == [
        {"n": 1, "day": "a/b"},
        {"n": 2, "day": None},
        {"n": 3, "day": "c"},
        {"n": 4, "day": "a/b"},
    ]


def test_text_output_is_lines_with_tabs_between_columns(tmp_path, stores):
    table = pa.table({"key": ["a", "b"], "value": [1, None]})
    (content,) = published(
        written(Output(str(tmp_path), format=Format.TEXT, compression="gzip"), table, stores), stores
    )
    assert gzip.decompress(content) == b"a\t1\nb\t\n"


INTERVALS = pa.month_day_nano_interval()


@pytest.mark.parametrize(
    ("output", "error", "said"),
    [
        (Output("out", compression="zip"), InvalidPlan, "unknown compression 'zip'"),
        (Output("out", format=Format.CSV, compression="snappy"), InvalidPlan, "Use one of none"),
        (Output("out", format=Format.CSV), TypeConflict, "nested column 'l'"),
        (Output("out", partition_by=("tt",)), InvalidPlan, "Did you mean t"),
    ],
)
def test_an_output_that_cannot_be_written_says_why(tmp_path, monkeypatch, stores, output, error, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=said):
        written(output, TABLE, stores)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (pa.array([b"\xff"]), "the bytes of column 'x'"),
        (pa.array([(1, 2, 3)], INTERVALS), "the intervals of column 'x'"),
    ],
)
def test_csv_refuses_columns_that_it_cannot_hold(tmp_path, stores, values, said):
    with pytest.raises(TypeConflict, match=said):
        written(Output(str(tmp_path), format=Format.CSV), pa.table({"x": values}), stores)


class FullDisk:
    """A file on a disk without space."""

    def write(self, data: memoryview) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_a_storage_error_with_a_remedy(tmp_path, stores, monkeypatch):
    writer = PartWriter("job", Output(str(tmp_path)), 0, "one", schema_of(TABLE.schema), stores)
    writer.write(TABLE.to_batches()[0])
    monkeypatch.setattr(writer._open[""].sink._staged, "_file", FullDisk())
    with pytest.raises(StorageError, match="No space left on device") as caught:
        writer.finish()
    assert "Free space" in caught.value.remedy
