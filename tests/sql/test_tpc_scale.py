"""TPC-H and TPC-DS at a larger scale, through worker processes. ``make tpcds`` and ``make tpch`` run them.

``GRISTMILL_TPC_SCALE`` is the scale factor; without it there is nothing to do here.
"""

import os
from functools import cache
from pathlib import Path

import duckdb
import pytest
from sql_checks import Database, same
from sql_reference import Result
from tpc_data import generate_tpc

import gristmill as gm

SCALE = os.environ.get("GRISTMILL_TPC_SCALE", "")
HERE = Path(__file__).parent
QUERIES = {"tpch": sorted((HERE / "tpch").glob("q*.sql")), "tpcds": sorted((HERE / "tpcds").glob("q*.sql"))}
CASES = [(benchmark, path) for benchmark, paths in QUERIES.items() for path in paths] if SCALE else []
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gristmill" / "bench"

pytestmark = pytest.mark.skipif(not SCALE, reason="GRISTMILL_TPC_SCALE is not set")


@cache
def _database(benchmark: str) -> Database:
    folder = CACHE / f"{benchmark}-sf{SCALE}"
    if not folder.exists():
        unfinished = folder.with_suffix(".part")
        unfinished.mkdir(parents=True, exist_ok=True)
        generate_tpc(benchmark, SCALE, unfinished)
        unfinished.rename(folder)
    return Database({path.stem: path for path in sorted(folder.glob("*.parquet"))})


@pytest.mark.parametrize(("benchmark", "path"), CASES, ids=lambda value: getattr(value, "stem", value))
def test_tpc_query_in_worker_processes(benchmark: str, path: Path) -> None:
    database = _database(benchmark)
    sql = path.read_text()
    query = gm.sql(sql, tables=database.tables, force_distributed=True, workers=2, memory="1GiB")
    expected = database.expected(sql)
    with duckdb.connect() as connection:
        rows = connection.from_arrow(query.arrow()).fetchall()
    types = tuple(column.type for column in query.schema)
    same(Result((), types, rows), expected, ordered=query.compiled.ordered)
    assert max(measure.peak_bytes for measure in query.run().stages) < 1 << 30
