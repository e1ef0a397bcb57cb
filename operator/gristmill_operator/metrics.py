"""Prometheus metrics of the operator. ``/metrics`` of ``health`` shows them."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from gristmill_operator.model import Resource

_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


class Metrics:
    """All of them, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.resources = Gauge(
            "gristmill_resources", "Resources by kind and phase.", ["kind", "phase"], registry=self.registry
        )
        self.reconciles = Histogram(
            "gristmill_reconcile_seconds", "Time of one reconcile.", buckets=_BUCKETS, registry=self.registry
        )
        self.pods_created = Counter(
            "gristmill_pods_created_total", "Pods made, by role.", ["role"], registry=self.registry
        )
        self.status_writes = Counter(
            "gristmill_status_writes_total", "Writes of status.", ["kind"], registry=self.registry
        )
        self.leads = Gauge("gristmill_leads_connected", "Leads that hold a stream.", registry=self.registry)
        self.locality = Gauge(
            "gristmill_map_tasks", "Map tasks of the resources there are, by where they ran.", ["place"],
            registry=self.registry,
        )  # fmt: skip
        self.deaf = Gauge("gristmill_watch_deaf_seconds", "How long a watch misses things.", ["kind"],
                          registry=self.registry)  # fmt: skip

    def text(self, resources: Iterable[Resource], leads: int) -> bytes:
        """What a scrape gets: the counts of what there is now, and all else."""
        self.resources.clear()
        places = dict.fromkeys(("local", "zone", "remote"), 0)
        for resource in resources:
            phase = resource.status.phase
            self.resources.labels(resource.key.kind.value, phase.value if phase else "New").inc()
            for place, count in (resource.status.told.get("locality") or {}).items():
                places[place] = places.get(place, 0) + int(count)
        for place, count in places.items():
            self.locality.labels(place).set(count)
        self.leads.set(leads)
        return bytes(generate_latest(self.registry))
