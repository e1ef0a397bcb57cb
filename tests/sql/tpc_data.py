"""Data of the TPC benchmarks, made by tpcgen-cli."""

import subprocess
import sys
from pathlib import Path


def generate_tpc(benchmark: str, scale: str, folder: Path) -> None:
    """Writes the tables of ``tpch`` or ``tpcds`` as a Parquet file each."""
    command = [benchmark, "parquet", "-s", scale, "--output-dir", str(folder)]
    subprocess.run([Path(sys.executable).with_name("tpcgen-cli"), *command], check=True, capture_output=True)
