"""TPC-H over an S3 server on this machine, cold and from a warm cache, beside the same queries over local files.

python bench/remote_tpch.py [--scale 1] [--runs 3] [--tier auto] [--queries 1 5 18]

One session of two workers; planning counts. Cold: a bucket that nobody has read from, so neither footers nor blocks are
known. Warm: footers and blocks are those of an earlier run. Requests are the server's count, bytes what came into the
block cache, both of one run. Warm is wanted at 1.15 of local.
"""

from __future__ import annotations

import itertools
import os
import shutil
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import gristmill as gm
from bench.measuring import Timed, WorkerMemory, in_turn, machine
from bench.tpch import QUERIES, make_tables, options_of
from tests.support.s3_server import S3Server, running_s3_server, server_binary

WANTED = 1.15


@dataclass(frozen=True)
class Traffic:
    """What one run of a query asked of the server, and the bytes that the block cache grew by."""

    requests: Counter[str]
    bytes_: int

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.requests.items()))
        return f"{kinds or 'none'}; {self.bytes_ / 1e6:.0f} MB"


@dataclass
class Remote:
    """The server with the tables in as many buckets as are asked for, and what was asked of it."""

    server: S3Server
    tables: dict[str, str]
    log: Path
    cache: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def bucket(self) -> dict[str, str]:
        """The tables in a new bucket: the same files under names that nobody has read."""
        uri = self.server.bucket(f"tpch-{next(self._numbers)}")
        for name, path in self.tables.items():
            copy = self.server.root / uri.removeprefix("s3://") / f"{name}.parquet"
            try:
                os.link(path, copy)
            except OSError:  # another file system
                shutil.copyfile(path, copy)
        return {name: f"{uri}/{name}.parquet" for name in self.tables}

    def position(self) -> tuple[int, int]:
        """Where the log ends, and how much is cached."""
        return self.log.stat().st_size, sum(file.stat().st_blocks * 512 for file in self.cache.glob("*.data"))

    def since(self, before: tuple[int, int]) -> Traffic:
        """The traffic since ``position`` gave ``before``."""
        with open(self.log, "rb") as log:
            log.seek(before[0])
            words = [line.split() for line in log.read().decode().splitlines()]
        kinds = (word.removeprefix("s3_") for line in words for word in line if word.startswith("s3_"))
        return Traffic(Counter(kinds), self.position()[1] - before[1])


@contextmanager
def serving(tables: dict[str, str]) -> Iterator[Remote]:
    """A server for the tables; this process and its workers reach it, and keep blocks in an empty folder."""
    binary = server_binary()
    if binary is None:
        sys.exit("needs Go to build the S3 server")
    with tempfile.TemporaryDirectory(prefix="gristmill-bench-") as folder:
        log, cache = Path(folder) / "access.log", Path(folder) / "blocks"
        log.touch()
        with running_s3_server(binary, log) as server:
            os.environ.update(server.environment() | {"GRISTMILL_CACHE_DIR": str(cache)})
            yield Remote(server, tables, log, cache)


@dataclass(frozen=True)
class Measured:
    """One query: local, cold and warm, and the traffic of the last cold and of the last warm run."""

    name: str
    timed: list[Timed]
    cold: Traffic
    warm: Traffic


class Bench:
    """A session over local tables and over remote ones."""

    def __init__(self, session: gm.Session, remote: Remote, distributed: bool, runs: int) -> None:
        self._session = session
        self._remote = remote
        self._distributed = distributed
        self._runs = runs
        self._warm = remote.bucket()
        self.ask("SELECT count(*) AS n FROM region", remote.tables)
        self.ask("SELECT count(*) AS n FROM region", remote.bucket())

    def ask(self, sql: str, tables: dict[str, str]) -> pa.Table:
        """The answer to a new query, nothing of it planned yet."""
        return self._session.sql(sql, tables=tables, force_distributed=self._distributed).arrow()

    def measure(self, name: str) -> Measured:
        """One query, all ways in turn."""
        sql = (QUERIES / f"{name}.sql").read_text()
        answers = [self.ask(sql, self._warm), self.ask(sql, self._remote.tables)]
        if answers[0].num_rows != answers[1].num_rows:
            sys.exit(f"{name}: remote and local answers differ")
        before = self._remote.position()
        self.ask(sql, self._warm)
        warm = self._remote.since(before)
        cached = set(self._remote.cache.iterdir())
        fresh = [self._remote.bucket() for _ in range(self._runs + 1)]
        before = self._remote.position()
        self.ask(sql, fresh.pop())
        cold = self._remote.since(before)
        ways = [
            ("local", lambda: self.ask(sql, self._remote.tables)),
            ("cold", lambda: self.ask(sql, fresh.pop())),
            ("warm", lambda: self.ask(sql, self._warm)),
        ]
        measured = Measured(name, in_turn(ways, self._runs), cold, warm)
        for file in set(self._remote.cache.iterdir()) - cached:
            file.unlink()
        return measured


def show(results: list[Measured], tier: str, scale: float) -> None:
    """A row for each query, and the sums."""
    print(f"\n## TPC-H at scale factor {scale:g} over S3, tier {tier}\n")
    print("| query | local s | cold s | ratio | warm s | ratio | of processor time | cold traffic | warm traffic |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for each in results:
        print(_line(each.name, [each], f"{each.cold} | {each.warm}"))
    traffic = (
        Traffic(sum((r.requests for r in way), Counter()), sum(r.bytes_ for r in way))
        for way in ([each.cold for each in results], [each.warm for each in results])
    )
    print(_line("sum", results, " | ".join(map(str, traffic))))
    print(f"\nWanted: warm at most {WANTED}.")


def _line(name: str, results: list[Measured], traffic: str) -> str:
    local, cold, warm = (sum(each.timed[way].median_s for each in results) for way in range(3))
    cpu = [sum(statistics.median(each.timed[way].cpu_seconds) for each in results) for way in (0, 2)]
    figures = f"{local:.3f} | {cold:.3f} | {cold / local:.2f} | {warm:.3f} | {warm / local:.2f} | {cpu[1] / cpu[0]:.2f}"
    return f"| {name} | {figures} | {traffic} |"


def main() -> None:
    options = options_of(__doc__)
    print(machine())
    tables = make_tables(options.scale)
    with serving(tables) as remote, WorkerMemory() as memory, gm.Session(workers=2, memory=options.memory) as session:
        bench = Bench(session, remote, options.tier == "distributed", options.runs)
        results = [bench.measure(f"q{n:02}") for n in options.queries]
    show(results, options.tier, options.scale)
    memory.show(options.memory)


if __name__ == "__main__":
    main()
