"""Gristmill: MapReduce jobs and SQL over Parquet in object storage, on one machine or on Kubernetes.

``import gristmill as gm``. Names are loaded when first used, so that importing costs little.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gristmill.version import __version__

if TYPE_CHECKING:
    from gristmill.api.cluster.place import Cluster
    from gristmill.api.functions import command, sql_fragment
    from gristmill.api.job import Job, asc, desc, output
    from gristmill.api.result import Result
    from gristmill.api.run import run
    from gristmill.api.session import Session
    from gristmill.api.sources import Input, arrow, broadcast, csv, from_job, json, pairs, parquet, text
    from gristmill.api.sql import Query, sql
    from gristmill.coordinator.progress import Progress
    from gristmill.errors import GristmillError
    from gristmill.kernel.context import counter, side
    from gristmill.kernel.groups import Tagged
    from gristmill.kernel.records import to
    from gristmill.plan.job import Store
    from gristmill.rows.inference import Map

_HOMES = {
    "gristmill.api.cluster.place": ("Cluster",),
    "gristmill.api.functions": ("command", "sql_fragment"),
    "gristmill.api.job": ("Job", "asc", "desc", "output"),
    "gristmill.api.result": ("Result",),
    "gristmill.api.run": ("run",),
    "gristmill.api.session": ("Session",),
    "gristmill.api.sources": ("Input", "arrow", "broadcast", "csv", "from_job", "json", "pairs", "parquet", "text"),
    "gristmill.api.sql": ("Query", "sql"),
    "gristmill.coordinator.progress": ("Progress",),
    "gristmill.errors": ("GristmillError",),
    "gristmill.kernel.records": ("to",),
    "gristmill.kernel.groups": ("Tagged",),
    "gristmill.kernel.context": ("counter", "side"),
    "gristmill.plan.job": ("Store",),
    "gristmill.rows.inference": ("Map",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Cluster",
    "GristmillError",
    "Input",
    "Job",
    "Map",
    "Progress",
    "Query",
    "Result",
    "Session",
    "Store",
    "Tagged",
    "__version__",
    "arrow",
    "asc",
    "broadcast",
    "command",
    "counter",
    "csv",
    "desc",
    "from_job",
    "json",
    "output",
    "pairs",
    "parquet",
    "run",
    "side",
    "sql",
    "sql_fragment",
    "text",
    "to",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'gristmill' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
