"""Reading: rows and lines as they are in files of every format, compressed or not, from every store."""

from __future__ import annotations

import bz2
import datetime
import gzip
import io
import lzma
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.errors import InputError, StorageError
from gristmill.plan.schema import Column
from gristmill.plan.source import FileSource, Format
from gristmill.storage.filesystem import canonical
from gristmill.storage.formats.reader import SplitReader
from gristmill.storage.reading import open_split
from gristmill.storage.splits import plan_input
from gristmill.storage.stores import Stores


def readers(uri: str, format_: Format, stores: Stores, cache: Path | None = None, **options) -> list[SplitReader]:
    planned = plan_input(FileSource((uri,), format_, **options), stores, "input")
    return [open_split(planned.source, split, stores, cache) for split in planned.splits]


def rows_of(uri: str, format_: Format, stores: Stores, **options) -> list[dict]:
    found = readers(uri, format_, stores, **options)
    return [row for reader in found for batch in reader.batches() for row in batch.to_pylist()]


def lines_of(uri: str, stores: Stores, **options) -> list[str]:
    return [line for r in readers(uri, Format.TEXT, stores, **options) for _, _, block in r.records() for line in block]


def arrow_compressed(codec: str) -> Callable[[bytes], bytes]:
    return lambda content: pa.compress(content, codec=codec, asbytes=True)


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zst", arrow_compressed("zstd"))],
)
def test_compressed_text_is_read_by_its_suffix(place, stores, suffix, compress):
    content = "".join(f"line {i}\n" for i in range(5000))
    uri = f"{canonical(place)}/a.txt{suffix}"
    stores.filesystem(uri).put(uri, compress(content.encode()))
    assert lines_of(uri, stores, split_bytes=1000) == content.splitlines()


def test_several_gzip_members_are_one_content(tmp_path, stores):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n"))
    assert lines_of(str(tmp_path / "a.gz"), stores) == ["one", "two"]


def test_text_read_whole_is_one_record_a_file(place, stores):
    base = canonical(place)
    for name in ("a", "b"):
        stores.filesystem(base).put(f"{base}/{name}.txt", f"{name}\nmore\n".encode())
    found = [record for r in readers(f"{base}/*.txt", Format.TEXT, stores, whole=True) for record in r.records()]
    assert found == [(f"{base}/a.txt", 0, ["a\nmore\n"]), (f"{base}/b.txt", 0, ["b\nmore\n"])]


@pytest.mark.parametrize("newlines", [True, False])
def test_csv_from_every_store(place, stores, newlines):
    uri = f"{canonical(place)}/a.csv"
    content = "n,name,day,at,x\n" + "".join(f"{i},n{i},2024-01-02,2024-01-02 03:04:05,{i}.5\n" for i in range(300))
    stores.filesystem(uri).put(uri, content.encode())
    rows = rows_of(uri, Format.CSV, stores, split_bytes=500, newlines=newlines)
    assert [row["n"] for row in rows] == list(range(300))
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5)
    assert rows[7] == {"n": 7, "name": "n7", "day": moment.date(), "at": moment, "x": 7.5}


def test_csv_tells_empty_text_from_null(tmp_path, stores):
    (tmp_path / "a.csv").write_text('n,t\n1,\n2,""\n,x\n')
    rows = rows_of(str(tmp_path / "a.csv"), Format.CSV, stores)
    assert rows == [{"n": 1, "t": None}, {"n": 2, "t": ""}, {"n": None, "t": "x"}]


@pytest.mark.parametrize("newlines", [True, False])
@pytest.mark.parametrize("split_bytes", [None, 2])
def test_an_empty_line_is_a_null_of_a_single_column(tmp_path, stores, newlines, split_bytes):
    (tmp_path / "one.csv").write_text("n\n1\n\n2\n\n")
    (tmp_path / "two.csv").write_text("n,m\n1,2\n\n3,4\n\n")
    options = {"newlines": newlines, "split_bytes": split_bytes}
    one = rows_of(str(tmp_path / "one.csv"), Format.CSV, stores, **options)
    assert [row["n"] for row in one] == [1, None, 2, None]
    assert [row["n"] for row in rows_of(str(tmp_path / "two.csv"), Format.CSV, stores, **options)] == [1, 3]


def test_csv_options_are_honoured(tmp_path, stores):
    (tmp_path / "a.csv").write_text("1;'a;b'\nNA;c\n")
    options = {"header": False, "delimiter": ";", "quote": "'", "null": "NA"}
    rows = rows_of(str(tmp_path / "a.csv"), Format.CSV, stores, **options)
    assert rows == [{"column0": 1, "column1": "a;b"}, {"column0": None, "column1": "c"}]


def test_csv_with_a_byte_order_mark(tmp_path, stores):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfn,t\n1,x\n")
    assert rows_of(str(tmp_path / "a.csv"), Format.CSV, stores) == [{"n": 1, "t": "x"}]


def test_csv_with_stray_quotes_is_not_cut_and_still_read(tmp_path, stores):
    content = "n,t\n" + '1,5" disk\n2,plain\n' * 200
    (tmp_path / "a.csv").write_text(content)
    found = readers(str(tmp_path / "a.csv"), Format.CSV, stores, split_bytes=100)
    assert len(found) == 1
    assert sum(batch.num_rows for batch in found[0].batches()) == 400


def test_csv_rows_are_numbered_through_the_file(tmp_path, stores):
    (tmp_path / "a.csv").write_text("n\n" + "".join(f"{i}\n" for i in range(500)))
    found = readers(str(tmp_path / "a.csv"), Format.CSV, stores, split_bytes=300)
    assert len(found) > 3
    numbered = [(start + i, n) for r in found for _, start, b in r.located() for i, n in enumerate(b[0].to_pylist())]
    assert numbered == [(n, n) for n in range(500)]


def test_csv_columns_can_have_types_that_only_duckdb_reads(tmp_path, stores):
    (tmp_path / "a.csv").write_text('h,u,l\n1000000000000000000000000000000,x,"[1, 2]"\n')
    schema = (Column("h", "HUGEINT"), Column("u", "VARCHAR"), Column("l", "INTEGER[]"))
    (reader,) = readers(str(tmp_path / "a.csv"), Format.CSV, stores, schema=schema)
    with duckdb.connect() as con:
        found = con.sql(f"SELECT h, l, typeof(h) FROM {reader.relation(con)}").fetchall()
    assert found == [(10**30, [1, 2], "HUGEINT")]


def test_json_objects_may_lack_keys_and_nest(tmp_path, stores):
    (tmp_path / "a.jsonl").write_text('{"n": 1, "s": {"x": [1, 2]}}\n\n{"t": "y", "n": 2.5}\n')
    rows = rows_of(str(tmp_path / "a.jsonl"), Format.JSON, stores)
    assert rows == [{"n": 1.0, "s": {"x": [1, 2]}, "t": None}, {"n": 2.5, "s": None, "t": "y"}]


def test_json_dates_and_decimals_come_as_declared(tmp_path, stores):
    (tmp_path / "a.jsonl").write_text('{"d": "2024-02-03", "p": "1.10", "u": "x"}\n')
    schema = (Column("d", "DATE"), Column("p", "DECIMAL(9,2)"))
    (row,) = rows_of(str(tmp_path / "a.jsonl"), Format.JSON, stores, schema=schema)
    assert (str(row["d"]), str(row["p"])) == ("2024-02-03", "1.10")


def test_arrow_files_and_streams_from_every_store(place, stores):
    table = pa.table({"n": [1, 2, 3], "t": ["x", None, "z"]})
    for name, make in (("file.arrow", pa.ipc.new_file), ("stream.arrow", pa.ipc.new_stream)):
        sink = io.BytesIO()
        with make(sink, table.schema) as writer:
            writer.write_table(table)
        uri = f"{canonical(place)}/{name}"
        stores.filesystem(uri).put(uri, sink.getvalue())
        assert rows_of(uri, Format.ARROW, stores) == table.to_pylist()


def parquet_bytes(table: pa.Table, **options) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def test_parquet_from_every_store_reads_the_columns_asked_for(place, stores, tmp_path):
    table = pa.table({"n": list(range(1000)), "t": [f"t{i}" for i in range(1000)], "x": [i / 2 for i in range(1000)]})
    uri = f"{canonical(place)}/a.parquet"
    stores.filesystem(uri).put(uri, parquet_bytes(table, row_group_size=100))
    found = readers(uri, Format.PARQUET, stores, tmp_path / "cache", split_bytes=3000)
    assert len(found) > 2
    with duckdb.connect() as con:
        rows = [row for r in found for row in con.sql(f"SELECT t, n FROM {r.relation(con, ('n', 't'))}").fetchall()]
    assert rows == [(f"t{i}", i) for i in range(1000)]
    assert [n for r in found for b in r.batches(("x",)) for n in b["x"].to_pylist()] == table["x"].to_pylist()


def test_nested_parquet_columns_come_from_remote_files(bucket, stores, tmp_path):
    table = pa.table({"s": [{"x": i, "l": [i, i + 1]} for i in range(50)], "a.b": list(range(50)), "skip": ["no"] * 50})
    uri = f"{bucket}/a.parquet"
    stores.filesystem(uri).put(uri, parquet_bytes(table, row_group_size=7))
    (reader,) = readers(uri, Format.PARQUET, stores, tmp_path)
    found = [row for batch in reader.batches(("s", "a.b")) for row in batch.to_pylist()]
    assert found == table.select(["s", "a.b"]).to_pylist()


def test_hive_columns_of_remote_parquet(bucket, stores, tmp_path):
    for day in (1, 2):
        uri = f"{bucket}/t/day={day}/a.parquet"
        stores.filesystem(uri).put(uri, parquet_bytes(pa.table({"n": [day * 10]})))
    (reader,) = readers(f"{bucket}/t/", Format.PARQUET, stores, tmp_path)
    assert [row for b in reader.batches() for row in b.to_pylist()] == [{"n": 10, "day": 1}, {"n": 20, "day": 2}]


def test_a_relation_can_be_scanned_more_than_once(tmp_path, stores):
    (tmp_path / "a.csv").write_text("n\n1\n2\n3\n")
    (reader,) = readers(str(tmp_path / "a.csv"), Format.CSV, stores)
    with duckdb.connect() as con:
        con.execute(f"CREATE VIEW v AS FROM {reader.relation(con)}")
        assert con.sql("SELECT count(*) FROM v a JOIN v b ON a.n <= b.n").fetchall() == [(6,)]
        assert con.sql("SELECT sum(n) FROM v").fetchall() == [(6,)]


def test_bytes_and_requests_are_counted(bucket, stores, tmp_path):
    uri = f"{bucket}/a.parquet"
    table = pa.table({"n": list(range(100_000)), "t": [f"text {i}" for i in range(100_000)]})
    content = parquet_bytes(table)
    stores.filesystem(uri).put(uri, content)
    (reader,) = readers(uri, Format.PARQUET, stores, tmp_path)
    list(reader.batches(("n",)))
    assert 0 < reader.bytes_read < len(content) * 0.7
    assert reader.requests <= 3


def test_http_files_are_read_by_name(tmp_path, stores):
    pytest.importorskip("aiohttp")
    from tests.support.http_files import serving

    (tmp_path / "a.txt").write_text("one\ntwo\nthree")
    pq.write_table(pa.table({"n": list(range(1000))}), tmp_path / "a.parquet", row_group_size=100)
    for ranges in (True, False):
        with serving(tmp_path, ranges=ranges) as base:
            assert lines_of(f"{base}/a.txt", stores, split_bytes=3) == ["one", "two", "three"]
            found = rows_of(f"{base}/a.parquet", Format.PARQUET, stores)
            assert [row["n"] for row in found] == list(range(1000))
            with pytest.raises(StorageError):
                stores.filesystem(base).put(f"{base}/b.txt", b"x")


def test_an_http_server_that_is_not_there_is_no_missing_file(tmp_path, stores):
    pytest.importorskip("aiohttp")
    from tests.support.http_files import serving

    with serving(tmp_path, ranges=True) as base, pytest.raises(InputError, match="no file matches"):
        plan_input(FileSource((f"{base}/a.txt",), Format.TEXT), stores, "input")
    with pytest.raises(StorageError, match="the store refused: Client"):
        plan_input(FileSource((f"{base}/a.txt",), Format.TEXT), stores, "input")


def test_parquet_rows_are_numbered_in_their_file(tmp_path, stores):
    sizes = {"a=1/f0": 3, "a=1/f1": 0, "a=2/f2": 5, "a=2/f3": 700, "a=2/f4": 1}
    for name, rows in sizes.items():
        path = tmp_path / f"{name}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table({"n": pa.array(range(rows), pa.int64())}), path, row_group_size=100)
    found = readers(str(tmp_path), Format.PARQUET, stores, split_bytes=2000, hive=True)
    assert len(found) > 1
    numbered = [
        (uri.rsplit("/", 1)[1], start + i, n, a)
        for reader in found
        for uri, start, batch in reader.located()
        for i, (n, a) in enumerate(zip(batch["n"].to_pylist(), batch["a"].to_pylist(), strict=True))
    ]
    assert numbered == [
        (f"{name[4:]}.parquet", n, n, int(name[2])) for name, rows in sizes.items() for n in range(rows)
    ]
