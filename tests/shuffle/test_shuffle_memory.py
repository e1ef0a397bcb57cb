"""300 MB through the shuffle with 64 MB: memory that cannot be given back to the system stays bounded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys, threading, time
from pathlib import Path
import numpy as np
import pyarrow as pa
from gristmill.ids import ExchangeId
from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.schema import SortKey
from gristmill.plan.task import ExchangeFeed, Location, MapOutput
from gristmill.shuffle.blocks import LocalFiles
from gristmill.shuffle.bounds import choose_bounds
from gristmill.shuffle.reader import read_partition
from gristmill.shuffle.writer import ShuffleWriter

MIB = 1 << 20
folder, kind, ordered = Path(sys.argv[1]), ExchangeKind(sys.argv[2]), sys.argv[3] == "ordered"
order = (SortKey("k"),) if ordered else ()
spec = Exchange(kind, 1 if kind is ExchangeKind.SINGLE else 2, ("k",), order)

def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))

peak = base = 0
def watch():
    global peak
    while True:
        peak = max(peak, anonymous())
        time.sleep(0.005)

def batch(number, rows=20_000):
    rng = np.random.default_rng(number)
    text = pa.FixedSizeBinaryArray.from_buffers(pa.binary(84), rows, [None, pa.py_buffer(rng.bytes(84 * rows))])
    keys = rng.integers(0, 2**60, rows)
    return pa.record_batch({"k": keys, "n": np.arange(rows) + number * rows, "t": text.cast(pa.binary())})

pa.set_memory_pool(pa.system_memory_pool())
warm = ShuffleWriter(spec, folder / "warm", 64 * MIB, None, folder / "spill")
warm.write(batch(0))
warm.finish()
base = anonymous()
threading.Thread(target=watch, daemon=True).start()
outputs = []
for task in range(2):
    writer = ShuffleWriter(spec, folder / f"map-{task}", 64 * MIB, None, folder / "spill")
    for number in range(75):
        writer.write(batch(task * 75 + number))
    file = writer.finish()
    assert file.bytes_spilled > 0
    outputs.append(MapOutput(ExchangeId("j", "i"), Location("w", "h", str(file.path)), task, file.rows, file.bytes_,
                             file.partition_rows, file.partition_bytes, file.schema, file.checksum, file.sample))
bounds = choose_bounds([o.sample for o in outputs], order, 2) if kind is ExchangeKind.RANGE else b""
feed = ExchangeFeed(ExchangeId("j", "i"), tuple(outputs), outputs[0].schema, bounds)
rows, last = 0, -1
for partition in range(spec.partitions):
    last = -1 if kind is not ExchangeKind.RANGE else last
    for part in read_partition(feed, spec, partition, LocalFiles(), 64 * MIB, folder / "read"):
        rows += part.num_rows
        keys = part.column("k").to_numpy()
        if ordered:
            assert keys[0] >= last and (np.diff(keys) >= 0).all()
            last = keys[-1]
assert rows == 3_000_000, rows
print((peak - base) // MIB)
"""


@pytest.mark.parametrize(
    ("kind", "order"), [("hash", "any"), ("hash", "ordered"), ("range", "ordered"), ("single", "ordered")]
)
def test_300_mb_pass_within_64_mb(tmp_path: Path, kind: str, order: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), kind, order],
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= 64 + 16, f"{done.stdout.strip()} MiB over the start"
