"""Workers and executors killed at any moment of a running job: the same bytes come out."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

import gristmill as gm
from gristmill.api.options import RunOptions
from gristmill.api.run import run_chain
from gristmill.storage.manifest import Manifest

KILLINGS = int(os.environ.get("GRISTMILL_KILLINGS", "6"))


def slow_words(name: str, line: str) -> Iterator[tuple[str, int]]:
    for word in line.split():
        yield word, 1
    sum(range(2000))


def total(word: str, counts: Iterator[int]) -> Iterator[tuple[str, int]]:
    yield word, sum(counts)


def _job(books: Path, output: Path) -> gm.Job:
    return gm.Job(
        "wc",
        input=gm.text([str(book) for book in sorted(books.glob("*.txt"))]),
        map=slow_words,
        reduce=total,
        partitions=4,
        output=str(output),
    )


def _content(manifest: Manifest) -> list[tuple[int, int, str]]:
    return [(part.partition, part.rows, part.checksum) for part in manifest.parts]


class _Killer(threading.Thread):
    """Kills one engine process at a random moment, again and again, till it is told to stop."""

    def __init__(self, victims: Callable[[], list[int]], seed: int) -> None:
        super().__init__(daemon=True)
        self.killed = 0
        self._victims = victims
        self._random = random.Random(seed)
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(self._random.uniform(0.2, 0.9)) and self.killed < 4:
            victims = self._victims()
            if victims:
                os.kill(self._random.choice(victims), signal.SIGKILL)
                self.killed += 1

    def stop(self) -> None:
        self._done.set()
        self.join()


@pytest.mark.parametrize("kind", ["agent", "executor", "host"])
@pytest.mark.parametrize("seed", range(KILLINGS // 2))
def test_killing_processes_changes_no_byte(
    books: Path, tmp_path: Path, engine_processes: Callable[[str], list[int]], kind: str, seed: int
) -> None:
    undisturbed = gm.run(_job(books, tmp_path / "calm"))
    killer = _Killer(lambda: engine_processes(kind), seed)
    killer.start()
    try:
        result = gm.run(_job(books, tmp_path / "storm"), workers=2, memory="512MiB", force_distributed=True)
    finally:
        killer.stop()
    assert _content(result.manifest) == _content(undisturbed.manifest)


@pytest.mark.parametrize("seed", range(KILLINGS // 2))
def test_losing_machines_with_their_map_output_changes_no_byte(
    books: Path, tmp_path: Path, engine_processes: Callable[[str], list[int]], seed: int
) -> None:
    undisturbed = gm.run(_job(books, tmp_path / "calm"))
    killer = _Killer(lambda: engine_processes("agent"), seed)
    options = RunOptions(workers=3, memory="512MiB", force_distributed=True, separate_machines=True)
    killer.start()
    try:
        result = run_chain(_job(books, tmp_path / "storm").chain(), options)
    finally:
        killer.stop()
    assert _content(result.manifest) == _content(undisturbed.manifest)


QUERY = """SELECT x.g, count(*) AS n, sum(x.v) AS v, max(md5(repeat(x.t, 600))) AS t,
    rank() OVER (ORDER BY count(*), x.g) AS r
    FROM lines x JOIN groups y USING (g) WHERE y.name <> 'none' GROUP BY x.g ORDER BY r"""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Eight files of rows, with NULLs among the keys, and one of their groups."""
    folder = tmp_path_factory.mktemp("query")
    lines = "SELECT CASE WHEN i % 13 <> 0 THEN i % 97 END AS g, i * 7 % 1000 AS v, md5(i::VARCHAR) AS t"
    for number in range(8):
        rows = f"{lines} FROM range({number * 8000}, {(number + 1) * 8000}) r(i)"
        duckdb.execute(f"COPY ({rows}) TO '{folder}/lines-{number}.parquet' (FORMAT parquet)")
    duckdb.execute(f"COPY (SELECT i AS g, 'g' || i AS name FROM range(90) r(i)) TO '{folder}/groups.parquet'")
    return {"lines": f"{folder}/lines-*.parquet", "groups": f"{folder}/groups.parquet"}


@pytest.mark.parametrize("kind", ["agent", "executor", "host"])
@pytest.mark.parametrize("seed", range(max(1, KILLINGS // 6)))
def test_killing_processes_in_the_midst_of_a_query_changes_no_answer(
    tables: dict[str, str], engine_processes: Callable[[str], list[int]], kind: str, seed: int
) -> None:
    expected = gm.sql(QUERY, tables=tables).arrow()
    query = gm.sql(QUERY, tables=tables, workers=2, memory="512MiB", force_distributed=True, partitions=4)
    killer = _Killer(lambda: engine_processes(kind), seed)
    killer.start()
    try:
        answer = query.arrow()
    finally:
        killer.stop()
    assert killer.killed
    assert answer.equals(expected)


def test_a_worker_that_is_asked_to_end_finishes_what_it_has(
    books: Path, tmp_path: Path, engine_processes: Callable[[str], list[int]]
) -> None:
    asked = []
    said: list[str] = []

    def ask_one_to_end(progress: gm.Progress) -> None:
        said.extend(progress.messages)
        if not asked and any(stage.done for stage in progress.stages):
            asked.append(engine_processes("agent")[0])
            os.kill(asked[0], signal.SIGTERM)

    result = gm.run(
        _job(books, tmp_path / "out"), workers=2, memory="512MiB", force_distributed=True, progress=ask_one_to_end
    )
    assert asked
    assert [message for message in said if "died" in message and "status 0" not in message] == []
    assert _content(result.manifest) == _content(gm.run(_job(books, tmp_path / "calm")).manifest)
