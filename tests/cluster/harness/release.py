"""Gristmill installed on a test cluster by its Helm chart, with the images that were built from the checkout."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.cluster.harness.client import Client, wait_for
from tests.cluster.harness.layout import REPOSITORY
from tests.cluster.harness.s3 import S3

NAME = "gristmill"
NAMESPACE = "gristmill"
SECRET = "s3-keys"
"""Secret with the S3 server's keys, in every namespace of a test."""


@dataclass(frozen=True, slots=True)
class Release:
    """The release `gristmill` in the namespace `gristmill` of the cluster that `client` talks to."""

    client: Client
    s3: S3
    images: Callable[[], dict[str, Any]]
    """The chart's values that name the images."""

    def install(self, values: dict[str, Any] | None = None) -> None:
        """Install it or upgrade what is there, with `values` over those of tests; the operator is ready then."""
        self.client.within("default").apply(namespace_object(NAMESPACE))
        text = json.dumps({**self.values(), **(values or {})})
        file = self.client.kubeconfig.parent / "values.json"
        file.write_text(text)
        chart = str(REPOSITORY / "charts" / "gristmill")
        self.client.helm("upgrade", "--install", NAME, chart, "-f", str(file), "--wait", "--timeout", "120s")

    @property
    def installed(self) -> bool:
        """Whether the release is there."""
        return bool(self.client.get("deployment", "gristmill-operator"))

    def uninstall(self) -> None:
        """Remove it; the resource definitions stay, as the chart says."""
        self.client.helm("uninstall", NAME, "--wait")

    def values(self) -> dict[str, Any]:
        """Small pods, short linger, the cluster's S3 server as the store of every job."""
        return {
            **self.images(),
            "stores": [self.s3.store(SECRET)],
            "zones": {"s3://zone-a-": "zone-a", "s3://zone-b-": "zone-b"},
            "jobPods": {
                "agentResources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
                "executorResources": {"requests": {"cpu": "200m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
                "maxWorkers": 2,
                "lingerSeconds": 15,
                "terminationGracePeriodSeconds": 10,
            },
        }

    def operator_pod(self) -> str:
        """The name of the operator's pod that is ready. TimeoutError where there is none within a minute."""
        return str(wait_for(self._ready_operator, 60, "a ready pod of the operator"))

    def operator_log(self) -> str:
        """What the operator printed lately."""
        return self.client.kubectl("logs", "deployment/gristmill-operator", "--tail=200", check=False)

    def _ready_operator(self) -> str | None:
        pods = self.client.items("pods", "-l", "app.kubernetes.io/component=operator")
        for pod in pods:
            conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", [])}
            if conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]:
                return str(pod["metadata"]["name"])
        return None


def namespace_object(name: str) -> dict[str, Any]:
    """A namespace that takes only pods of the restricted standard."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
