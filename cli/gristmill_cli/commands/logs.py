"""``gristmill logs``: what the tasks of a run on a cluster printed, while it runs and after its pods are gone."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gristmill_cli.clusters import RunName, resources_of
from gristmill_cli.options import Context, KubeConfig, Namespace


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command(rich_help_panel="On a cluster")(logs)


def logs(
    name: RunName,
    *,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until the run has ended.")] = False,
    task: Annotated[
        str, typer.Option("--task", metavar="TASK", help="Of one task only, as reduce#3 or job/map/input#0.")
    ] = "",
    context: Context = "",
    namespace: Namespace = "",
    kubeconfig: KubeConfig = "",
) -> None:
    """Show the logs of a job or query."""
    from gristmill.api.cluster.logs import run_logs
    from gristmill.errors import Cancelled

    resources = resources_of(context, namespace, kubeconfig)
    try:
        for line in run_logs(resources, resources.find(name), task, follow=follow):
            sys.stdout.write(line + "\n")
            if follow:
                sys.stdout.flush()
    except KeyboardInterrupt:
        raise Cancelled("no longer watching; the run goes on") from None
