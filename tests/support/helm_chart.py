"""Helm on the chart without a cluster: what it renders with some values, and how it refuses others.

Used by tests/chart, and by the tests that install the chart for real.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.harness.binaries import KUBERNETES, CannotRun, program

CHART = Path(__file__).resolve().parents[2] / "charts" / "gristmill"

NAMESPACED = {
    "watchNamespaces": ["team-a", "team-b"],
    "crds": {"install": False},
    "rbac": {"userRoles": False},
}
EVERYTHING: dict[str, Any] = {
    "image": {"registry": "registry.example.com/team", "tag": "1"},
    "workerImage": {"digest": "sha256:" + 64 * "0"},
    "imagePullSecrets": [{"name": "regcred"}],
    "operator": {
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "system-cluster-critical",
        "podAnnotations": {"note": "1"},
        "podLabels": {"team": "data"},
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
    },
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/operator"}},
    "networkPolicy": {"metricsFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}]},
    "jobPods": {"scratchSize": "20Gi", "tolerations": [{"key": "spot"}], "env": {"HTTPS_PROXY": "http://proxy:3128"}},
    "stores": [{"prefix": "s3://", "endpoint": "http://minio:9000", "secretRef": {"name": "keys"}}],
    "scratch": "s3://tmp/",
    "zones": {"s3://eu/": "eu-west-1a"},
    "metrics": {"serviceMonitor": {"enabled": True}},
    "demoS3": {"enabled": True, "namespaces": ["team-a"]},
}
VALUE_SETS = {"defaults": {}, "namespaced": NAMESPACED, "everything": EVERYTHING, "demo": {"demoS3": {"enabled": True}}}


@dataclass(frozen=True, slots=True)
class Helm:
    """Helm and the chart. A release is called ``gristmill`` and lives in namespace ``mill``."""

    binary: Path

    def template(self, values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        """What `helm template` gives for the values."""
        argv = [self.binary, "template", "gristmill", CHART, "--namespace", "mill", "--values", "-"]
        return self._run(*argv, "--kube-version", KUBERNETES, stdin=yaml.safe_dump(values))

    def render(self, values: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """The objects, hooks too, that an installation with the values would make."""
        return [found for found in yaml.safe_load_all(_rendered(self, yaml.safe_dump(values or {}))) if found]

    def refusal(self, values: dict[str, Any]) -> str:
        """What is said of values that are refused."""
        done = self.template(values)
        assert done.returncode != 0, "the values were taken"
        return done.stderr

    def lint(self) -> str:
        """What `helm lint --strict` says."""
        done = self._run(self.binary, "lint", "--strict", CHART)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _run(self, *argv: Path | str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(argv, check=False, capture_output=True, text=True, input=stdin, timeout=60)


@cache
def _rendered(helm: Helm, values: str) -> str:
    done = helm.template(yaml.safe_load(values))
    assert done.returncode == 0, done.stderr
    return done.stdout


def tool(name: str) -> Path:
    """A program of the test cluster, built where it must be; skips where it cannot."""
    try:
        return program(name)
    except CannotRun as missing:
        pytest.skip(str(missing))


def one(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The only object of a kind and name."""
    (found,) = [o for o in objects if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    return found


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and pod spec of everything that makes pods."""
    for found in objects:
        match found["kind"]:
            case "Pod":
                yield found["metadata"]["name"], found["spec"]
            case "Deployment" | "Job":
                yield found["metadata"]["name"], found["spec"]["template"]["spec"]
