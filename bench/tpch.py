"""TPC-H through worker processes, every query against DuckDB alone on 2 threads; starting the workers is counted.

python bench/tpch.py [--scale 1] [--runs 3] [--queries 1 5 18] [--memory 1GiB]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
from measuring import Timed, WorkerMemory, data_folder, in_turn, machine

import gristmill as gm

QUERIES = Path(__file__).parent.parent / "tests" / "sql" / "tpch"
TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")
WANTED = {1.0: 1.7, 10.0: 1.4}
"""The ratio of the sums, by scale factor; of every single query, 3."""


@dataclass(frozen=True)
class Measured:
    """One query: both ways, and the median seconds that planning took."""

    name: str
    spread: Timed
    alone: Timed
    planning_s: float

    @property
    def ratio(self) -> float:
        """By the clock."""
        return self.spread.median_s / self.alone.median_s

    @property
    def cpu_ratio(self) -> float:
        """By processor time, which other work on the machine disturbs less."""
        return statistics.median(self.spread.cpu_seconds) / statistics.median(self.alone.cpu_seconds)


def make_tables(scale: float) -> dict[str, str]:
    """The tables as tpcgen-cli writes them, by name."""
    folder = data_folder(f"tpch-{scale:g}")
    if any(not (folder / f"{name}.parquet").exists() for name in TABLES):
        generator = Path(sys.executable).with_name("tpcgen-cli")
        command = [str(generator), "tpch", "parquet", "-s", f"{scale:g}", "--output-dir", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return {name: str(folder / f"{name}.parquet") for name in TABLES}


def measure(name: str, tables: dict[str, str], runs: int, memory: str) -> Measured:
    """One query, both ways in turn."""
    sql = (QUERIES / f"{name}.sql").read_text()
    planning: list[float] = []

    def spread() -> None:
        query = gm.sql(sql, tables=tables, workers=2, memory=memory, force_distributed=True)
        start = time.perf_counter()
        _ = query.chain
        planning.append(time.perf_counter() - start)
        query.arrow()

    connection = duckdb.connect(config={"threads": 2})
    for table, path in tables.items():
        connection.execute(f"CREATE VIEW {table} AS FROM '{path}'")
    ways = [("gristmill", spread), ("DuckDB", lambda: connection.sql(sql).to_arrow_table())]
    one, other = in_turn(ways, runs)
    return Measured(name, one, other, statistics.median(planning))


def show(results: list[Measured], scale: float, start_s: float) -> None:
    """A row for each query, and the sums."""
    print(f"\n## TPC-H at scale factor {scale:g}\n")
    print("| query | gristmill s | DuckDB s | ratio | ratio of processor time | planning ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    for each in results:
        figures = f"{each.spread.median_s:.2f} | {each.alone.median_s:.2f} | {each.ratio:.2f} | {each.cpu_ratio:.2f}"
        print(f"| {each.name} | {figures} | {each.planning_s * 1000:.0f} |")
    ours, theirs = (sum(getattr(r, way).median_s for r in results) for way in ("spread", "alone"))
    cpu = [sum(statistics.median(getattr(r, way).cpu_seconds) for r in results) for way in ("spread", "alone")]
    print(f"| sum | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} | {cpu[0] / cpu[1]:.2f} | |")
    without = ours - start_s * len(results)
    print(
        f"\nStarting two workers for nothing takes {start_s:.2f} s; without that the ratio is {without / theirs:.2f}."
    )
    if scale in WANTED:
        worst = max(results, key=lambda r: r.ratio)
        print(f"Wanted: at most {WANTED[scale]}, and 3 for each query; the worst is {worst.name}, {worst.ratio:.2f}.")


def starting(tables: dict[str, str], runs: int) -> float:
    """Seconds of a query whose work is nothing."""
    query = "SELECT count(*) AS n FROM region"
    (timed,) = in_turn(
        [("start", lambda: gm.sql(query, tables=tables, workers=2, memory="512MiB", force_distributed=True).arrow())],
        runs,
    )
    return timed.median_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--memory", default="1GiB", help="of each worker")
    parser.add_argument("--queries", type=int, nargs="*", default=range(1, 23))
    options = parser.parse_args()
    print(machine())
    tables = make_tables(options.scale)
    start_s = starting(tables, options.runs)
    with WorkerMemory() as memory:
        results = [measure(f"q{n:02}", tables, options.runs, options.memory) for n in options.queries]
    show(results, options.scale, start_s)
    print(f"Most memory of any worker: {memory.peak_bytes / (1 << 20):.0f} MiB.")


if __name__ == "__main__":
    main()
