"""No input at all, more partitions than keys, and keys of 10 MB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gristmill as gm
from gristmill.errors import InputError, InvalidPlan

WORKERS: dict[str, Any] = {"workers": 2, "memory": "512MiB", "force_distributed": True}
TIERS = pytest.mark.parametrize("spread", [False, True], ids=["inline", "workers"])
HUGE = 10 << 20


def words(name: str, line: str) -> Iterator[tuple[str, int]]:
    for word in line.split():
        yield word, 1


def total(word: str, counts: Iterator[int]) -> Iterator[tuple[str, int]]:
    yield word, sum(counts)


def test_inputs_that_match_nothing_are_named_with_what_is_near(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("a\n")
    for wrong in ("word.txt", "*.csv", "nowhere/*.txt"):
        with pytest.raises(InputError) as caught:
            gm.run(gm.Job("none", input=gm.text(str(tmp_path / wrong)), map=words))
        assert wrong.split("/", maxsplit=1)[0] in str(caught.value)


def test_a_list_of_no_uris_is_refused() -> None:
    with pytest.raises(InvalidPlan, match="no URI"):
        gm.text([])


@TIERS
def test_files_without_a_record_give_parts_without_rows(tmp_path: Path, *, spread: bool) -> None:
    (tmp_path / "empty.txt").touch()
    options = WORKERS if spread else {}
    for number, reduce in enumerate(
        [total, gm.sql_fragment("SELECT key, sum(value) AS value FROM input GROUP BY key")]
    ):
        out = tmp_path / f"out{number}"
        job = gm.Job("none", input=gm.text(str(tmp_path / "empty.txt")), map=words, combine=total, reduce=reduce,
                     partitions=3, output=str(out))  # fmt: skip
        result = gm.run(job, **options)
        assert (len(result), len(result.manifest.parts)) == (0, 3)
        assert pq.read_table(out).column_names == ["key", "value"]


def test_an_empty_table_aggregates_and_sorts(tmp_path: Path) -> None:
    pq.write_table(pa.table({"k": pa.array([], pa.string()), "n": pa.array([], pa.int64())}), tmp_path / "t.parquet")
    tables = {"t": tmp_path / "t.parquet"}
    assert gm.sql("SELECT count(*) AS c, sum(n) AS s FROM t", tables=tables, **WORKERS).rows() == [{"c": 0, "s": None}]
    assert gm.sql("SELECT k, sum(n) FROM t GROUP BY k ORDER BY k", tables=tables, partitions=4).rows() == []
    ranged = gm.Job("none", input=gm.parquet(tmp_path / "t.parquet"), partition="range", sort=["n"], partitions=4)
    assert gm.run(ranged).arrow().schema.names == ["k", "n"]


def no_more_than(key: int, partitions: int) -> int:
    return 0


@TIERS
@pytest.mark.parametrize("partition", ["hash", "range", no_more_than], ids=["hash", "range", "own"])
def test_more_partitions_than_keys(tmp_path: Path, partition: Any, *, spread: bool) -> None:
    (tmp_path / "in.txt").write_text("a b a\nNone\n")
    job = gm.Job("few", input=gm.text(str(tmp_path / "in.txt")), map=words, combine=total, reduce=total,
                 partition=partition, partitions=24)  # fmt: skip
    result = gm.run(job, **(WORKERS if spread else {}))
    assert len(result.manifest.parts) == 24
    assert sorted(row["key"] + str(row["value"]) for row in result.rows()) == ["None1", "a2", "b1"]


def test_a_query_with_more_partitions_than_keys(tmp_path: Path) -> None:
    pq.write_table(pa.table({"k": [1, 1, None], "n": [1, 2, 3]}), tmp_path / "t.parquet")
    query = "SELECT a.k, sum(a.n) AS s FROM t a JOIN t b ON a.k = b.k GROUP BY a.k ORDER BY a.k"
    rows = gm.sql(query, tables={"t": tmp_path / "t.parquet"}, partitions=32, **WORKERS).rows()
    assert [(row["k"], int(row["s"])) for row in rows] == [(1, 6)]


def huge(name: str, line: str) -> Iterator[tuple[str, str]]:
    """Keys of 10 MB that differ in their last letter only, and values as long."""
    for letter in "bab":
        yield line * HUGE + letter, letter * HUGE


def measured(key: str, values: Iterator[str]) -> Iterator[dict[str, Any]]:
    lengths = [len(value) for value in values]
    yield {"last": key[-1], "length": len(key), "values": lengths}


@TIERS
@pytest.mark.parametrize("partition", ["hash", "range"])
def test_keys_and_values_of_10_mb(tmp_path: Path, partition: str, *, spread: bool) -> None:
    (tmp_path / "in.txt").write_text("x\n")
    job = gm.Job("huge", input=gm.text(str(tmp_path / "in.txt")), map=huge, reduce=measured, rows=True,
                 partition=partition, partitions=2)  # fmt: skip
    rows = gm.run(job, **(WORKERS if spread else {})).rows()
    assert sorted(rows, key=lambda row: row["last"]) == [
        {"last": "a", "length": HUGE + 1, "values": [HUGE]},
        {"last": "b", "length": HUGE + 1, "values": [HUGE, HUGE]},
    ]


def test_a_manifest_stays_small_whatever_the_keys(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("x\n")
    job = gm.Job("huge", input=gm.text(str(tmp_path / "in.txt")), map=huge, key=["key"], partitions=2,
                 output=str(tmp_path / "out"))  # fmt: skip
    assert len(gm.run(job)) == 3
    records = list((tmp_path / "out" / "_gristmill" / "commits").glob("*.json"))
    assert records
    assert sum(record.stat().st_size for record in records) < 100_000


def test_a_line_of_10_mb_and_a_huge_key_in_sql(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("y" * HUGE + "\nshort\n" + "y" * HUGE)
    count = gm.sql_fragment("SELECT length(value) AS n, count(*) AS c FROM input GROUP BY value")
    job = gm.Job("lines", input=gm.text(str(tmp_path / "in.txt")), key=["value"], partitions=2, reduce=count)
    assert sorted((row["n"], row["c"]) for row in gm.run(job, **WORKERS).rows()) == [(5, 1), (HUGE, 2)]


def test_the_message_about_a_huge_record_is_short(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("y" * HUGE + "\n")

    def wrong(name: str, line: str) -> Any:
        yield line

    def loud(name: str, line: str) -> Any:
        raise ValueError(f"cannot digest {line}")

    for function in (wrong, loud):
        with pytest.raises(gm.GristmillError) as caught:
            gm.run(gm.Job("huge", input=gm.text(str(tmp_path / "in.txt")), map=function))
        assert len(str(caught.value)) < 20_000
        assert "in.txt" in str(caught.value)
