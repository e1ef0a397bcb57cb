"""TPC-H through one session of two workers, every query against DuckDB alone on 2 threads; planning is counted.

python bench/tpch.py [--scale 1] [--runs 3] [--tier auto] [--memory 1GiB] [--queries 1 5 18]

``--tier auto`` leaves it to the engine where a query runs, ``distributed`` forces worker processes. The session starts
its workers before the first query; what that takes is printed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from measuring import Timed, WorkerMemory, data_folder, in_turn, machine

import gristmill as gm

QUERIES = Path(__file__).parent.parent / "tests" / "sql" / "tpch"
TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")
WANTED = {("distributed", 1.0): 1.7, ("distributed", 10.0): 1.4, ("auto", 1.0): 1.25, ("auto", 10.0): 1.1}
"""The ratio of the sums, by tier and scale factor; of every single query, 3."""


@dataclass(frozen=True)
class Measured:
    """One query: both ways, the median seconds that planning took, and the tier it ran in."""

    name: str
    ours: Timed
    alone: Timed
    planning_s: float
    tier: str

    @property
    def ratio(self) -> float:
        """By the clock."""
        return self.ours.median_s / self.alone.median_s

    @property
    def cpu_ratio(self) -> float:
        """By processor time, which other work on the machine disturbs less."""
        return _cpu(self.ours) / _cpu(self.alone)


def _cpu(timed: Timed) -> float:
    return statistics.median(timed.cpu_seconds)


def make_tables(scale: float) -> dict[str, str]:
    """The tables as tpcgen-cli writes them, by name."""
    folder = data_folder(f"tpch-{scale:g}")
    if any(not (folder / f"{name}.parquet").exists() for name in TABLES):
        generator = Path(sys.executable).with_name("tpcgen-cli")
        command = [str(generator), "tpch", "parquet", "-s", f"{scale:g}", "--output-dir", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return {name: str(folder / f"{name}.parquet") for name in TABLES}


@dataclass
class Bench:
    """Both engines, warm, over the same tables."""

    session: gm.Session
    tables: dict[str, str]
    distributed: bool
    runs: int
    connection: duckdb.DuckDBPyConnection = field(default_factory=lambda: duckdb.connect(config={"threads": 2}))

    def __post_init__(self) -> None:
        for table, path in self.tables.items():
            self.connection.execute(f"CREATE VIEW {table} AS FROM '{path}'")
        for times in ("The first query", "The same again"):
            start = time.perf_counter()
            self.ask("SELECT count(*) AS n FROM region").arrow()
            print(f"{times}, over 5 rows: {time.perf_counter() - start:.2f} s.")

    def ask(self, sql: str) -> gm.Query:
        """A new query, nothing of it planned yet."""
        return self.session.sql(sql, tables=self.tables, force_distributed=self.distributed)

    def measure(self, name: str) -> Measured:
        """One query, both ways in turn."""
        sql = (QUERIES / f"{name}.sql").read_text()
        ways = [
            ("gristmill", lambda: self.ask(sql).arrow()),
            ("DuckDB", lambda: self.connection.sql(sql).to_arrow_table()),
        ]
        ours, alone = in_turn(ways, self.runs)
        planning = []
        for _ in range(self.runs):
            start, query = time.perf_counter(), self.ask(sql)
            whole = query.whole
            if whole is None:
                _ = query.chain
            planning.append(time.perf_counter() - start)
        return Measured(
            name, ours, alone, statistics.median(planning), str(whole.tier if whole else "worker processes")
        )


def show(results: list[Measured], tier: str, scale: float) -> None:
    """A row for each query, and the sums."""
    print(f"\n## TPC-H at scale factor {scale:g}, tier {tier}\n")
    print("| query | gristmill s | DuckDB s | ratio | ratio of processor time | planning ms | tier |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for each in results:
        figures = f"{each.ours.median_s:.3f} | {each.alone.median_s:.3f} | {each.ratio:.2f} | {each.cpu_ratio:.2f}"
        print(f"| {each.name} | {figures} | {each.planning_s * 1000:.0f} | {each.tier} |")
    ours, theirs = sum(r.ours.median_s for r in results), sum(r.alone.median_s for r in results)
    cpu = sum(_cpu(r.ours) for r in results) / sum(_cpu(r.alone) for r in results)
    planning_s = sum(r.planning_s for r in results)
    print(f"| sum | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} | {cpu:.2f} | {planning_s * 1000:.0f} | |")
    if (tier, scale) in WANTED:
        worst = max(results, key=lambda r: r.ratio)
        print(
            f"\nWanted: at most {WANTED[tier, scale]}; 3 for each query, the worst is {worst.name}, {worst.ratio:.2f}."
        )


def options_of(description: str | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tier", choices=("auto", "distributed"), default="auto")
    parser.add_argument("--memory", default="1GiB", help="of each worker")
    parser.add_argument("--queries", type=int, nargs="*", default=range(1, 23))
    return parser.parse_args()


def main() -> None:
    options = options_of(__doc__)
    print(machine())
    tables = make_tables(options.scale)
    with WorkerMemory() as memory, gm.Session(workers=2, memory=options.memory) as session:
        bench = Bench(session, tables, options.tier == "distributed", options.runs)
        results = [bench.measure(f"q{n:02}") for n in options.queries]
    show(results, options.tier, options.scale)
    memory.show(options.memory)


if __name__ == "__main__":
    main()
