"""``gristmill doctor``: checks an installation, and names what is wrong with it and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from gristmill_cli.clusters import resources_of
from gristmill_cli.options import Context, KubeConfig, Namespace

if TYPE_CHECKING:
    from rich.text import Text

    from gristmill_cli.health.findings import Check, Finding

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command(rich_help_panel="On a cluster")(doctor)


def doctor(*, context: Context = "", namespace: Namespace = "", kubeconfig: KubeConfig = "") -> None:
    """Check the installation on a cluster; ends with 1 if something will not work."""
    from rich.console import Console

    from gristmill_cli.health.findings import Verdict, examine
    from gristmill_cli.health.installation import check_server

    connection = resources_of(context, namespace, kubeconfig).connection
    console = Console(soft_wrap=True, highlight=False)
    worst = list(check_server(connection))  # where nobody answers, that is the error, not eight findings
    for finding in worst:
        console.print(line_of(finding))
    for finding in examine(connection, _checks()):
        console.print(line_of(finding))
        worst.append(finding)
    if any(finding.verdict is Verdict.FAIL for finding in worst):
        raise typer.Exit(1)


def _checks() -> list[tuple[str, Check]]:
    from gristmill_cli.health import installation, namespace

    return [
        ("resources", installation.check_definitions),
        ("operator", installation.check_operator),
        ("your rights", namespace.check_rights),
        ("pods", namespace.check_pods),
        ("pools", namespace.check_pools),
        ("names", namespace.check_dns),
        ("network policies", namespace.check_policies),
    ]


def line_of(finding: Finding) -> Text:
    """``ok    operator: is ready``, and the remedy on a line of its own."""
    from rich.text import Text

    remedy = f"\n      {finding.remedy}" if finding.remedy else ""
    return Text.assemble(
        (f"{finding.verdict:<6}", _COLOURS[finding.verdict]),
        (finding.subject, "bold"),
        f": {finding.found}",
        (remedy, "dim"),
    )
