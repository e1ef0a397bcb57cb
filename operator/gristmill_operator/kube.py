"""Calls of the API server: the blocking Kubernetes client in threads, off the event loop, with the one retry policy.

Objects are plain dictionaries as JSON has them. What the server refuses is ``Refused``; what passes by itself (too many
requests, a server that is away, a conflict of a patch) is tried again first.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes import client, config
from kubernetes.client.rest import ApiException

from gristmill.errors import StorageError
from gristmill_operator.model import Key
from gristmill_operator.names import GROUP, VERSION, Kind

THREADS = 16
TRIES = 5
_FIRST_PAUSE_S = 0.2
_TIMEOUT_S = (5.0, 30.0)
_DELETE_TIMEOUT_S = (5.0, 65.0)
"""Longer than the API server itself goes on: a deletion given up before would still come, and take what was made since.
"""
_PASSING = (429, 500, 502, 503, 504)
MERGE_PATCH = "application/merge-patch+json"
_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Refused(Exception):
    """What the API server answered instead of doing it; ``status`` 0: it could not be reached."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status, self.reason, self.message = status, reason, message


class Kube:
    """A connection to the API server that the pod's service account, or else the kubeconfig, leads to.

    Making one raises StorageError where there is neither.
    """

    def __init__(self) -> None:
        try:
            config.load_incluster_config()
        except config.ConfigException:
            _load_kubeconfig()
        configuration = client.Configuration.get_default_copy()
        configuration.connection_pool_maxsize = THREADS
        configuration.retries = urllib3.Retry(0)
        self._client = client.ApiClient(configuration)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="kube")

    def close(self) -> None:
        """Ends the threads; calls that still run are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def get(self, path: str) -> dict[str, Any]:
        """One object. Raises Refused."""
        return await self._call("GET", path)

    async def list(self, path: str, metadata_only: bool = False, **query: str) -> list[dict[str, Any]]:
        """The objects of a collection; of custom resources and pods maybe only their metadata. Raises Refused."""
        full = f"{path}?{urlencode(query)}" if query else path
        found = await self._call("GET", full, accept=_METADATA_ONLY if metadata_only else "application/json")
        return found.get("items") or []

    async def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The object as it was made. Raises Refused; 409 where the name is taken."""
        return await self._call("POST", path, body)

    async def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Merges ``body`` into the object. Raises Refused."""
        return await self._call("PATCH", path, body, content=MERGE_PATCH)

    async def replace(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Puts ``body`` where its resourceVersion still is the object's. Raises Refused."""
        return await self._call("PUT", path, body)

    async def delete(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """What the server answers, for pods the pod as it goes; None where there was nothing. Raises Refused."""
        try:
            return await self._call("DELETE", path, body or {})
        except Refused as refused:
            if refused.status in (404, 409):
                return None
            raise

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content: str = "application/json",
        accept: str = "application/json",
    ) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        for attempt in range(TRIES):
            try:
                return await loop.run_in_executor(self._threads, self._once, method, path, body, content, accept)
            except Refused as refused:
                conflict = refused.status == 409 and method == "PATCH"
                if attempt == TRIES - 1 or not (conflict or refused.status == 0 or refused.status in _PASSING):
                    raise
            await asyncio.sleep(_FIRST_PAUSE_S * 2**attempt * random.uniform(0.5, 1.5))
        raise AssertionError("the last attempt returns or raises")

    def _once(
        self, method: str, path: str, body: Mapping[str, Any] | None, content: str, accept: str
    ) -> dict[str, Any]:
        headers = {"Accept": accept, "Content-Type": content, "User-Agent": "gristmill-operator"}
        self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        url = self._client.configuration.host + path
        try:
            response = self._client.rest_client.request(
                method,
                url,
                headers=headers,
                body=body,
                _request_timeout=_DELETE_TIMEOUT_S if method == "DELETE" else _TIMEOUT_S,
            )
            status, text = response.status, response.read()
        except ApiException as error:
            status, text = error.status, error.body or b""
        except urllib3.exceptions.HTTPError as error:
            raise Refused(0, "Unreachable", str(error)) from None
        form = _parsed(text)
        if 200 <= status < 300:
            return form
        raise Refused(status, str(form.get("reason", "")), str(form.get("message", "")) or f"HTTP status {status}")


def _load_kubeconfig() -> None:
    try:
        config.load_kube_config()
    except config.ConfigException as error:
        remedy = "run in a pod with a service account, or set KUBECONFIG"
        raise StorageError(f"no way to an API server: {error}", place="operator", remedy=remedy) from None


def _parsed(text: bytes | str) -> dict[str, Any]:
    try:
        form = json.loads(text)
    except ValueError:
        return {}
    return form if isinstance(form, dict) else {}


def core_path(namespace: str, plural: str, name: str = "") -> str:
    """Path of a core object, or without a name of the collection; without a namespace of all namespaces."""
    return _path("/api/v1", namespace, plural, name)


def policies_path(namespace: str, name: str = "") -> str:
    """Path of NetworkPolicies."""
    return _path("/apis/networking.k8s.io/v1", namespace, "networkpolicies", name)


def leases_path(namespace: str, name: str = "") -> str:
    """Path of Leases."""
    return _path("/apis/coordination.k8s.io/v1", namespace, "leases", name)


def kind_path(namespace: str, kind: Kind, name: str = "") -> str:
    """Path of a kind of the operator's own."""
    return _path(f"/apis/{GROUP}/{VERSION}", namespace, kind.plural, name)


def key_path(key: Key) -> str:
    """Path of one resource."""
    return kind_path(key.namespace, key.kind, key.name)


def _path(group: str, namespace: str, plural: str, name: str) -> str:
    middle = f"/namespaces/{namespace}" if namespace else ""
    return f"{group}{middle}/{plural}" + (f"/{name}" if name else "")
