"""Resources to and from an API server as plain values, with its own words where it refuses."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml
from kubernetes import config

Manifest = dict[str, Any]
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "/apis/gristmill.dev/v1alpha1"
PLURALS = {"MapReduceJob": "mapreducejobs", "SQLQuery": "sqlqueries", "WorkerPool": "workerpools"}
STRICT = [("fieldValidation", "Strict")]


class Refused(Exception):
    """The API server did not take it; the text is what it said."""


class Api:
    """An API server by its kubeconfig, in the namespace ``default``."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        client = config.new_client_from_config(str(kubeconfig))
        self._pool = client.rest_client.pool_manager
        self._host = client.configuration.host

    def install(self, crds: Path) -> None:
        """Installs the definitions in a folder and waits until they are served."""
        for path in sorted(crds.glob("*.yaml")):
            self.call("POST", DEFINITIONS, yaml.safe_load(path.read_text()))
        for plural in PLURALS.values():
            self._until_served(plural)

    def create(self, manifest: Manifest) -> Manifest:
        """Creates it; unknown fields are refused, as kubectl asks for. Raises Refused."""
        return self.call("POST", _path(manifest["kind"]), manifest, STRICT)

    def try_create(self, manifest: Manifest) -> Manifest:
        """What creating it would give; nothing is kept. Raises Refused."""
        return self.call("POST", _path(manifest["kind"]), manifest, [*STRICT, ("dryRun", "All")])

    def update(self, manifest: Manifest) -> Manifest:
        """Merges it into what is there. Raises Refused."""
        path = _path(manifest["kind"], manifest["metadata"]["name"])
        return self.call("PATCH", path, manifest, STRICT, "application/merge-patch+json")

    def replace(self, manifest: Manifest) -> Manifest:
        """Puts it in the place of what is there, whatever its version. Raises Refused."""
        path = _path(manifest["kind"], manifest["metadata"]["name"])
        version = self.call("GET", path)["metadata"]["resourceVersion"]
        metadata = manifest["metadata"] | {"resourceVersion": version}
        return self.call("PUT", path, manifest | {"metadata": metadata}, STRICT)

    def apply(self, manifest: Manifest, manager: str) -> Manifest:
        """Server-side apply in the name of ``manager``. Raises Refused."""
        path = _path(manifest["kind"], manifest["metadata"]["name"])
        return self.call("PATCH", path, manifest, [("fieldManager", manager)], "application/apply-patch+yaml")

    def set_status(self, manifest: Manifest, status: Manifest) -> Manifest:
        """Writes the status of what is there; unknown fields are refused."""
        path = _path(manifest["kind"], manifest["metadata"]["name"]) + "/status"
        return self.call("PATCH", path, {"status": status}, STRICT, "application/merge-patch+json")

    def delete(self, manifest: Manifest) -> None:
        """Deletes it."""
        self.call("DELETE", _path(manifest["kind"], manifest["metadata"]["name"]))

    def call(
        self, method: str, path: str, body: Any = None, query: Sequence[tuple[str, str]] = (), content: str = ""
    ) -> Manifest:
        """One request. Raises Refused with the server's message."""
        headers = {"Content-Type": content or "application/json", "Accept": "application/json"}
        data = None if body is None else json.dumps(body)
        answer = self._pool.request(method, f"{self._host}{path}?{urlencode(query)}", headers=headers, body=data)
        form = json.loads(answer.data)
        if answer.status >= 400:
            raise Refused(form["message"])
        return dict(form)

    def _until_served(self, plural: str) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                self.call("GET", f"{GROUP}/namespaces/default/{plural}")
                return
            except (Refused, ValueError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


def _path(kind: str, name: str = "") -> str:
    path = f"{GROUP}/namespaces/default/{PLURALS[kind]}"
    return f"{path}/{name}" if name else path
