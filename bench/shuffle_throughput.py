"""Map step and read-back of the shuffle on one thread: million rows a second by partitions, order and compression.

Run as ``python bench/shuffle_throughput.py [ROWS]``; 7.5 million rows of 16 bytes take about a minute. Prints a
Markdown table. Speeds are by processor time, of which other work on the machine takes less than of the clock.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from gristmill.ids import ExchangeId
from gristmill.plan.exchange import Exchange, ExchangeKind, HashName
from gristmill.plan.schema import SortKey
from gristmill.plan.task import ExchangeFeed, Location, MapOutput
from gristmill.shuffle.blocks import LocalFiles
from gristmill.shuffle.bounds import choose_bounds
from gristmill.shuffle.reader import read_partition
from gristmill.shuffle.writer import ShuffleWriter

EXCHANGE = ExchangeId("bench", "rows")
ORDER = (SortKey("k"),)
CASES = {
    "hash gm1, 8 partitions": (Exchange(ExchangeKind.HASH, 8, ("k",)), None),
    "hash duckdb, 8 partitions": (Exchange(ExchangeKind.HASH, 8, ("k",), hash=HashName.DUCKDB), None),
    "hash gm1, 8 partitions, lz4": (Exchange(ExchangeKind.HASH, 8, ("k",)), "lz4"),
    "hash gm1, 512 partitions": (Exchange(ExchangeKind.HASH, 512, ("k",)), None),
    "hash gm1, 8 partitions, sorted": (Exchange(ExchangeKind.HASH, 8, ("k",), ORDER), None),
    "range, 8 partitions": (Exchange(ExchangeKind.RANGE, 8, ("k",), ORDER), None),
    "broadcast": (Exchange(ExchangeKind.BROADCAST, 1), None),
}


def numbers(rows: int) -> list[pa.RecordBatch]:
    """Rows of 16 bytes: a random key and a number."""
    rng = np.random.default_rng(7)
    table = pa.table({"k": rng.integers(0, rows // 4, rows), "v": np.arange(rows)})
    return table.to_batches(max_chunksize=122_880)


def write(spec: Exchange, batches: list[pa.RecordBatch], compression: str | None, folder: Path) -> MapOutput:
    """One map output of all ``batches``."""
    writer = ShuffleWriter(spec, folder / "map.shuffle", 4 << 30, compression, folder)
    for batch in batches:
        writer.write(batch)
    file = writer.finish()
    return MapOutput(
        EXCHANGE,
        Location("bench", "here", str(file.path)),
        0,
        file.rows,
        file.bytes_,
        file.partition_rows,
        file.partition_bytes,
        file.schema,
        file.checksum,
        file.sample,
    )


def read(spec: Exchange, output: MapOutput, folder: Path) -> int:
    """Reads every partition to its end; gives the number of rows."""
    bounds = choose_bounds([output.sample], spec.order, spec.partitions) if spec.kind is ExchangeKind.RANGE else b""
    feed = ExchangeFeed(EXCHANGE, (output,), output.schema, bounds)
    rows = 0
    for partition in range(spec.partitions):
        reader = read_partition(feed, spec, partition, LocalFiles(), 4 << 30, folder)
        rows += sum(batch.num_rows for batch in reader)
    return rows


def main() -> None:
    """Prints the table."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 7_500_000
    batches = numbers(rows)
    pa.set_cpu_count(1)
    print("| exchange | write Mrow/s | read Mrow/s | file MB |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        for label, (spec, compression) in CASES.items():
            write(spec, batches, compression, Path(name))
            start = time.process_time()
            output = write(spec, batches, compression, Path(name))
            written = time.process_time()
            assert read(spec, output, Path(name)) == rows
            done = time.process_time()
            speeds = f"{rows / (written - start) / 1e6:.1f} | {rows / (done - written) / 1e6:.0f}"
            print(f"| {label} | {speeds} | {output.bytes_ / 1e6:.0f} |")


if __name__ == "__main__":
    main()
