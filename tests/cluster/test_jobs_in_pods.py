"""Jobs of every kind on real kubelets: their outputs are those of the embedded engine, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cluster.embedded import parts, parts_here
from tests.cluster.places import Place
from tests.cluster.workloads import WORDS, command, join, total_sort, word_count, write_books, write_orders
from tests.sql.tpc_data import generate_tpc

QUERIES = Path(__file__).parents[1] / "sql" / "tpch"


@pytest.fixture(scope="module")
def pool(module_place: Place) -> Place:
    """A namespace with a warm pool `warm` of two pods."""
    module_place.apply("WorkerPool", "warm", {"min": 2, "max": 2, "idle": "10m", "stores": [module_place.store]})
    return module_place


@pytest.fixture(scope="module")
def jobs(pool: Place) -> dict[str, dict[str, Any]]:
    """All jobs of the warm pool, applied at once: each test waits for its own."""
    books = write_books(pool, "books", 4)
    orders, lines = write_orders(pool)
    specs = {
        "words": word_count(books, f"{pool.bucket}/out/words/"),
        "join": join(orders, lines, f"{pool.bucket}/out/join/"),
        "sort": total_sort(lines, f"{pool.bucket}/out/sort/"),
        "command": command(books, f"{pool.bucket}/out/command/"),
    }
    for name, spec in specs.items():
        pool.apply("MapReduceJob", name, {**spec, "pool": "warm"})
    return specs


@pytest.mark.parametrize("name", ["words", "join", "sort", "command"])
def test_output_of_a_job_in_a_warm_pool_equals_the_embedded_engines(
    name: str, pool: Place, jobs: dict[str, dict[str, Any]]
) -> None:
    expected = parts_here(name, jobs[name], f"{pool.bucket}/here/{name}/")
    status = pool.complete("mrj", name)
    assert parts(f"{pool.bucket}/out/{name}/") == expected
    assert sum(rows for _, rows, _ in expected) == status["result"]["rows"] > 0


def test_a_private_pool_runs_its_job_and_its_pods_are_gone_soon_after(place: Place) -> None:
    books = write_books(place, "books", 3)
    spec = word_count(books, f"{place.bucket}/out/")
    place.apply("MapReduceJob", "words", spec)
    expected = parts_here("words", spec, f"{place.bucket}/here/")
    place.complete("mrj", "words")
    assert parts(f"{place.bucket}/out/") == expected
    place.gone("pods", timeout_s=60)


def test_a_chain_of_ten_jobs_runs_each_when_its_upstream_is_complete(pool: Place) -> None:
    books = write_books(pool, "few", 1, lines=20)
    first = word_count(books, f"{pool.bucket}/chain/0/", partitions=1)
    pool.apply("MapReduceJob", "chain-0", {**first, "pool": "warm"})
    for number in range(1, 10):
        spec = {
            "code": {"inline": {"job.py": WORDS}},
            "input": [{"name": "rows", "fromJob": f"chain-{number - 1}"}],
            "reduce": {"python": "job:counted_up"},
            "partitions": 1,
            "output": {"uri": f"{pool.bucket}/chain/{number}/", "format": "parquet"},
            "pool": "warm",
        }
        pool.apply("MapReduceJob", f"chain-{number}", spec)
    pool.complete("mrj", "chain-9")
    counts, raised = (pq.read_table(_files(pool, f"chain/{number}")) for number in (0, 9))
    assert raised["value"].to_pylist() == [count + 9 for count in counts["value"].to_pylist()]


@pytest.fixture(scope="module")
def tpch(pool: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """TPC-H data in the bucket, and a DuckDB that has the tables."""
    folder = tmp_path_factory.mktemp("tpch")
    generate_tpc("tpch", "0.01", folder)
    with duckdb.connect() as connection:
        for file in sorted(folder.glob("*.parquet")):
            pool.s3.put(f"{pool.bucket}/tpch/{file.name}", file.read_bytes())
            connection.execute(f"CREATE VIEW {file.stem} AS FROM '{file}'")
        yield connection


@pytest.mark.parametrize("query", ["q01", "q03", "q12"])
def test_tpch_query_gives_duckdbs_answer(query: str, pool: Place, tpch: duckdb.DuckDBPyConnection) -> None:
    sql = (QUERIES / f"{query}.sql").read_text()
    names = [name for (name,) in tpch.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()]
    tables = {name: {"uri": f"{pool.bucket}/tpch/{name}.parquet"} for name in names}
    output = {"uri": f"{pool.bucket}/queries/{query}/", "format": "parquet"}
    spec = {"sql": sql, "tables": tables, "output": output, "pool": "warm", "forceDistributed": True}
    pool.apply("SQLQuery", query, spec)
    expected = tpch.sql(sql).to_arrow_table()
    status = pool.complete("gsql", query)
    rows = pa.concat_tables([pq.read_table(file) for file in _files(pool, f"queries/{query}")])
    assert _rounded(rows) == _rounded(expected)
    assert len(pool.owned_jobs(query)) == len(status["jobs"]) > 0


def _files(pool: Place, folder: str) -> list[Path]:
    return list(pool.s3.files(f"{pool.bucket}/{folder}", "part-*.parquet"))


def _rounded(rows: pa.Table) -> list[list[object]]:
    return [
        [round(value, 6) if isinstance(value, float) else value for value in row.values()] for row in rows.to_pylist()
    ]
