"""Which cluster and namespace: what a caller may say, and what kubeconfig makes of it, as kubectl would."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gristmill.errors import ClusterError
from gristmill.plan.problems import did_you_mean

_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster and a namespace in it; what is empty is taken from kubeconfig, as kubectl takes it.

    ``kubeconfig`` is a file, or several joined by colons; empty: those of the variable KUBECONFIG, else
    ``~/.kube/config``, else, in a pod, its service account.
    """

    context: str = ""
    namespace: str = ""
    kubeconfig: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster as it was found: the client's configuration, and the names for messages."""

    configuration: Any
    context: str
    namespace: str


@dataclass(frozen=True, slots=True)
class KubeConfig:
    """What the files of kubeconfig say of contexts: the namespace of each by name, and which is current."""

    files: str
    current: str = ""
    namespaces: dict[str, str] = field(default_factory=dict)


def target_of(wanted: Cluster | str) -> Target:
    """What to connect to; a text is ``context`` or ``context/namespace``. Raises ClusterError."""
    kubeconfig = read_kubeconfig("" if isinstance(wanted, str) else wanted.kubeconfig)
    if not kubeconfig.namespaces and "KUBERNETES_SERVICE_HOST" in os.environ:
        return _pod_target(wanted)
    cluster = parse_cluster(wanted, kubeconfig.namespaces) if isinstance(wanted, str) else wanted
    context = cluster.context or kubeconfig.current
    if context not in kubeconfig.namespaces:
        raise _no_context(context, kubeconfig)
    namespace = cluster.namespace or kubeconfig.namespaces[context]
    return Target(_configuration(kubeconfig.files, context), context, namespace)


def parse_cluster(text: str, contexts: Iterable[str]) -> Cluster:
    """``context[/namespace]``; names of contexts may hold slashes themselves."""
    if text in contexts or "/" not in text:
        return Cluster(text)
    context, _, namespace = text.rpartition("/")
    return Cluster(context, namespace)


def read_kubeconfig(files: str = "") -> KubeConfig:
    """The contexts of the files, where two say the same name those of the first. Raises ClusterError."""
    paths = files or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    current = ""
    namespaces: dict[str, str] = {}
    for path in paths.split(os.pathsep):
        form = _read(Path(path).expanduser(), required=bool(files)) if path else {}
        current = current or str(form.get("current-context") or "")
        for entry in form.get("contexts") or ():
            namespaces.setdefault(entry["name"], (entry.get("context") or {}).get("namespace") or "default")
    return KubeConfig(paths, current, namespaces)


def _read(path: Path, *, required: bool) -> dict[str, Any]:
    """The file; one that KUBECONFIG names may be missing, as for kubectl."""
    if not path.exists() and not required:
        return {}
    try:
        form = yaml.safe_load(path.read_text("utf-8")) or {}
        if not isinstance(form, dict):
            raise ClusterError("is not a kubeconfig", place=str(path))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"is not a kubeconfig: {error}"
        raise ClusterError(f"kubeconfig cannot be read: {reason}", place=str(path)) from None
    return form


def _no_context(context: str, kubeconfig: KubeConfig) -> ClusterError:
    if not kubeconfig.namespaces:
        return ClusterError(
            "there is no kubeconfig, so no cluster is known",
            place=kubeconfig.files,
            remedy="Name the file with --kubeconfig or the variable KUBECONFIG; without a cluster, run it here: "
            "gristmill run or gristmill sql.",
        )
    if not context:
        known = ", ".join(kubeconfig.namespaces)
        return ClusterError(
            "no context is current", place=kubeconfig.files, remedy=f"Name one with --context: {known}."
        )
    remedy = did_you_mean(context, kubeconfig.namespaces)
    return ClusterError(f"there is no context {context!r}", place=kubeconfig.files, remedy=remedy)


def _configuration(files: str, context: str) -> Any:
    from kubernetes import client, config

    configuration = client.Configuration()
    try:
        with _overheard() as said:
            config.load_kube_config(files, context, configuration)
    except Exception as error:  # the client lets through whatever its parts raise
        raise _no_login(context, files, str(error)) from error
    if said:  # of a program for logins that fails the client tells its log alone, and goes on as nobody
        raise _no_login(context, files, said[0])
    return configuration


def _no_login(context: str, files: str, reason: str) -> ClusterError:
    return ClusterError(
        f"the credentials of context {context} cannot be used: {reason}",
        place=files,
        remedy=f"Try kubectl --context {context} get pods, and log in again.",
    )


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """What the client says to the root logger as errors, instead of on stderr."""
    said: list[str] = []
    listener = logging.Handler(logging.ERROR)
    listener.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    root = logging.getLogger()
    root.addHandler(listener)
    try:
        yield said
    finally:
        root.removeHandler(listener)


def _pod_target(wanted: Cluster | str) -> Target:
    """From inside a pod, with its service account."""
    from kubernetes import client, config

    cluster = parse_cluster(wanted, ()) if isinstance(wanted, str) else wanted
    if cluster.context:
        raise ClusterError(
            f"there is no context {cluster.context!r}", place="this pod", remedy="Name a kubeconfig that has it."
        )
    configuration = client.Configuration()
    try:
        config.load_incluster_config(configuration)
    except config.ConfigException as error:
        raise ClusterError(f"there is neither a kubeconfig nor a service account: {error}", place="this pod") from None
    own = _POD_NAMESPACE.read_text("utf-8").strip() if _POD_NAMESPACE.exists() else "default"
    return Target(configuration, "in-cluster", cluster.namespace or own)
