"""``gristmill explain``: the plan of a run on a cluster, as its lead made it."""

from __future__ import annotations

import typer

from gristmill_cli.clusters import RunName, resources_of
from gristmill_cli.options import Context, KubeConfig, Namespace


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command(rich_help_panel="On a cluster")(explain)


def explain(
    name: RunName,
    *,
    context: Context = "",
    namespace: Namespace = "",
    kubeconfig: KubeConfig = "",
) -> None:
    """Show the plan of a job or query, while its pods are there."""
    from gristmill.api.cluster.lead import Lead
    from gristmill.api.cluster.resources import ref_of
    from gristmill.errors import ClusterError

    resources = resources_of(context, namespace, kubeconfig)
    body = resources.find(name)
    lead = resources.lead_of(body)
    if not lead:
        raise ClusterError("has no pods, which know its plan", place=str(ref_of(body)))
    typer.echo(Lead(resources.connection, lead).explain(body["metadata"]["uid"]))
