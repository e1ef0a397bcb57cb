"""Requests to the API server: JSON in and out, streams of lines, and websockets to pods.

Addresses, certificates and logins come from the Kubernetes client's configuration, so that whatever kubectl can reach
is reached; errors are made in ``failures``. Nothing is known here of jobs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from gristmill.api.cluster.failures import Unreachable, status_failure, transport_failure
from gristmill.api.cluster.kinds import Body
from gristmill.api.cluster.place import Cluster, target_of
from gristmill.errors import ClusterError
from gristmill.version import __version__

CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 30.0
_MERGE_PATCH = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Connection:
    """A way to one cluster, as one user, with a namespace for everything that has one. Made by ``connect``."""

    context: str
    namespace: str
    _configuration: Any
    _pool: Any
    """urllib3's, with certificates and proxy set up."""
    timeout_s: float = field(default=ANSWER_TIMEOUT_S)

    @property
    def server(self) -> str:
        """The API server's URL."""
        return str(self._configuration.host)

    @property
    def place(self) -> str:
        """For messages: where all this is."""
        return f"context {self.context}, namespace {self.namespace}"

    def get(self, path: str, **query: str) -> Body:
        """The object or list at ``path``."""
        return self._json("GET", path, query)

    def create(self, path: str, body: Body, **query: str) -> Body:
        """Makes ``body`` in the collection at ``path``; raises Taken where its name is in use."""
        return self._json("POST", path, query, body)

    def merge(self, path: str, body: Body) -> Body:
        """Merges ``body`` into the object at ``path``."""
        return self._json("PATCH", path, {}, body, _MERGE_PATCH)

    def delete(self, path: str) -> None:
        """Deletes the object at ``path``; what it owns goes after it."""
        self._json("DELETE", path, {}, {"propagationPolicy": "Background"})

    def text(self, path: str, **query: str) -> str:
        """What stands at ``path``, as text."""
        response = self._request("GET", path, query, None, "", self.timeout_s)
        with response:
            return bytes(response.read()).decode("utf-8", "replace")

    def lines(self, path: str, *, silence_s: float | None = None, **query: str) -> Iterator[bytes]:
        """The lines of a long answer (a watch, a log) as they come, until it ends.

        A silence longer than ``silence_s`` seconds raises Unreachable; None waits for as long as it takes.
        """
        import urllib3

        rest = b""
        with self._request("GET", path, query, None, "", silence_s) as response:
            try:
                for chunk in response.stream(1 << 16):
                    *whole, rest = (rest + chunk).split(b"\n")
                    yield from whole
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise transport_failure(error, self.server, self.place) from error
        if rest:
            yield rest

    def websocket(self, path: str, query: str) -> Any:
        """An open websocket of websocket-client to ``path``. Raises ClusterError."""
        import websocket
        from kubernetes.stream import ws_client

        url = self.server.replace("http", "ws", 1) + f"{path}?{query}"
        headers = {name.lower(): value for name, value in self._authorization().items()}
        headers["sec-websocket-protocol"] = "v4.channel.k8s.io"
        try:
            return ws_client.create_websocket(self._configuration, url, headers)
        except websocket.WebSocketBadStatusException as error:
            body = error.resp_body if isinstance(error.resp_body, bytes) else b""
            failure = status_failure(error.status_code, body, "forward ports of pods", self.place)
            if error.status_code == 400:  # the pod has no node yet, or its container does not run
                failure = Unreachable(failure.reason, place=self.place)
            raise failure from None
        except (websocket.WebSocketException, OSError) as error:
            raise transport_failure(error, self.server, self.place) from error

    def _json(self, method: str, path: str, query: dict[str, str], body: Body | None = None, type_: str = "") -> Body:
        with self._request(method, path, query, body, type_, self.timeout_s) as response:
            form: Body = json.loads(response.read())
        return form

    def _request(
        self, method: str, path: str, query: dict[str, str], body: Body | None, type_: str, timeout_s: float | None
    ) -> Any:
        """An answer below 400, its body still to be read."""
        import urllib3

        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"accept": "application/json", "user-agent": f"gristmill/{__version__}"} | self._authorization()
        if body is not None:
            headers["content-type"] = type_ or "application/json"
        try:
            response = self._pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body),
                headers=headers,
                preload_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=timeout_s),
                retries=urllib3.Retry(1, connect=1, read=0, redirect=2, status=0, other=0),
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise transport_failure(error, self.server, self.place) from error
        if response.status >= 400:
            what = f"{_VERBS[method]} {path.rsplit('/', 1)[-1]}"
            raise status_failure(response.status, response.read(), what, self.place)
        return response

    def _authorization(self) -> dict[str, str]:
        """The header of a token or password, renewed where it has run out; certificates are the pool's business."""
        found = self._configuration.auth_settings()
        return {setting["key"]: setting["value"] for setting in found.values() if setting["in"] == "header"}


_VERBS = {"GET": "read", "POST": "create", "PATCH": "change", "DELETE": "delete"}


def connect(cluster: Cluster | str = "") -> Connection:
    """A connection to the cluster; nothing is asked of it yet. Raises ClusterError for what kubeconfig does not say."""
    try:
        from kubernetes import client
    except ImportError:
        raise ClusterError(
            "the Kubernetes client is not installed", place="cluster", remedy="pip install 'gristmill[cluster]'"
        ) from None
    target = target_of(cluster)
    api = client.ApiClient(target.configuration)
    return Connection(target.context, target.namespace, target.configuration, api.rest_client.pool_manager)
