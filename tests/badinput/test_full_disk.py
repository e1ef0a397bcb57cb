"""A disk that fills, under spill and shuffle files and under the output: the message names the place and says what to
do, the command ends with 3, and nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

MANIFEST = """
apiVersion: gristmill.dev/v1alpha1
kind: MapReduceJob
metadata: {{name: large}}
spec:
  input: [{{uri: "rows.parquet", format: parquet, key: [k]}}]
  partitions: 2
  output: {{uri: "{output}"}}
"""
TIERS = pytest.mark.parametrize(
    "tier", [[], ["--force-distributed", "--workers", "1", "--memory", "512MiB"]], ids=["inline", "workers"]
)


@pytest.fixture
def rows(tmp_path: Path) -> None:
    """30 MB that no codec shrinks."""
    random = np.random.default_rng(1)
    payload = [bytes(row) for row in random.integers(0, 256, (15_000, 2_000), dtype=np.uint8)]
    table = pa.table({"k": random.integers(0, 1 << 40, 15_000), "payload": payload})
    pq.write_table(table, tmp_path / "rows.parquet", compression="none", use_dictionary=False)


@TIERS
@pytest.mark.usefixtures("rows")
def test_a_scratch_disk_that_fills_ends_the_job(
    tmp_path: Path, gristmill: Any, small_disk: Path, nothing_left_of: Callable[[Path], None], tier: list[str]
) -> None:
    """Spill and shuffle files."""
    (tmp_path / "job.yaml").write_text(MANIFEST.format(output="out/"))
    done = gristmill("run", "job.yaml", *tier, GRISTMILL_LOCAL_DIR=str(small_disk))
    assert done.returncode == 3, done.stderr
    assert "No space left" in done.stderr or "no space left" in done.stderr
    assert "GRISTMILL_LOCAL_DIR" in done.stderr
    assert "Traceback" not in done.stderr
    nothing_left_of(tmp_path / "out")
    assert list(small_disk.iterdir()) == []


@TIERS
@pytest.mark.usefixtures("rows")
def test_an_output_disk_that_fills_ends_the_job(
    tmp_path: Path, gristmill: Any, small_disk: Path, nothing_left_of: Callable[[Path], None], tier: list[str]
) -> None:
    output = small_disk / "out"
    (tmp_path / "job.yaml").write_text(MANIFEST.format(output=output))
    done = gristmill("run", "job.yaml", *tier)
    assert done.returncode == 3, done.stderr
    assert str(output) in done.stderr
    assert "space" in done.stderr
    assert "Traceback" not in done.stderr
    nothing_left_of(output)
    assert sum(path.stat().st_size for path in small_disk.rglob("*") if path.is_file()) < 1 << 20


@pytest.mark.usefixtures("rows")
def test_a_query_that_spills_to_a_full_disk_ends(tmp_path: Path, gristmill: Any, small_disk: Path) -> None:
    query = "SELECT k, payload FROM 'rows.parquet' ORDER BY payload"
    done = gristmill("sql", query, "-o", "csv", "--force-distributed", "--workers", "1", "--memory", "512MiB",
                     GRISTMILL_LOCAL_DIR=str(small_disk))  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "space" in done.stderr
    assert "Traceback" not in done.stderr
