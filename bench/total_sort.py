"""Total sort of 100-byte records with 10-byte keys: written out whole, in GB a minute and core, within memory.

python bench/total_sort.py [--gigabytes 10] [--workers 2] [--memory 2GiB]
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from measuring import WorkerMemory, data_folder, machine

import gristmill as gm

KEY_BYTES, PAYLOAD_BYTES = 10, 90
ROWS_PER_FILE = 2_500_000
WANTED_GB_PER_MINUTE_AND_CORE = 1.5


def make_records(gigabytes: float) -> Path:
    """Random records as Parquet, like those of the sort benchmarks: nothing compresses, nothing repeats."""
    folder = data_folder(f"records-{gigabytes:g}")
    files = round(gigabytes * 1e9 / (ROWS_PER_FILE * (KEY_BYTES + PAYLOAD_BYTES)))
    for number in range(files):
        file = folder / f"records{number:04}.parquet"
        if file.exists():
            continue
        random = np.random.default_rng(number)
        columns = [
            pa.Array.from_buffers(
                pa.binary(width), ROWS_PER_FILE, [None, pa.py_buffer(random.bytes(width * ROWS_PER_FILE))]
            )
            for width in (KEY_BYTES, PAYLOAD_BYTES)
        ]
        table = pa.table({"key": columns[0].cast(pa.binary()), "payload": columns[1].cast(pa.binary())})
        pq.write_table(table, file, compression="none", use_dictionary=False, row_group_size=500_000)
    return folder


def is_sorted(folder: Path) -> tuple[bool, int]:
    """Whether the parts, one after the other, are in key order; and how many rows they have."""
    rows, last = 0, b""
    for part in sorted(folder.glob("part-*.parquet")):
        keys = pq.read_table(part, columns=["key"])["key"].combine_chunks()
        if len(keys) == 0:
            continue
        rows += len(keys)
        order = pc.less_equal(keys.slice(0, len(keys) - 1), keys.slice(1))
        if keys[0].as_py() < last or not pc.all(order).as_py():
            return False, rows
        last = keys[-1].as_py()
    return True, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", default="2GiB")
    options = parser.parse_args()
    records = make_records(options.gigabytes)
    target = data_folder("sorted")
    shutil.rmtree(target)
    job = gm.Job(
        "sort",
        input=gm.parquet(str(records / "*.parquet"), key=["key"]),
        partition="range",
        sort=["key"],
        output=gm.output(str(target), compression="none"),
    )
    start = time.perf_counter()
    with WorkerMemory() as memory:
        result = gm.run(job, workers=options.workers, memory=options.memory, force_distributed=True)
    seconds = time.perf_counter() - start
    ordered, rows = is_sorted(target)
    speed = options.gigabytes / (seconds / 60) / options.workers
    verdict = "reached" if speed >= WANTED_GB_PER_MINUTE_AND_CORE else "MISSED"
    print(f"{machine()}\n{options.gigabytes:g} GB, {options.workers} workers of {options.memory}")
    print(f"{seconds:.1f} s: {speed:.2f} GB a minute and core; wanted: at least 1.5  {verdict}")
    print(f"in total order: {ordered}, {rows} rows in {len(result.manifest.parts)} parts")
    memory.show(options.memory)
    shutil.rmtree(target)


if __name__ == "__main__":
    main()
