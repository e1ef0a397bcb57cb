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


JOINED = """
import sys
from gristmill.coordinator.feeds import FeedBook
from gristmill.ids import ExchangeId, Side, StageId, WorkerId
from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.schema import Column
from gristmill.plan.stage import ExchangeWrite, Stage, StageGraph, Step
from gristmill.plan.task import Location, MapOutput

exchanges = [ExchangeId("job", name) for name in ("left", "right")]
by_key = Exchange(ExchangeKind.HASH, 1, ("place.id",))
writes = tuple(ExchangeWrite(exchange, by_key) for exchange in exchanges)
book = FeedBook(StageGraph((Stage(StageId("job", Side.MAP, "in"), 1, Step("job", "in", None), writes),), "job"))
for exchange in exchanges:
    schema = (Column("place", "STRUCT(id BIGINT)"),)
    book.add(MapOutput(exchange, Location("w", "host", "/0"), 0, 1, 8, (1,), (8,), schema, "c"), WorkerId("w"))
    book.seal(exchange, anew=False)
print(*sys.modules)
"""


def test_the_keys_of_a_join_are_compared_without_what_only_tasks_need() -> None:
    loaded = subprocess.run([sys.executable, "-c", JOINED], check=True, capture_output=True, text=True).stdout.split()
    assert {"pandas", "pyarrow.compute"} & set(loaded) == set()
