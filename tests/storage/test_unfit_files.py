"""Files that are no good: each is refused with its name, at planning where listing or footers can tell."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.errors import InputError
from gristmill.plan.schema import Column
from gristmill.plan.source import FileSource, Format
from gristmill.storage.reading import open_split
from gristmill.storage.splits import plan_input
from gristmill.storage.stores import Stores

STORES = Stores()


def plan(folder, format_, **options):
    return plan_input(FileSource((f"{folder}/*",), format_, **options), STORES, "input")


def read(folder, format_, **options):
    planned = plan(folder, format_, **options)
    readers = [open_split(planned.source, split, STORES) for split in planned.splits]
    return [row for reader in readers for batch in reader.batches() for row in batch.to_pylist()]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"empty \(0 bytes\)"),
        (b"a,b\n1,2\n", "not a Parquet file: it begins with b'a,b"),
        (b"PAR1" + b"x" * 100, "truncated"),
        (b"PAR1" + b"x" * 100 + b"\xff\xff\xff\x00PAR1", "longer than the file"),
        (b"PAR1" + b"x" * 100 + b"\x10\x00\x00\x00PAR1", "corrupt"),
    ],
)
def test_what_is_no_parquet_file_is_refused_at_planning(tmp_path, content, said):
    (tmp_path / "bad.parquet").write_bytes(content)
    pq.write_table(pa.table({"n": [1]}), tmp_path / "good.parquet")
    with pytest.raises(InputError, match=said) as caught:
        plan(tmp_path, Format.PARQUET)
    assert caught.value.place.endswith("bad.parquet")


def test_a_parquet_file_that_is_damaged_inside_is_named_when_read(tmp_path):
    path = tmp_path / "bad.parquet"
    pq.write_table(pa.table({"n": list(range(10_000))}), path, use_dictionary=False, compression="snappy")
    content = bytearray(path.read_bytes())
    content[4:2000] = b"\xff" * 1996
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(tmp_path, Format.PARQUET)
    assert "bad.parquet" in caught.value.place


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"n": [1], "t": [2]}, "column 't' is VARCHAR in .*a.parquet and BIGINT in .*b.parquet"),
        ({"n": [1]}, "column 't' is VARCHAR in .*a.parquet and missing in .*b.parquet"),
        ({"n": [1], "t": ["x"], "more": [1]}, "column 'more' is missing in .*a.parquet and BIGINT in .*b.parquet"),
    ],
)
def test_files_whose_columns_differ_are_refused_with_both_names(tmp_path, second, said):
    pq.write_table(pa.table({"n": [1], "t": ["x"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table(second), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=said):
        plan(tmp_path, Format.PARQUET)


def test_unify_widens_numbers_and_fills_missing_columns(tmp_path):
    pq.write_table(pa.table({"n": pa.array([1], pa.int32()), "t": ["x"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"u": [True], "n": [2.5]}), tmp_path / "b.parquet")
    rows = read(tmp_path, Format.PARQUET, unify=True)
    assert rows == [{"n": 1.0, "t": "x", "u": None}, {"n": 2.5, "t": None, "u": True}]


def test_unify_refuses_what_no_type_holds(tmp_path):
    pq.write_table(pa.table({"n": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"n": ["x"]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"BIGINT in .*a\.parquet and VARCHAR in .*b\.parquet: no type holds both"):
        plan(tmp_path, Format.PARQUET, unify=True)


def test_columns_in_another_order_are_no_difference(tmp_path):
    pq.write_table(pa.table({"n": [1], "t": ["x"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"t": ["y"], "n": [2]}), tmp_path / "b.parquet")
    assert read(tmp_path, Format.PARQUET, unify=True) == [{"n": 1, "t": "x"}, {"n": 2, "t": "y"}]


def test_a_declared_column_that_is_missing_is_named(tmp_path):
    pq.write_table(pa.table({"price": [1]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="declared column 'prices' is missing") as caught:
        plan(tmp_path, Format.PARQUET, schema=(Column("prices", "BIGINT"),))
    assert "Did you mean price" in str(caught.value)


def test_a_declared_type_is_what_rows_have(tmp_path):
    pq.write_table(pa.table({"n": [1]}), tmp_path / "a.parquet")
    assert read(tmp_path, Format.PARQUET, schema=(Column("n", "DOUBLE"),)) == [{"n": 1.0}]


def test_pairs_must_have_key_and_value(tmp_path):
    pq.write_table(pa.table({"n": [1]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="not a file of pairs"):
        plan(tmp_path, Format.PAIRS)


@pytest.mark.parametrize("format_", [Format.CSV, Format.JSON])
def test_parquet_is_not_read_as_text(tmp_path, format_):
    pq.write_table(pa.table({"n": [1]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=f"parquet file cannot be read as {format_}"):
        plan(tmp_path, format_)


@pytest.mark.parametrize(
    ("format_", "content", "said"),
    [
        (Format.CSV, b"a,b\n1,2\n3\n", "Expected 2 columns, got 1"),
        (Format.CSV, b"a,b\n1,x\n2,\xff\n", r"byte 0xff is not valid UTF-8"),
        (Format.JSON, b'{"a": 1}\n{"a": \n', "JSON parse error"),
        (Format.JSON, b'[{"a": 1}]', "JSON array"),
        (Format.JSON, b'{"a": "\xe9"}\n', r"byte 0xe9 is not valid UTF-8"),
        (Format.TEXT, b"good\nbad \xff\n", r"byte 0xff is not valid UTF-8"),
        (Format.TEXT, "text".encode("utf-16"), "is UTF-16"),
        (Format.CSV, "a,b\n1,2\n".encode("utf-16"), "is UTF-16"),
        (Format.JSON, '{"a": 1}'.encode("utf-16"), "is UTF-16"),
        (Format.ARROW, b"ARROW1 but no more", "not a whole Arrow IPC file"),
        (Format.ARROW, b"", "not a whole Arrow IPC file"),
        (Format.CSV, b"", "no file holds a record"),
        (Format.JSON, b"\n\n", "no file holds a record"),
    ],
)
def test_malformed_content_is_refused_with_the_name_of_the_file(tmp_path, format_, content, said):
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        read(tmp_path, format_)
    assert "bad" in caught.value.place


def test_bad_utf8_is_named_by_its_offset_in_the_file(tmp_path):
    content = b"fine line\n" * 1000 + b"caf\xe9\n" + b"fine line\n" * 1000
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(tmp_path, Format.TEXT, split_bytes=1000)
    assert caught.value.place.endswith(f"bad, byte {content.index(0xE9)}")


def test_a_value_beyond_the_sample_that_does_not_fit_says_to_declare_the_schema(tmp_path):
    (tmp_path / "a.csv").write_text("n\n" + "1\n" * 3_000_000 + "x\n")
    with pytest.raises(InputError, match="invalid value 'x'") as caught:
        read(tmp_path, Format.CSV)
    assert "schema" in caught.value.remedy


@pytest.mark.parametrize(
    "content", [b"not gzip at all", gzip.compress(b"line\n" * 10_000, mtime=0)[:60]], ids=["no gzip", "cut short"]
)
def test_a_broken_compressed_file_is_refused(tmp_path, content):
    (tmp_path / "bad.txt.gz").write_bytes(content)
    with pytest.raises(InputError, match="corrupt or truncated") as caught:
        read(tmp_path, Format.TEXT)
    assert caught.value.place.endswith("bad.txt.gz")


@pytest.mark.parametrize("format_", [Format.TEXT, Format.PARQUET])
def test_a_file_that_changed_since_planning_is_refused(tmp_path, format_):
    path = tmp_path / "a"
    pq.write_table(pa.table({"n": [1]}), path) if format_ is Format.PARQUET else path.write_text("one\n")
    planned = plan(tmp_path, format_)
    pq.write_table(pa.table({"n": [1, 2]}), path) if format_ is Format.PARQUET else path.write_text("two and more\n")
    with pytest.raises(InputError, match="changed since the job was planned"):
        list(open_split(planned.source, planned.splits[0], STORES).batches())


def test_a_file_that_is_gone_is_named(tmp_path):
    (tmp_path / "a.txt").write_text("one\n")
    planned = plan(tmp_path, Format.TEXT)
    (tmp_path / "a.txt").rename(tmp_path / "aa.txt")
    with pytest.raises(InputError, match="no such file") as caught:
        list(open_split(planned.source, planned.splits[0], STORES).batches())
    assert "aa.txt" in str(caught.value)
