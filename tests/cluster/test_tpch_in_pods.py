"""All of TPC-H as SQLQueries in one warm pool of two pods: what each commits is what worker processes of this machine
commit, to the byte; that their answers are DuckDB's is for tests/sql.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import gristmill as gm
from tests.cluster.embedded import parts
from tests.cluster.harness.client import wait_for
from tests.cluster.places import Place
from tests.sql.tpc_data import generate_tpc

QUERIES = sorted((Path(__file__).parents[1] / "sql" / "tpch").glob("q*.sql"))
SCALE = "0.01"


@pytest.fixture(scope="module")
def tables(module_place: Place, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """URIs of the tables, and a pool with a pod on each node that serves queries over them."""
    spec = {"min": 2, "max": 2, "idle": "10m", "stores": [module_place.store]}
    module_place.apply("WorkerPool", "warm", spec)
    folder = tmp_path_factory.mktemp("tpch")
    generate_tpc("tpch", SCALE, folder)
    found = {}
    for file in sorted(folder.glob("*.parquet")):
        found[file.stem] = f"{module_place.bucket}/tpch/{file.name}"
        module_place.s3.put(found[file.stem], file.read_bytes())
    wait_for(lambda: len(_nodes(module_place)) == 2, 120, lambda: module_place.report("gpool", "warm"))
    return found


def _nodes(place: Place) -> set[str]:
    """Nodes on which a pod of the pool is ready."""
    return {
        pod["spec"]["nodeName"]
        for pod in place.pods(pool="gpool-warm")
        for one in pod["status"].get("conditions", [])
        if one["type"] == "Ready" and one["status"] == "True"
    }


@pytest.mark.parametrize("file", QUERIES, ids=lambda file: file.stem)
def test_a_tpch_query_commits_the_bytes_of_the_embedded_engine(
    file: Path, module_place: Place, tables: dict[str, str]
) -> None:
    place, name, sql = module_place, file.stem, file.read_text()
    spec = {
        "sql": sql,
        "tables": {table: {"uri": uri} for table, uri in tables.items()},
        "output": {"uri": f"{place.bucket}/out/{name}/", "format": "parquet"},
        "pool": "warm",
        "forceDistributed": True,
    }
    place.apply("SQLQuery", name, spec)
    here = f"{place.bucket}/here/{name}/"
    gm.sql(sql, tables=tables, workers=2, memory="1GiB", force_distributed=True).write(here)
    status = place.complete("gsql", name)
    assert parts(f"{place.bucket}/out/{name}/") == parts(here)
    assert len(place.owned_jobs(name)) == len(status["jobs"]) > 0
