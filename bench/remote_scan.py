"""Scans of Parquet from an S3 server on this machine, as ratios to the same scans of a local file.

TPC-H Q1 and Q6 over lineitem at scale factor 1, split by split as tasks read them: two threads, each with DuckDB on
one thread. Ways: the local file; S3 with an empty block cache; the same with 20 ms added to each request; S3 with the
cache that the first left. Every measurement is a process of its own, timed from planning to the last row; imports and
the search for credentials are not in it. Targets: cold 1.6 (Q1) and 2.2 (Q6), with 20 ms 2.4 and 3.6, warm 1.1.

    python bench/remote_scan.py [RUNS]
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from urllib.parse import urlparse

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.measuring import data_folder, machine
from gristmill.plan.source import FileSource, Format, Split
from gristmill.storage.projection import columns_read
from gristmill.storage.reading import open_split
from gristmill.storage.splits import PlannedInput, plan_input
from gristmill.storage.stores import Stores
from tests.support.s3_server import S3Server, running_s3_server, server_binary

DELAY_S = 0.02
QUERIES = {
    "Q1": """SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice),
        sum(l_extendedprice * (1 - l_discount)), sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)),
        sum(l_discount), count(*) FROM lineitem WHERE l_shipdate <= DATE '1998-09-02' GROUP BY ALL""",
    "Q6": """SELECT sum(l_extendedprice * l_discount) FROM lineitem WHERE l_shipdate >= DATE '1994-01-01'
        AND l_shipdate < DATE '1995-01-01' AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24""",
}
TARGETS = {("Q1", "cold"): 1.6, ("Q6", "cold"): 2.2, ("Q1", "+20 ms"): 2.4, ("Q6", "+20 ms"): 3.6}
WAYS = ("local", "cold", "+20 ms", "warm")


def scan(query: str, uri: str, cache_dir: Path) -> dict[str, object]:
    """One measurement: seconds, requests, bytes, and a figure of the result to compare."""
    stores = Stores()
    stores.filesystem(uri)
    start = time.perf_counter()
    planned = plan_input(FileSource((uri,), Format.PARQUET), stores, "lineitem")
    columns = columns_read(QUERIES[query], {"lineitem": planned.schema})["lineitem"]
    todo: SimpleQueue[Split | None] = SimpleQueue()
    for item in (*planned.splits, None, None):
        todo.put(item)
    with ThreadPoolExecutor(2) as workers:
        work = [workers.submit(_scan_splits, QUERIES[query], planned, columns, todo, stores, cache_dir) for _ in "ab"]
        total = sum(each.result() for each in work)
    seconds = time.perf_counter() - start
    used = stores.usage()
    return {"seconds": seconds, "requests": used.requests, "bytes": used.bytes_read, "result": round(total, 2)}


def _scan_splits(
    query: str,
    planned: PlannedInput,
    columns: tuple[str, ...],
    todo: SimpleQueue[Split | None],
    stores: Stores,
    cache_dir: Path,
) -> float:
    """The sum of all numbers that the query gives over the splits that this thread takes."""
    total = 0.0
    with duckdb.connect(config={"threads": 1}) as con:
        while (split := todo.get()) is not None:
            reader = open_split(planned.source, split, stores, cache_dir)
            con.execute(f"CREATE OR REPLACE TEMP VIEW lineitem AS FROM {reader.relation(con, columns)}")
            total += sum(float(v) for row in con.execute(query).fetchall() for v in row if not isinstance(v, str))
            stores.filesystem(split.pieces[0].uri).usage.add(requests=reader.requests, read=reader.bytes_read)
    return total


def measured(query: str, uri: str, cache_dir: str, environment: dict[str, str]) -> dict[str, object]:
    """``scan`` in a process of its own."""
    argv = [sys.executable, __file__, "--scan", query, uri, cache_dir]
    done = subprocess.run(argv, env={**os.environ, **environment}, stdout=subprocess.PIPE, check=True, timeout=300)
    found: dict[str, object] = json.loads(done.stdout)
    return found


@contextmanager
def delaying(server: S3Server) -> Iterator[S3Server]:
    """The server behind a proxy that holds each request back for a while."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    target = urlparse(server.endpoint)

    async def serve(client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        server_in, server_out = await asyncio.open_connection(target.hostname, target.port, limit=1 << 20)
        await asyncio.gather(_pass(client_in, server_out, DELAY_S), _pass(server_in, client_out, 0))

    async def start() -> asyncio.Server:
        return await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)

    listening = asyncio.run_coroutine_threadsafe(start(), loop).result()
    port = listening.sockets[0].getsockname()[1]
    try:
        yield S3Server(f"http://127.0.0.1:{port}", server.root)
    finally:
        loop.call_soon_threadsafe(listening.close)
        loop.call_soon_threadsafe(loop.stop)


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter, delay_s: float) -> None:
    while data := await source.read(1 << 20):
        if delay_s:
            await asyncio.sleep(delay_s)
        sink.write(data)
        await sink.drain()
    sink.close()


def lineitem() -> Path:
    """The table, generated once."""
    folder = data_folder("tpch-1")
    if not (folder / "lineitem.parquet").exists():
        generator = str(Path(sys.executable).with_name("tpcgen-cli"))
        subprocess.run([generator, "tpch", "parquet", "-s", "1", "--output-dir", str(folder)], check=True)
    return folder / "lineitem.parquet"


def main(runs: int) -> None:
    """Print the table."""
    binary = server_binary()
    if binary is None:
        sys.exit("needs Go to build the S3 server")
    table = lineitem()
    found: dict[tuple[str, str], list[dict[str, object]]] = {}
    with running_s3_server(binary) as server, delaying(server) as slow, tempfile.TemporaryDirectory() as folder:
        uri = f"{server.bucket('tpch')}/lineitem.parquet"
        os.environ.update(server.environment())
        stores = Stores()
        stores.filesystem(uri).put(uri, table.read_bytes())
        for run in range(runs):
            for query in QUERIES:
                places = {
                    "local": (str(table), "none", server),
                    "cold": (uri, f"cold-{query}-{run}", server),
                    "+20 ms": (uri, f"slow-{query}-{run}", slow),
                    "warm": (uri, f"cold-{query}-{run}", server),
                }
                for way, (source, cache, reached) in places.items():
                    figures = measured(query, source, f"{folder}/{cache}", reached.environment())
                    found.setdefault((query, way), []).append(figures)
    print(machine())
    print("| query | way | seconds | ratio | target | requests | MB |\n| --- | --- | --- | --- | --- | --- | --- |")
    for query in QUERIES:
        results = {str(figures["result"]) for way in WAYS for figures in found[query, way]}
        if len(results) != 1:
            sys.exit(f"{query}: results differ: {results}")
        for way in WAYS:
            print(_line(query, way, found[query, way], found[query, "local"]))


def _line(query: str, way: str, figures: list[dict[str, object]], local: list[dict[str, object]]) -> str:
    seconds, base = (statistics.median(float(str(f["seconds"])) for f in each) for each in (figures, local))
    target = TARGETS.get((query, way), 1.1 if way == "warm" else "")
    cells = f"{seconds:.3f} | {seconds / base:.2f} | {target} | {figures[0]['requests']}"
    return f"| {query} | {way} | {cells} | {int(str(figures[0]['bytes'])) / 1e6:.0f} |"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--scan"]:
        print(json.dumps(scan(sys.argv[2], sys.argv[3], Path(sys.argv[4]))))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
