"""``gristmill sql --emit-manifests``: the chain as YAML, which ``gristmill run`` takes, giving the same rows."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from gristmill_cli.main import app

QUERIES = {
    "one job": "SELECT k, sum(v) AS s FROM t GROUP BY k ORDER BY k",
    "a join, in order": "SELECT t.k, name, sum(v) AS s FROM t JOIN u ON t.k = u.k GROUP BY ALL ORDER BY s DESC, name",
    "a window and a subquery": "SELECT k, v, rank() OVER (PARTITION BY k ORDER BY v) AS r FROM t "
    "WHERE v > (SELECT avg(v) FROM t) ORDER BY k, r",
}


@pytest.fixture
def tables(tmp_path: Path) -> list[str]:
    pq.write_table(pa.table({"k": [n % 5 for n in range(200)], "v": range(200)}), tmp_path / "t.parquet")
    pq.write_table(pa.table({"k": range(5), "name": list("abcde")}), tmp_path / "u.parquet")
    return ["--table", f"t={tmp_path}/t.parquet", "--table", f"u={tmp_path}/u.parquet"]


@pytest.mark.parametrize("name", QUERIES)
def test_the_manifests_of_a_query_give_its_rows(name: str, tables: list[str], tmp_path: Path) -> None:
    runner = CliRunner()
    emitted = runner.invoke(app, ["sql", QUERIES[name], *tables, "--emit-manifests"])
    assert emitted.exit_code == 0, emitted.output
    documents = list(yaml.safe_load_all(emitted.stdout))
    assert {document["kind"] for document in documents} == {"MapReduceJob"}
    (tmp_path / "chain.yaml").write_text(emitted.stdout)
    by_manifest = runner.invoke(app, ["run", str(tmp_path / "chain.yaml"), "-o", "csv", "-q"])
    assert by_manifest.exit_code == 0, by_manifest.output
    by_query = runner.invoke(app, ["sql", QUERIES[name], *tables, "-o", "csv", "-q"])
    assert by_manifest.stdout == by_query.stdout
    assert by_query.stdout.count("\n") > 5


def test_a_cluster_query_has_no_manifests_to_print() -> None:
    done = CliRunner().invoke(app, ["sql", "SELECT 1", "--cluster", "--emit-manifests"])
    assert done.exit_code != 0
