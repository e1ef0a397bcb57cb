"""GROUP BY of high cardinality, forced through the shuffle, against DuckDB alone; and what starting workers costs.

python bench/group_by.py [--scale 10] [--runs 3]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from measuring import WorkerMemory, data_folder, in_turn, machine, report

import gristmill as gm

QUERY = "SELECT l_orderkey, count(*) AS n, sum(l_quantity) AS quantity FROM {table} GROUP BY l_orderkey"


def make_lineitem(scale: float) -> str:
    """TPC-H's lineitem as tpcgen-cli writes it."""
    folder = data_folder(f"tpch-{scale:g}")
    if not list(folder.glob("lineitem*")):
        generator = Path(sys.executable).with_name("tpcgen-cli")
        which = ["-s", f"{scale:g}", "--tables", "lineitem", "--output-dir", str(folder)]
        command = [str(generator), "tpch", "parquet", *which]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return str(next(folder.glob("lineitem*")))


def spread(lineitem: str) -> pa.Table:
    """Raw rows to the reducers of their key, nothing aggregated before."""
    job = gm.Job(
        "orders",
        input=gm.parquet(lineitem, map=gm.sql_fragment("SELECT l_orderkey, l_quantity FROM input"), key=["l_orderkey"]),
        reduce=gm.sql_fragment(QUERY.format(table="input")),
    )
    return gm.run(job, workers=2, memory="1GiB", force_distributed=True).arrow()


def by_sql(lineitem: str) -> pa.Table:
    """As ``gm.sql`` plans it: groups of each split are what goes through the shuffle."""
    query = gm.sql(
        QUERY.format(table="lineitem"), tables={"lineitem": lineitem}, workers=2, memory="1GiB", force_distributed=True
    )
    return query.arrow()


def alone(lineitem: str) -> pa.Table:
    """DuckDB on two threads."""
    con = duckdb.connect(config={"threads": 2})
    return con.sql(QUERY.format(table=f"read_parquet('{lineitem}')")).to_arrow_table()


def tiny() -> None:
    """A job whose work is nothing: what remains is the start."""
    table = data_folder("tiny") / "tiny.parquet"
    if not table.exists():
        pq.write_table(pa.table({"k": [1, 2, 3]}), table)
    job = gm.Job("tiny", input=gm.parquet(str(table), map=gm.sql_fragment("SELECT k FROM input"), key=["k"]))
    assert len(gm.run(job, workers=2, memory="512MiB", force_distributed=True)) == 3
    start = time.perf_counter()
    assert len(gm.run(job)) == 3
    print(f"the same in the calling process: {time.perf_counter() - start:.3f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=10)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print(machine())
    report("Start of a job with 2 workers (wanted: at most 1 s)", in_turn([("two workers and back", tiny)], 3))
    lineitem = make_lineitem(options.scale)
    with WorkerMemory() as memory:
        timed = in_turn(
            [
                ("gristmill, raw rows through the shuffle", lambda: spread(lineitem)),
                ("gristmill, by gm.sql", lambda: by_sql(lineitem)),
                ("DuckDB alone, 2 threads", lambda: alone(lineitem)),
            ],
            options.runs,
        )
    raw, sql, duckdb_alone = timed
    report(f"GROUP BY l_orderkey, TPC-H SF{options.scale:g}, raw rows shuffled", [raw, duckdb_alone], 1.3)
    report(f"GROUP BY l_orderkey, TPC-H SF{options.scale:g}, by gm.sql", [sql, duckdb_alone], 1.3)
    memory.show("1 GiB")


if __name__ == "__main__":
    main()
