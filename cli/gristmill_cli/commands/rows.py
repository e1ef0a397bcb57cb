"""``gristmill rows``: the rows that a job or query on a cluster gave."""

from __future__ import annotations

import sys

import typer

from gristmill_cli.clusters import RunName, resources_of
from gristmill_cli.options import Context, Format, KubeConfig, Namespace, OutputFormat


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command(rich_help_panel="On a cluster")(rows)


def rows(
    name: RunName,
    *,
    output: Format = OutputFormat.TABLE,
    context: Context = "",
    namespace: Namespace = "",
    kubeconfig: KubeConfig = "",
) -> None:
    """Show the rows of a job or query that has completed: from its pods, else from storage."""
    from gristmill.api.cluster.resources import ref_of
    from gristmill.api.cluster.result import open_rows
    from gristmill.api.cluster.status import failure_of, phase_of
    from gristmill.errors import ClusterError
    from gristmill_cli.formats import write_rows

    resources = resources_of(context, namespace, kubeconfig)
    body = resources.find(name)
    error = failure_of(body)
    if error is not None:
        raise error
    if phase_of(body) != "Complete":
        ref = ref_of(body)
        raise ClusterError(
            f"has no rows yet, it is {phase_of(body)}", place=str(ref), remedy=f"What it waits for: gristmill why {ref}"
        )
    write_rows(open_rows(resources, body), output, sys.stdout.buffer)
