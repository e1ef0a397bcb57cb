"""What lead and agent load before their first task: a pod's start is imports, nearly."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"duckdb", "pyarrow.compute", "pyarrow.parquet", "pandas", "sqlglot", "aiohttp", "botocore"}
"""What tasks, queries and clients need, and nobody before them."""


def test_a_lead_with_its_agent_starts_without_what_only_tasks_need() -> None:
    modules = (
        "gristmill_worker.lead",
        "gristmill_worker.agent",
        "gristmill.shuffle.flight",
        "gristmill_worker.pool_lead",
    )
    program = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert HEAVY & set(loaded) == set()
