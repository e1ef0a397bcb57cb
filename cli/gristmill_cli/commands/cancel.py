"""``gristmill cancel``: ends runs on a cluster."""

from __future__ import annotations

from typing import Annotated

import typer

from gristmill_cli.clusters import resources_of, runs_to_complete
from gristmill_cli.options import Context, KubeConfig, Namespace


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command(rich_help_panel="On a cluster")(cancel)


def cancel(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", autocompletion=runs_to_complete)],
    *,
    delete: Annotated[bool, typer.Option("--delete", help="Remove them too, with their logs in the cluster.")] = False,
    context: Context = "",
    namespace: Namespace = "",
    kubeconfig: KubeConfig = "",
) -> None:
    """End jobs or queries: nothing more is committed, and their pods go. They stay to be looked at."""
    from gristmill.api.cluster.resources import ref_of
    from gristmill.api.cluster.status import has_ended, phase_of

    resources = resources_of(context, namespace, kubeconfig)
    for body in [resources.find(name) for name in names]:
        ref = ref_of(body)
        if delete:
            resources.delete(ref)
            typer.echo(f"{ref}: deleted")
        elif has_ended(body):
            typer.echo(f"{ref}: has ended already, {phase_of(body)}")
        else:
            resources.cancel(ref)
            typer.echo(f"{ref}: cancelled")
