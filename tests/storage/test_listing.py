"""Listing: which files a URI means, in which order, and what is said where it means none."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.errors import InputError, StorageError
from gristmill.plan.job import Store
from gristmill.plan.source import FileSource, Format
from gristmill.storage.filesystem import canonical
from gristmill.storage.listing import glob_regex, hive_folder, hive_values
from gristmill.storage.packing import FILE_COST_BYTES, SPLIT_BYTES
from gristmill.storage.reading import open_split
from gristmill.storage.splits import plan_input
from gristmill.storage.stores import Stores

NAMES = ["b.txt", "a.txt", "year=2024/c.txt", "deep/er/d.txt", "_tmp/e.txt", ".hidden/f.txt", "_g.txt", "h.csv"]


@pytest.fixture
def folder(place: str, stores: Stores) -> str:
    """A folder with some files on each kind of store."""
    base = canonical(place)
    for name in NAMES:
        stores.filesystem(base).put(f"{base}/{name}", b"line\n")
    return base


def names(uri: str, base: str, stores: Stores) -> list[str]:
    planned = plan_input(FileSource((uri,), Format.TEXT, hive=False), stores, "input")
    return [piece.uri[len(base) + 1 :] for split in planned.splits for piece in split.pieces]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.txt", ["a.txt", "b.txt"]),
        ("/", ["a.txt", "b.txt", "deep/er/d.txt", "h.csv", "year=2024/c.txt"]),
        ("**/*.txt", ["a.txt", "b.txt", "deep/er/d.txt", "year=2024/c.txt"]),
        ("*/*.txt", ["year=2024/c.txt"]),
        ("{a,h}.*", ["a.txt", "h.csv"]),
        ("[!a].txt", ["b.txt"]),
        ("?.txt", ["a.txt", "b.txt"]),
        ("_g.txt", ["_g.txt"]),
        ("_tmp/*.txt", ["_tmp/e.txt"]),
        ("year=*/*", ["year=2024/c.txt"]),
    ],
)
def test_a_pattern_means_these_files_in_order_of_name(folder, stores, pattern, found):
    assert names(f"{folder}/{pattern.lstrip('/')}", folder, stores) == found


def test_a_file_named_twice_is_read_once(folder, stores):
    planned = plan_input(FileSource((f"{folder}/b.txt", f"{folder}/*.txt"), Format.TEXT), stores, "input")
    assert [p.uri.rpartition("/")[2] for s in planned.splits for p in s.pieces] == ["b.txt", "a.txt"]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [("*.parquet", r"\(in .*/\)"), ("dep/er/*.txt", "Did you mean deep"), ("aa.txt", r"Did you mean a\.txt")],
)
def test_a_pattern_without_files_names_what_is_near(folder, stores, pattern, said):
    with pytest.raises(InputError, match="no file matches") as caught:
        names(f"{folder}/{pattern}", folder, stores)
    assert caught.match(said)


@pytest.mark.parametrize("name", ["a[1].txt", "{b}.txt", "c[[2]].txt"])
def test_a_file_whose_name_is_a_pattern_is_found_as_its_error_says(place, stores, name):
    base = canonical(place)
    stores.filesystem(base).put(f"{base}/{name}", b"line\n")
    with pytest.raises(InputError, match="the name of a file") as caught:
        names(f"{base}/{name}", base, stores)
    assert names(caught.value.remedy.rpartition("write ")[2], base, stores) == [name]


def test_a_pattern_whose_files_lie_deeper_says_which_pattern_finds_them(tmp_path, stores):
    for path in ("2024/a.csv", "_tmp/x.json", "here.txt"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("")
    with pytest.raises(InputError) as caught:
        names(f"{tmp_path}/*.csv", tmp_path, stores)
    assert "There is 2024/a.csv" in caught.value.remedy
    assert caught.value.remedy.endswith(f"{tmp_path}/**/*.csv")
    with pytest.raises(InputError) as caught:
        names(f"{tmp_path}/*/*.json", tmp_path, stores)
    assert "_tmp/x.json would" in caught.value.remedy


def test_a_bracket_or_dot_in_a_pattern_is_no_regular_expression():
    assert glob_regex("a.b+").fullmatch("a.b+")
    assert not glob_regex("a.b").fullmatch("axb")
    assert glob_regex("[ab]-[!c]*").fullmatch("b-dx")


@pytest.mark.parametrize("value", ["2024", "a/b", "x=y", "50%", "", "é {x}", None])
def test_a_hive_folder_keeps_its_value(value):
    uri = f"s3://bucket/t/{hive_folder('na/me', value)}/part.parquet"
    assert hive_values(uri) == (("na/me", value),)


def test_hive_folders_become_columns(tmp_path, stores):
    for year, day in (("2023", "2023-05-01"), ("2024", None)):
        folder = tmp_path / hive_folder("year", year) / hive_folder("day", day)
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"n": [int(year)]}), folder / "x.parquet")
    planned = plan_input(FileSource((f"{tmp_path}/",), Format.PARQUET), stores, "input")
    assert [(c.name, c.type) for c in planned.schema] == [("n", "BIGINT"), ("year", "BIGINT"), ("day", "DATE")]
    rows = [r for b in open_split(planned.source, planned.splits[0], stores).batches() for r in b.to_pylist()]
    assert [(r["n"], r["year"], str(r["day"])) for r in rows] == [(2023, 2023, "2023-05-01"), (2024, 2024, "None")]


def test_files_in_unlike_partition_folders_are_refused(tmp_path, stores):
    for folder in ("year=2023", "month=1"):
        (tmp_path / folder).mkdir()
        pq.write_table(pa.table({"n": [1]}), tmp_path / folder / "x.parquet")
    with pytest.raises(InputError, match="different partition folders"):
        plan_input(FileSource((f"{tmp_path}/",), Format.PARQUET), stores, "input")


def test_many_small_files_share_splits_and_a_large_one_is_cut(tmp_path, stores):
    for i in range(300):
        (tmp_path / f"small-{i:03}.txt").write_text("x\n")
    with open(tmp_path / "zlarge.txt", "wb") as large:
        large.truncate(3 * SPLIT_BYTES)
    planned = plan_input(FileSource((f"{tmp_path}/*.txt",), Format.TEXT), stores, "input")
    per_split = SPLIT_BYTES // FILE_COST_BYTES
    assert len(planned.splits[0].pieces) in (per_split, per_split + 1)
    large_pieces = [p for s in planned.splits for p in s.pieces if p.uri.endswith("zlarge.txt")]
    assert [p.end - p.start for p in large_pieces] == [SPLIT_BYTES] * 3


def test_plans_are_the_same_each_time(tmp_path, stores):
    for i in range(20):
        pq.write_table(pa.table({"n": list(range(i))}), tmp_path / f"{i}.parquet")
    source = FileSource((f"{tmp_path}/*.parquet",), Format.PARQUET, split_bytes=1000)
    assert plan_input(source, stores, "input") == plan_input(source, Stores(), "input")


def test_a_plan_can_be_planned_again_from_its_own_source(tmp_path, stores):
    folder = tmp_path / "k=1"
    folder.mkdir()
    pq.write_table(pa.table({"n": [1]}), folder / "x.parquet")
    planned = plan_input(FileSource((f"{tmp_path}/",), Format.PARQUET), stores, "input")
    assert plan_input(planned.source, stores, "input") == planned


def test_relative_paths_become_absolute(tmp_path, monkeypatch, stores):
    (tmp_path / "a.txt").write_text("x")
    monkeypatch.chdir(tmp_path)
    planned = plan_input(FileSource(("a.txt",), Format.TEXT), stores, "input")
    assert planned.splits[0].pieces[0].uri == f"file://{Path.cwd()}/a.txt"


def test_a_missing_bucket_says_so(bucket, stores):
    with pytest.raises(StorageError, match="no bucket 'not-there'"):
        plan_input(FileSource(("s3://not-there/x/*.txt",), Format.TEXT), stores, "input")


@pytest.mark.parametrize(
    ("stores", "said"),
    [
        (Stores((), {"key": "test", "secret": "wrong"}), "access denied.*SignatureDoesNotMatch"),
        (Stores((Store("s3://", anonymous=True),)), "access denied"),
        (Stores((Store("s3://", endpoint="http://127.0.0.1:1"),)), r"cannot reach http://127\.0\.0\.1:1"),
    ],
)
def test_a_store_that_cannot_be_used_says_why(bucket, stores, said):
    with pytest.raises(StorageError, match=said):
        plan_input(FileSource((f"{bucket}/x/",), Format.TEXT), stores, "input")


def test_missing_credentials_say_where_to_put_them(bucket, stores, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(StorageError, match="AWS_ACCESS_KEY_ID"):
        plan_input(FileSource((f"{bucket}/x/",), Format.TEXT), stores, "input")
