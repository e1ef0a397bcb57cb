"""kubectl and helm as an administrator of one cluster, and waiting for what they see."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.harness.binaries import program


@dataclass(frozen=True, slots=True)
class Client:
    """Talks to the cluster of a kubeconfig, in one namespace unless the arguments name another."""

    kubeconfig: Path
    namespace: str = "default"

    def kubectl(self, *args: str, input_: str | None = None, check: bool = True, timeout_s: float = 120) -> str:
        """What kubectl prints. RuntimeError with its message where it fails and `check` is set."""
        flags = ["--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace]
        return _run([str(program("kubectl")), *flags, *args], input_, check, timeout_s)

    def helm(self, *args: str, timeout_s: float = 180) -> str:
        """What helm prints. RuntimeError with its message where it fails."""
        flags = ["--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace]
        return _run([str(program("helm")), *flags, *args], None, True, timeout_s)

    def apply(self, *objects: dict[str, Any]) -> None:
        """Create or change objects, as the server applies them."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self.kubectl("apply", "--server-side", "-f", "-", input_=text)

    def get(self, *args: str) -> Any:
        """What `kubectl get ARGS` finds, as JSON; None where the object is not there."""
        printed = self.kubectl("get", *args, "--ignore-not-found", "-o", "json")
        return json.loads(printed) if printed.strip() else None

    def items(self, *args: str) -> list[dict[str, Any]]:
        """The objects that `kubectl get ARGS` lists."""
        return list((self.get(*args) or {}).get("items", []))

    def within(self, namespace: str) -> Client:
        """The same, in another namespace."""
        return Client(self.kubeconfig, namespace)


def wait_for(condition: Callable[[], object], timeout_s: float, what: str | Callable[[], str]) -> Any:
    """Wait until `condition` gives something true, and give that. TimeoutError saying `what` did not come."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not in {timeout_s:.0f} s: {what() if callable(what) else what}")
        time.sleep(0.1)
    return found


def _run(argv: list[str], input_: str | None, check: bool, timeout_s: float) -> str:
    done = subprocess.run(argv, check=False, capture_output=True, text=True, input=input_, timeout=timeout_s)
    if check and done.returncode != 0:
        raise RuntimeError(f"{Path(argv[0]).name} {' '.join(argv[5:])}: {done.stderr.strip()}")
    return done.stdout
