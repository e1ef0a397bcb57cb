"""Same bytes: what a job gives depends on its inputs and spec, never on who ran it, with how much, or what died."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gristmill as gm
from gristmill.api.options import RunOptions
from gristmill.api.run import run_chain
from gristmill.coordinator.planning import plan_chain
from gristmill.storage.manifest import Manifest
from gristmill.storage.stores import Stores
from gristmill.worker.processes import family

Cut = Callable[[gm.Input, int], gm.Input]


def content(manifest: Manifest) -> list[tuple[int, int, str]]:
    return [(part.partition, part.rows, part.checksum) for part in manifest.parts]


@pytest.fixture
def lines(tmp_path: Path) -> str:
    """Four files of a hundred numbered lines."""
    folder = tmp_path / "lines"
    folder.mkdir()
    for file in range(4):
        (folder / f"{file}.txt").write_text("".join(f"{file}-{number:03}\n" for number in range(100)))
    return str(folder / "*.txt")


def test_splits_and_default_partitions_depend_on_inputs_and_spec_only(
    lines: str, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    def last(key: str, values: Iterator[str]) -> Iterator[tuple[str, str]]:
        yield key, max(values)

    job = gm.Job("plan", input=cut(gm.text(lines), 150), map=lambda name, line: [(line, line)], reduce=last)
    plans = []
    for machine in ("1", "64"):
        monkeypatch.setenv("GRISTMILL_WORKERS", machine)
        monkeypatch.setenv("GRISTMILL_MEMORY_BYTES", str(int(machine) << 30))
        planned = plan_chain(job.chain(), Stores(), force_distributed=True)
        plans.append((planned.graph, {name: each.splits for name, each in planned.inputs.items()}))
    assert plans[0] == plans[1]


def first_and_rest(key: str, values: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Associative, and tells the order in which values came."""
    yield key, " ".join(values)


@pytest.mark.parametrize("combine", [None, first_and_rest], ids=["plain", "combined"])
@pytest.mark.parametrize("spread", [False, True], ids=["inline", "workers"])
def test_values_reach_reduce_in_input_split_record_order(
    lines: str, tmp_path: Path, cut: Cut, workers: dict[str, Any], combine: Any, *, spread: bool
) -> None:
    (tmp_path / "more.txt").write_text("".join(f"more-{number}\n" for number in range(50)))

    def by_last_digit(name: str, line: str) -> Iterator[tuple[str, str]]:
        yield line[-1], line

    inputs = {"zebra": cut(gm.text(lines), 300), "ant": gm.text(str(tmp_path / "more.txt"))}

    def joined(key: str, values: Iterator[gm.Tagged]) -> Iterator[tuple[str, str]]:
        yield key, " ".join(value.value for value in values)

    job = gm.Job("order", input=inputs, map=by_last_digit, combine=combine, reduce=joined, partitions=3)
    rows = gm.run(job, **(workers if spread else {})).rows()
    written = [f"{file}-{number:03}" for file in range(4) for number in range(100)]
    written += [f"more-{number}" for number in range(50)]
    assert {row["key"]: row["value"] for row in rows} == {
        str(digit): " ".join(line for line in written if line.endswith(str(digit))) for digit in range(10)
    }


def test_combining_and_merging_go_over_contiguous_runs_in_record_order(lines: str, cut: Cut) -> None:
    """A function that is associative and not commutative gives the same with a combine as without."""

    def same_key(name: str, line: str) -> Iterator[tuple[str, str]]:
        yield "all", line
        yield line[0], line

    def run(combine: Any) -> list[dict[str, Any]]:
        job = gm.Job(
            "runs", input=cut(gm.text(lines), 97), map=same_key, combine=combine, reduce=first_and_rest, partitions=2
        )
        return gm.run(job).rows()

    assert run(first_and_rest) == run(None)


def test_fragments_of_a_spread_query_run_one_thread_in_an_explicit_order(
    tmp_path: Path, workers: dict[str, Any]
) -> None:
    """Sums of floats in the last place, and lists whose order shows how rows came."""
    rows = 60_000
    table = pa.table({"k": [n % 7 for n in range(rows)], "x": [1 / (n + 1) for n in range(rows)]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=5_000)

    def run(number: int, **options: Any) -> list[tuple[int, int, str]]:
        query = gm.sql(
            "SELECT k, sum(x) AS s, avg(x) AS a, count(*) AS n FROM t GROUP BY k ORDER BY k",
            tables={"t": str(tmp_path / "t.parquet")},
            partitions=4,
            **options,
        )
        return content(query.write(str(tmp_path / f"out{number}")).manifest)

    assert run(0) == run(1, **workers) == run(2, **{**workers, "workers": 1, "memory": "1GiB"})


def test_the_hash_seed_of_workers_is_fixed(seed: gm.Input, workers: dict[str, Any]) -> None:
    def told(name: str, line: str) -> Iterator[tuple[str, str]]:
        yield os.environ["PYTHONHASHSEED"], " ".join({f"word{n}" for n in range(50)})

    first, second = (gm.run(gm.Job("seed", input=seed, map=told), **workers).rows() for _ in range(2))
    assert first[0]["key"] == "0"
    assert first == second


def test_parts_are_byte_for_byte_equal_in_every_format(lines: str, tmp_path: Path, workers: dict[str, Any]) -> None:
    for format_ in ("parquet", "csv", "json", "arrow", "text"):
        found = []
        for number, options in enumerate([{}, workers]):
            target = tmp_path / f"{format_}{number}"
            output = gm.output(str(target), format=format_)
            job = gm.Job("same", input=gm.text(lines), map=lambda name, line: [(line[-1], line)], output=output,
                         key=["key"], partitions=2)  # fmt: skip
            parts = gm.run(job, **options).manifest.parts
            found.append([(target / part.path).read_bytes() for part in parts])
        assert found[0] == found[1], format_


def _worker_here() -> str:
    """The worker whose executor calls this."""
    return Path("/proc/self/comm").read_text().split()[1]


def _agent_of(worker: str) -> int:
    """The process that holds the worker's map output: a fork of the host, as this executor is."""
    return next(pid for pid in family(os.getppid()) if _holds(pid, "gm-agent", worker))


def _holds(pid: int, kind: str, worker: str) -> bool:
    """Whether that process still is this one of the worker's."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().split() == [kind, worker] and bool(
            Path(f"/proc/{pid}/cmdline").read_bytes()  # empty once it is a zombie
        )
    except OSError:
        return False


@pytest.mark.parametrize("stored", [False, True], ids=["read again", "stored"])
def test_a_map_that_reruns_with_another_checksum_is_noticed(tmp_path: Path, *, stored: bool) -> None:
    """The map gives the number of its run. Its output is lost when one reduce is done and the other is not. Rows of
    the first run do not stay beside those of the second; where the first reduce's part is stored already, the job says
    that it is not deterministic and may mix both."""
    notes = tmp_path / "notes"
    notes.mkdir()
    (tmp_path / "in.txt").write_text("x\n")

    def numbered(name: str, line: str) -> Iterator[tuple[int, int]]:
        run = len(list(notes.glob("map-*")))
        (notes / f"map-{run}-{_worker_here()}").touch()
        for key in range(2):
            yield key, run

    def modulo(key: int, partitions: int) -> int:
        return key % partitions

    def reread(key: int, runs: Iterator[int]) -> Any:
        found = list(runs)
        if key == 1 and not (notes / "killed").exists():
            deadline = time.monotonic() + 10
            while not (notes / "reduced").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.5)
            (notes / "killed").touch()
            mapper = next(notes.glob("map-0-*")).name.rsplit("-", 1)[1]
            agent = _agent_of(mapper)
            os.kill(agent, signal.SIGKILL)
            while _holds(agent, "gm-agent", mapper):  # on a busy machine it is not gone at once
                time.sleep(0.01)
            raise OSError("its input is going")
        for run in found:
            yield key, run
        if key == 0:
            (notes / "reduced").touch()

    columns = {"key": "BIGINT", "value": "BIGINT"}
    job = gm.Job("fickle", input=gm.text(str(tmp_path / "in.txt")), map=numbered, reduce=reread, partition=modulo,
                 partitions=2, schema=columns if stored else None, map_schema=columns)  # fmt: skip
    options = RunOptions(workers=2, memory="512MiB", force_distributed=True, separate_machines=True)
    result = run_chain(job.chain(), options)
    runs = len(list(notes.glob("map-*")))
    assert runs > 1
    said = [message for message in result.messages if "not deterministic" in message]
    mixed = {row["value"] for row in result.rows()} != {runs - 1}
    assert said
    assert not mixed or any("may mix both" in message for message in said)
    if not stored:
        assert not mixed
