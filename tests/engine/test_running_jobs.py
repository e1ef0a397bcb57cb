"""Jobs from one end to the other, in this process and in worker processes: the same answers and the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gristmill as gm
from gristmill.storage.manifest import Manifest

TIERS = pytest.mark.parametrize("spread", [False, True], ids=["inline", "workers"])


def words(name: str, line: str) -> Iterator[tuple[str, int]]:
    for word in line.split():
        yield word, 1


def total(word: str, counts: Iterator[int]) -> Iterator[tuple[str, int]]:
    yield word, sum(counts)


def counts_of(books: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    for book in books.glob("*.txt"):
        for word in book.read_text().split():
            counts[word] = counts.get(word, 0) + 1
    return counts


def content(manifest: Manifest) -> list[tuple[int, int, str]]:
    """What the parts hold, whatever the run that wrote them was called."""
    return [(part.partition, part.rows, part.checksum) for part in manifest.parts]


@TIERS
def test_word_count_is_right(books: Path, *, spread: bool) -> None:
    job = gm.Job("wc", input=gm.text(str(books / "*.txt")), map=words, combine=total, reduce=total, partitions=3)
    table = gm.run(job, workers=2, memory="512MiB", force_distributed=spread).arrow()
    assert dict(zip(table["key"].to_pylist(), table["value"].to_pylist(), strict=True)) == counts_of(books)


def test_the_bytes_do_not_depend_on_tier_or_workers(books: Path, tmp_path: Path) -> None:
    found = []
    for number, options in enumerate(
        [{}, {"workers": 1, "force_distributed": True}, {"workers": 3, "force_distributed": True}]
    ):
        job = gm.Job(
            "wc",
            input=gm.text(str(books / "*.txt")),
            map=words,
            reduce=total,
            partitions=4,
            output=str(tmp_path / f"out{number}"),
        )
        found.append(content(gm.run(job, memory="512MiB", **options).manifest))
    assert found[0] == found[1] == found[2]


@TIERS
def test_jobs_that_read_each_other_run_as_one_chain(books: Path, *, spread: bool) -> None:
    counted = gm.Job("wc", input=gm.text(str(books / "*.txt")), map=words, reduce=total, partitions=3)

    def by_count(word: str, count: int) -> Iterator[tuple[int, str]]:
        yield count, word

    ranked = gm.Job(
        "ranked", input=counted, map=by_count, partition="range", sort=[gm.desc("key"), "value"], partitions=3
    )
    rows = gm.run(ranked, workers=2, memory="512MiB", force_distributed=spread).rows()
    expected = sorted(((count, word) for word, count in counts_of(books).items()), key=lambda pair: (-pair[0], pair[1]))
    assert [(row["key"], row["value"]) for row in rows] == expected


@TIERS
def test_two_inputs_meet_in_sql_reducers(tmp_path: Path, *, spread: bool) -> None:
    pq.write_table(pa.table({"orderkey": range(100), "custkey": [n % 7 for n in range(100)]}), tmp_path / "o.parquet")
    pq.write_table(
        pa.table({"orderkey": [n % 100 for n in range(500)], "price": [float(n) for n in range(500)]}),
        tmp_path / "l.parquet",
    )
    job = gm.Job(
        "revenue",
        input={
            "o": gm.parquet(
                tmp_path / "o.parquet",
                map=gm.sql_fragment("SELECT orderkey, custkey FROM input"),
                key=["orderkey"],
            ),
            "l": gm.parquet(
                tmp_path / "l.parquet",
                map=gm.sql_fragment("SELECT orderkey, price FROM input"),
                key=["orderkey"],
            ),
        },
        reduce=gm.sql_fragment(
            "SELECT custkey, sum(price) AS revenue FROM o JOIN l USING (orderkey) GROUP BY custkey ORDER BY custkey"
        ),
        partitions=1,
    )
    rows = gm.run(job, workers=2, memory="512MiB", force_distributed=spread).rows()
    expected = {customer: float(sum(n for n in range(500) if n % 100 % 7 == customer)) for customer in range(7)}
    assert {row["custkey"]: row["revenue"] for row in rows} == expected


@TIERS
def test_a_map_without_reduce_keeps_the_order_of_its_input(books: Path, *, spread: bool) -> None:
    def shout(name: str, line: str) -> Iterator[dict[str, Any]]:
        yield {"line": line.upper()}

    job = gm.Job("shout", input=gm.text(str(books / "*.txt")), map=shout, rows=True)
    result = gm.run(job, workers=2, memory="512MiB", force_distributed=spread)
    expected = [line.upper() for book in sorted(books.glob("*.txt")) for line in book.read_text().splitlines()]
    assert result.arrow()["line"].to_pylist() == expected


@TIERS
def test_counters_add_up_and_side_inputs_reach_every_task(books: Path, tmp_path: Path, *, spread: bool) -> None:
    pq.write_table(pa.table({"word": ["w0", "w1"]}), tmp_path / "stop.parquet")

    def kept(name: str, line: str) -> Iterator[tuple[str, int]]:
        stop = set(gm.side("stop")["word"].to_pylist())
        for word in line.split():
            if word in stop:
                gm.counter("stopped")
            else:
                yield word, 1

    job = gm.Job(
        "kept",
        input=gm.text(str(books / "*.txt")),
        map=kept,
        reduce=total,
        partitions=2,
        side={"stop": gm.parquet(tmp_path / "stop.parquet")},
    )
    result = gm.run(job, workers=2, memory="512MiB", force_distributed=spread)
    counts = counts_of(books)
    assert result.counters == {"stopped": counts["w0"] + counts["w1"]}
    assert {row["key"] for row in result.rows()} == counts.keys() - {"w0", "w1"}


def test_own_partition_function_and_several_outputs(books: Path, tmp_path: Path) -> None:
    def by_length(word: str, partitions: int) -> int:
        return len(word) % partitions

    def routed(word: str, counts: Iterator[int]) -> Iterator[Any]:
        n = sum(counts)
        yield gm.to("rare" if n < 50 else "common", (word, n))

    job = gm.Job(
        "routed",
        input=gm.text(str(books / "*.txt")),
        map=words,
        reduce=routed,
        partition=by_length,
        partitions=3,
        outputs={"rare": str(tmp_path / "rare"), "common": str(tmp_path / "common")},
    )
    result = gm.run(job)
    tables = {name: pq.read_table(tmp_path / name) for name in ("rare", "common")}
    counts = counts_of(books)
    for name, wanted in (
        ("rare", {w: n for w, n in counts.items() if n < 50}),
        ("common", {w: n for w, n in counts.items() if n >= 50}),
    ):
        found = dict(zip(tables[name]["key"].to_pylist(), tables[name]["value"].to_pylist(), strict=True))
        assert found == wanted
    assert len(result.manifests) == 2


def test_ten_jobs_in_a_chain(books: Path) -> None:
    job: gm.Job = gm.Job("step0", input=gm.text(str(books / "*.txt")), map=words, reduce=total, partitions=2)

    def bump(word: str, count: int) -> Iterator[tuple[str, int]]:
        yield word, count + 1

    for number in range(1, 10):
        job = gm.Job(f"step{number}", input=job, map=bump, reduce=total, partitions=2)
    rows = gm.run(job, workers=2, memory="512MiB", force_distributed=True).rows()
    assert {row["key"]: row["value"] - 9 for row in rows} == counts_of(books)


def test_what_was_appended_is_read_after_what_was_there(tmp_path: Path) -> None:
    for text in ("a b c d", "e f g h"):
        (tmp_path / "in.txt").write_text(text)
        output = gm.output(str(tmp_path / "out[1]"), mode="append")
        job = gm.Job("w", input=gm.text(str(tmp_path / "in.txt")), map=words, key=["key"], partitions=2, output=output)
        result = gm.run(job)
    found = [row["key"] for row in result.rows()]
    assert (sorted(found[:4]), sorted(found[4:])) == (list("abcd"), list("efgh"))


def test_only_outputs_that_outlive_the_process_wait_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[int] = []
    monkeypatch.setattr("gristmill.storage.local.os.fsync", waited.append)
    (tmp_path / "in.txt").write_text("a b a\n")
    assert len(gm.run(gm.Job("words", input=gm.text(str(tmp_path / "in.txt")), map=words))) == 3
    assert not waited
    gm.run(gm.Job("words", input=gm.text(str(tmp_path / "in.txt")), map=words, output=str(tmp_path / "out")))
    assert waited
