"""TPC-H beside other engines in one run: DuckDB, DataFusion, Sail, Spark, Daft, each from its package.

python bench/peer_engines.py [--scale 1] [--passes 2] [--engines duckdb gristmill …]

Each engine runs all queries in a process and an environment of its own, which is installed once below the data folder.
The figures are those of the fastest pass; answers are compared with DuckDB's. Spark needs Java.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import threading
import time
import venv
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq
from measuring import PeakMemory, data_folder, machine
from tpch import QUERIES, make_tables

from gristmill.worker.processes import family

PACKAGES = {
    "datafusion": ("datafusion",),
    "sail": ("pysail", "pyspark-client", "sqlglot", "pandas"),
    "spark": ("pyspark", "sqlglot", "pandas"),
    "daft": ("daft",),
}
"""What each environment holds besides pyarrow; engines that are not here run in this one."""
ENGINES = ("duckdb", "gristmill", "gristmill-distributed", "datafusion", "sail", "sail-cluster", "daft", "spark")


@dataclass
class Measured:
    """One engine: the best seconds of each query, its rows or its error, and the most memory of all its processes."""

    engine: str
    start_s: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    rows: dict[str, list[list[str]]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    peak_bytes: int = 0


def python_of(engine: str) -> str:
    """The interpreter that has ``engine``, in an environment made where it is not there yet."""
    name = engine.partition("-")[0]
    if name not in PACKAGES:
        return sys.executable
    folder = data_folder("peers") / name
    python = folder / "bin" / "python"
    if not (folder / ".installed").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "pyarrow", *PACKAGES[name]], check=True)
        (folder / ".installed").touch()
    return str(python)


def plain_tables(scale: float) -> Path:
    """The tables without the Arrow schema in their footers: Daft refuses the view types that it names."""
    folder = data_folder(f"tpch-{scale:g}-plain")
    for name, path in make_tables(scale).items():
        copy = folder / f"{name}.parquet"
        if not copy.exists():
            _rewritten(path, copy)
    return folder


def _rewritten(path: str, copy: Path) -> None:
    """The same rows in row groups of about a million, a few at a time in memory."""
    unfinished = copy.with_suffix(".part")
    source = pq.ParquetFile(path)
    with pq.ParquetWriter(unfinished, source.schema_arrow, compression="zstd", store_schema=False) as writer:
        groups: list[int] = []
        for group in range(source.num_row_groups):
            groups.append(group)
            rows = sum(source.metadata.row_group(each).num_rows for each in groups)
            if rows >= 1 << 20 or group == source.num_row_groups - 1:
                writer.write_table(source.read_row_groups(groups))
                groups = []
    unfinished.rename(copy)


def measure(engine: str, folder: Path, queries: list[Path], passes: int, limit_s: float) -> Measured:
    """Runs all queries, ``passes`` times; an engine that takes more than ``limit_s`` is ended."""
    measured = Measured(engine)
    script = Path(__file__).parent / "peers" / "engine.py"
    argv = [python_of(engine), str(script), engine, str(folder), str(passes), *map(str, queries)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log, text=True)
        threading.Thread(target=_watch_memory, args=(process, measured), daemon=True).start()
        timer = threading.Timer(limit_s, process.kill)
        timer.start()
        assert process.stdout is not None
        for line in process.stdout:
            _take(measured, line)
        timer.cancel()
        if process.wait() != 0:
            log.seek(0)
            measured.errors["all"] = f"ended with {process.returncode}: {log.read()[-300:].decode(errors='replace')}"
    return measured


def _take(measured: Measured, line: str) -> None:
    try:
        told = json.loads(line)
    except ValueError:
        return  # what a library of the engine prints
    if "start_s" in told:
        measured.start_s = told["start_s"]
    elif "error" in told:
        measured.errors[told["query"]] = told["error"]
    else:
        query = told["query"]
        measured.seconds[query] = min(told["seconds"], measured.seconds.get(query, math.inf))
        if "rows" in told:
            measured.rows[query] = told["rows"]


def _watch_memory(process: subprocess.Popen[str], measured: Measured) -> None:
    peak = PeakMemory()
    while process.poll() is None:
        peak.look(measured.engine, list(family(process.pid)))
        measured.peak_bytes = peak.bytes_
        time.sleep(0.2)


def differing(one: Measured, other: Measured) -> list[str]:
    """Queries whose rows differ by more than the last digits of a number."""
    return [name for name, rows in one.rows.items() if name in other.rows and not _alike(rows, other.rows[name])]


def _alike(rows: list[list[str]], others: list[list[str]]) -> bool:
    if len(rows) != len(others):
        return False
    pairs = zip(sorted(map(_values, rows), key=str), sorted(map(_values, others), key=str), strict=True)
    return all(len(a) == len(b) and all(map(_near, a, b)) for a, b in pairs)


def _values(row: list[str]) -> list[float | str]:
    """Numbers as floats with few digits, dates without their time, text without the padding of CHAR."""
    values: list[float | str] = []
    for text in row:
        try:
            values.append(float(f"{float(text):.6g}"))
        except ValueError:
            values.append(text.removesuffix(" 00:00:00").rstrip())
    return values


def _near(one: float | str, other: float | str) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-2)
    return one == other


def show(results: list[Measured], queries: list[str], scale: float) -> None:
    """A row for each engine; sums are over the queries that it could answer."""
    base = results[0]
    print(f"\n## TPC-H at scale factor {scale:g}: fastest pass of each query, summed\n")
    print(f"| engine | start s | queries | sum s | {base.engine}'s sum of the same | ratio | GiB | |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for each in results:
        own, same = sum(each.seconds.values()), sum(base.seconds.get(name, 0) for name in each.seconds)
        notes = [f"{name}: {error}" for name, error in each.errors.items()]
        notes += [f"{name} differs" for name in differing(each, base)]
        figures = (
            f"{len(each.seconds)}/{len(queries)} | {own:.2f} | {same:.2f} | {own / same if same else math.nan:.2f}"
        )
        memory = f"{each.peak_bytes / (1 << 30):.2f}"
        print(f"| {each.engine} | {each.start_s:.2f} | {figures} | {memory} | {'; '.join(notes)} |")
    print("\n| query | " + " | ".join(each.engine for each in results) + " |")
    print("| --- " * (len(results) + 1) + "|")
    for name in queries:
        print(f"| {name} | " + " | ".join(f"{each.seconds.get(name, math.nan):.2f}" for each in results) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--engines", nargs="*", default=ENGINES, choices=ENGINES)
    parser.add_argument("--limit", type=float, default=1800, help="seconds that an engine may take in all")
    options = parser.parse_args()
    print(machine())
    queries = sorted(QUERIES.glob("q*.sql"))
    folder = plain_tables(options.scale)
    results = []
    for engine in dict.fromkeys(["duckdb", *options.engines]):
        results.append(measure(engine, folder, queries, options.passes, options.limit))
        last = results[-1]
        print(f"{engine}: {len(last.seconds)} queries, {sum(last.seconds.values()):.2f} s", flush=True)
    show(results, [query.stem for query in queries], options.scale)


if __name__ == "__main__":
    main()
