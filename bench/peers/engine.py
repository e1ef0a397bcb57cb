"""One engine runs SQL queries over a folder of Parquet files; `peer_engines.py` starts it in the engine's environment.

python engine.py ENGINE FOLDER PASSES FILE.sql…

Each FILE holds a query in DuckDB's dialect, each `name.parquet` in FOLDER is a table. JSON lines on stdout: the seconds
until the first query could be asked, then of each query in each pass its seconds, and its rows in the first pass or its
error. Nothing of the project is imported here, except by the engine `gristmill`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

Rows = list[tuple[object, ...]]
Ask = Callable[[str], Rows]
Tables = dict[str, str]


def duckdb_alone(tables: Tables) -> Ask:
    """DuckDB on two threads."""
    import duckdb

    connection = duckdb.connect(config={"threads": 2})
    for name, path in tables.items():
        connection.execute(f"CREATE VIEW {name} AS FROM '{path}'")
    return lambda sql: connection.sql(sql).fetchall()


def gristmill_auto(tables: Tables) -> Ask:
    """The tier is picked by itself."""
    import gristmill as gm

    return lambda sql: _rows_of(gm.sql(sql, tables=tables, workers=2, memory="1GiB").arrow())


def gristmill_distributed(tables: Tables) -> Ask:
    """Two worker processes, always."""
    import gristmill as gm

    return lambda sql: _rows_of(gm.sql(sql, tables=tables, workers=2, memory="1GiB", force_distributed=True).arrow())


def datafusion(tables: Tables) -> Ask:
    """Two partitions in one process."""
    from datafusion import SessionConfig, SessionContext

    context = SessionContext(SessionConfig().with_target_partitions(2))
    for name, path in tables.items():
        context.register_parquet(name, path)
    return lambda sql: _rows_of(context.sql(sql).to_arrow_table())


def sail_local(tables: Tables) -> Ask:
    """Threads of one process, asked by Spark Connect."""
    return _sail(tables, "local")


def sail_cluster(tables: Tables) -> Ask:
    """Its own workers on this machine, two of them."""
    os.environ["SAIL_CLUSTER__WORKER_INITIAL_COUNT"] = "2"
    os.environ["SAIL_CLUSTER__WORKER_MAX_COUNT"] = "2"
    return _sail(tables, "local-cluster")


def _sail(tables: Tables, mode: str) -> Ask:
    os.environ["SAIL_MODE"] = mode
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer()
    server.start(background=True)
    _, port = server.listening_address
    asked = _spark(SparkSession.builder.remote(f"sc://localhost:{port}").getOrCreate(), tables)
    asked.__dict__["server"] = server  # ends with the last who can ask
    return asked


def spark(tables: Tables) -> Ask:
    """local[2], with 4 GiB of heap and as many partitions as cores, which suits it best here."""
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", "4g")
    builder = builder.config("spark.sql.shuffle.partitions", "4").config("spark.ui.enabled", "false")
    return _spark(builder.getOrCreate(), tables)


def _spark(session: object, tables: Tables) -> Ask:
    import sqlglot

    for name, path in tables.items():
        session.read.parquet(path).createOrReplaceTempView(name)

    def ask(sql: str) -> Rows:
        (translated,) = sqlglot.transpile(sql, read="duckdb", write="spark")
        return [tuple(row) for row in session.sql(translated).collect()]

    return ask


def daft(tables: Tables) -> Ask:
    """Its native runner; decimals as doubles, since it refuses the products of TPC-H's decimals."""
    import daft as engine

    frames = {name: engine.read_parquet(path) for name, path in tables.items()}
    for name, frame in frames.items():
        decimals = [each.name for each in frame.schema() if each.dtype.is_decimal128()]
        frames[name] = frame.with_columns({each: engine.col(each).cast(engine.DataType.float64()) for each in decimals})
    return lambda sql: _rows_of(engine.sql(sql, **frames).to_arrow())


ENGINES: dict[str, Callable[[Tables], Ask]] = {
    "duckdb": duckdb_alone,
    "gristmill": gristmill_auto,
    "gristmill-distributed": gristmill_distributed,
    "datafusion": datafusion,
    "sail": sail_local,
    "sail-cluster": sail_cluster,
    "spark": spark,
    "daft": daft,
}


def _rows_of(table: object) -> Rows:
    return [tuple(row.values()) for row in table.to_pylist()]


def main() -> None:
    engine, folder, passes, *files = sys.argv[1:]
    tables = {path.stem: str(path) for path in sorted(Path(folder).glob("*.parquet"))}
    start = time.perf_counter()
    ask = ENGINES[engine](tables)
    _tell(start_s=time.perf_counter() - start)
    for number in range(int(passes)):
        for file in map(Path, files):
            start = time.perf_counter()
            try:
                rows = ask(file.read_text())
            except Exception as error:  # noqa: BLE001 - of any engine, told and counted
                _tell(query=file.stem, run=number, error=f"{type(error).__name__}: {error}"[:300])
                continue
            shown = {"rows": [[str(value) for value in row] for row in rows]} if number == 0 else {}
            _tell(query=file.stem, run=number, seconds=time.perf_counter() - start, **shown)
    if engine == "sail-cluster":
        os._exit(0)  # its server does not end with the interpreter


def _tell(**figures: object) -> None:
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
