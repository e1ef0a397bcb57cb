"""What commands on clusters have in common: which cluster is meant, names to complete, resources as tables.

Imports of the engine and of the Kubernetes client stay inside functions: ``--help`` needs neither.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gristmill.api.cluster.kinds import Body
    from gristmill.api.cluster.resources import Resources
    from gristmill.coordinator.progress import Progress

COMPLETION_S = 3.0
"""Whoever pressed Tab waits no longer than this for the cluster."""
_OFFERED = 200


@dataclass(slots=True)
class Chosen:
    """The cluster that options before the command name; those after it come first.

    ``plugin``: called by kubectl, so a cluster is meant where there is a choice.
    """

    context: str = ""
    namespace: str = ""
    kubeconfig: str = ""
    plugin: bool = False


chosen = Chosen()


def resources_of(context: str, namespace: str, kubeconfig: str) -> Resources:
    """The resources of the cluster and namespace that the options name. Raises ClusterError."""
    from gristmill.api.cluster.connection import connect
    from gristmill.api.cluster.place import Cluster
    from gristmill.api.cluster.resources import Resources

    cluster = Cluster(context or chosen.context, namespace or chosen.namespace, kubeconfig or chosen.kubeconfig)
    return Resources(connect(cluster))


def in_namespace(resources: Resources, namespace: str) -> Resources:
    """The same cluster, another namespace."""
    from gristmill.api.cluster.resources import Resources

    return Resources(replace(resources.connection, namespace=namespace))


@contextmanager
def live(*, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A progress display on stderr, as for runs on this machine."""
    from rich.console import Console

    from gristmill_cli.progress import watching

    with watching(Console(stderr=True), quiet=quiet) as display:
        yield display.update


def runs_to_complete(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of jobs and queries that begin so, for completion in shells; none where the cluster does not say."""
    return _names(ctx, incomplete, pools=False)


RunName = Annotated[str, typer.Argument(metavar="NAME", autocompletion=runs_to_complete)]
"""What a command on one job or query calls it."""


def names_to_complete(ctx: typer.Context, incomplete: str) -> list[str]:
    """The same with pools."""
    return _names(ctx, incomplete, pools=True)


def _names(ctx: typer.Context, incomplete: str, *, pools: bool) -> list[str]:
    from gristmill.api.cluster.kinds import Kind
    from gristmill.api.cluster.resources import Resources
    from gristmill.errors import GristmillError

    said = {**ctx.find_root().params, **{name: value for name, value in ctx.params.items() if value}}
    place = [str(said.get(name) or "") for name in ("context", "namespace", "kubeconfig")]
    try:
        found = resources_of(*place)
        hasty = Resources(replace(found.connection, timeout_s=COMPLETION_S))
        bodies = [(kind, body) for kind in Kind if pools or kind.runs for body in hasty.list(kind)]
    except GristmillError:
        return []
    names: list[str] = [body["metadata"]["name"] for _, body in bodies]
    if "/" in incomplete:
        names = [f"{kind.short}/{body['metadata']['name']}" for kind, body in bodies]
    return [name for name in names if name.startswith(incomplete)][:_OFFERED]


def print_columns(header: list[str], rows: Iterable[list[str]]) -> None:
    """Rows in columns on stdout, as kubectl prints them."""
    lines = [header, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(header))]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        sys.stdout.write("   ".join(cells).rstrip() + "\n")


def print_bodies(bodies: list[Body], format_: str, *, one: bool) -> None:
    """Resources as JSON, YAML or names on stdout; ``one``: a resource, not a list of them."""
    import json

    import yaml

    from gristmill.api.cluster.resources import ref_of

    if format_ == "name":
        sys.stdout.writelines(f"{ref_of(body)}\n" for body in bodies)
        return
    shown = [_without_managed(body) for body in bodies]
    form = shown[0] if one else {"apiVersion": "v1", "kind": "List", "items": shown}
    text = json.dumps(form, indent=2) + "\n" if format_ == "json" else yaml.safe_dump(form, sort_keys=False)
    sys.stdout.write(text)


def _without_managed(body: Body) -> Body:
    metadata = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata} | {
        name: value for name, value in body.items() if name not in {"apiVersion", "kind", "metadata"}
    }
