"""What every test shares: how many examples the property tests try, and which tests one process runs."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

settings.register_profile("quick", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", settings.get_profile("quick"), max_examples=5_000)
settings.load_profile("quick")

CLUSTER = "tests/cluster"


class _OneProcessForTheCluster(LoadFileScheduling):
    """A process for each file, but one for all files on the cluster, of which there is one."""

    def _split_scope(self, nodeid: str) -> str:
        return CLUSTER if nodeid.startswith(f"{CLUSTER}/") else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling | None:
    return _OneProcessForTheCluster(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The suite on the cluster waits more than it works: first, so that the other process is busy beside it."""
    items.sort(key=lambda item: not item.nodeid.startswith(f"{CLUSTER}/"))
