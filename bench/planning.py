"""Planning: 200,000 tiny files, flat and in Hive folders, beside their bare listing; and every TPC-DS query.

    python bench/planning.py [FILES] [--queries]

The files are hard links to a few hundred Parquet files. "Beyond the listing" is what planning takes more than walking
the folders and asking for the size and time of each file, which any engine must. Planning of the queries counts from
the text to the chain of jobs, with footers known.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from measuring import data_folder, machine

from gristmill.plan.source import FileSource, Format
from gristmill.storage.splits import plan_input
from gristmill.storage.stores import Stores
from gristmill_sql import Catalog, compile_query
from gristmill_sql.catalog import StorageFacts

FOLDERS = 200
ORIGINALS = 200
ROWS = 10
QUERIES = Path(__file__).parent.parent / "tests" / "sql" / "tpcds"


def tiny_files(folder: Path, files: int) -> None:
    """``files`` Parquet files below ``folder``, in folders ``day=0`` to ``day=199``, unless they are there."""
    done = folder / "_complete"
    if done.exists():
        return
    originals = folder / "_originals"
    originals.mkdir(parents=True, exist_ok=True)
    for number in range(ORIGINALS):
        rows = pa.table({"id": range(number * ROWS, (number + 1) * ROWS), "name": [f"n{number}"] * ROWS})
        pq.write_table(rows, originals / f"{number}.parquet")
    for number in range(files):
        day = folder / f"day={number % FOLDERS}"
        if number < FOLDERS:
            day.mkdir(exist_ok=True)
        target = day / f"{number:07}.parquet"
        if not target.exists():
            os.link(originals / f"{number % ORIGINALS}.parquet", target)
    done.touch()


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of the processor."""
    start, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - cpu


def listing(folder: Path) -> int:
    """Every file's size and time, as a listing gives them."""
    count = 0
    for path, _, names in os.walk(folder):
        for name in names:
            os.stat(os.path.join(path, name))
            count += 1
    return count


def many_files(files: int) -> None:
    """One line for each way of looking at so many files."""
    folder = data_folder(f"planning-{files}")
    tiny_files(folder, files)
    listed = min(timed(lambda: listing(folder)) for _ in range(2))
    print(f"listing alone                 {listed[0]:6.2f} s   processor {listed[1]:6.2f} s")
    for name, source in (
        ("glob, no partitions", FileSource((f"{folder}/*/*.parquet",), Format.PARQUET, hive=False)),
        ("folder, Hive partitions", FileSource((f"{folder}/",), Format.PARQUET)),
    ):
        took = timed(lambda source=source: plan_input(source, Stores((), {}), "t"))
        print(f"{name:<30}{took[0]:6.2f} s   processor {took[1]:6.2f} s   beyond {took[1] - listed[1]:6.2f} s")
    sql = "SELECT day, count(*), sum(id) FROM t WHERE day = 7 GROUP BY day"
    source = FileSource((f"{folder}/",), Format.PARQUET)
    took = timed(lambda: compile_query(sql, Catalog({"t": source}, StorageFacts())))
    print(f"{'a query of one partition':<30}{took[0]:6.2f} s   processor {took[1]:6.2f} s")


def queries(scale: str = "0.01") -> None:
    """The slowest TPC-DS queries to plan, and the median."""
    sys.path.insert(0, str(QUERIES.parent))
    from tpc_data import generate_tpc

    folder = data_folder(f"tpcds-planning-{scale}")
    if not list(folder.glob("*.parquet")):
        generate_tpc("tpcds", scale, folder)
    catalog = Catalog(
        {path.stem: FileSource((str(path),), Format.PARQUET) for path in sorted(folder.glob("*.parquet"))},
        StorageFacts(),
    )
    found = []
    for path in sorted(QUERIES.glob("q*.sql")):
        text = path.read_text()
        compile_query(text, catalog)
        found.append(
            (min(timed(lambda text=text: compile_query(text, catalog))[1] for _ in range(3)) * 1000, path.stem)
        )
    slowest = ", ".join(f"{name} {milliseconds:.0f}" for milliseconds, name in sorted(found, reverse=True)[:6])
    print(
        f"TPC-DS, milliseconds of the processor: median {statistics.median(m for m, _ in found):.0f}; slowest {slowest}"
    )


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if not a.startswith("-")]
    print(machine())
    if "--queries" not in sys.argv:
        many_files(int(arguments[0]) if arguments else 200_000)
    queries()
