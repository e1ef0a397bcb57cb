"""Jobs of every kind on real kubelets: their outputs are those of the embedded engine, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest

from tests.cluster.embedded import parts, parts_here
from tests.cluster.places import Place
from tests.cluster.workloads import WORDS, command, join, total_sort, word_count, write_books, write_orders
from tests.support.http_files import serving
from tests.support.wheels import GREETER, make_wheel


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


def test_a_package_that_a_job_requires_is_installed_once_and_kept_in_scratch(place: Place, tmp_path: Path) -> None:
    make_wheel(tmp_path, "1.0")
    for number in range(2):
        place.s3.put(f"{place.bucket}/names/{number}.txt", f"ann{number}\n".encode())
    with serving(tmp_path, ranges=False, host=urlsplit(place.s3.endpoint).hostname or "") as address:
        spec = {
            "code": {
                "inline": {"greeter.py": GREETER},
                "requirements": [f"tinygreeter @ {address}/tinygreeter-1.0-py3-none-any.whl"],
            },
            "input": [{"name": "names", "uri": f"{place.bucket}/names/*.txt", "format": "text"}],
            "map": {"python": "greeter:greet"},
            "output": {"uri": f"{place.bucket}/out/", "format": "parquet"},
            "scratch": f"{place.bucket}/scratch/",
            "stores": [place.store],
        }
        place.apply("MapReduceJob", "greet", spec)
        place.complete("mrj", "greet")
        place.apply("MapReduceJob", "again", {**spec, "output": {"uri": f"{place.bucket}/again/", "format": "parquet"}})
        place.complete("mrj", "again")
    for folder in ("out", "again"):
        said = [value for file in _files(place, folder) for value in pq.read_table(file)["value"].to_pylist()]
        assert sorted(said) == ["hello ann0 from 1.0", "hello ann1 from 1.0"]
    assert len(list(place.s3.path(f"{place.bucket}/scratch").rglob("requirements/*.tar.gz"))) == 1


def _files(pool: Place, folder: str) -> list[Path]:
    return list(pool.s3.files(f"{pool.bucket}/{folder}", "part-*.parquet"))
