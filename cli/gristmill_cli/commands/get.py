"""``gristmill get``: jobs, queries and pools of a cluster as a table, JSON or YAML."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from gristmill_cli.clusters import names_to_complete, print_bodies, print_columns, resources_of
from gristmill_cli.options import Context, KubeConfig, Namespace, Resource, ResourceFormat
from gristmill_cli.wording import count_text

if TYPE_CHECKING:
    from gristmill.api.cluster.kinds import Body, Kind
    from gristmill.api.cluster.resources import Resources

_MESSAGE_CHARACTERS = 80
_RUN_COLUMNS = ["NAME", "PHASE", "MAPS", "REDUCES", "ROWS", "WORKERS", "AGE", "MESSAGE"]
_POOL_COLUMNS = ["NAME", "PHASE", "WORKERS", "MIN", "MAX", "ACTIVE", "AGE", "MESSAGE"]


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command(rich_help_panel="On a cluster")(get)


def get(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="A job, query or pool, or mrj, gsql, gpool.", autocompletion=names_to_complete
        ),
    ] = None,
    *,
    output: Resource = ResourceFormat.TABLE,
    context: Context = "",
    namespace: Namespace = "",
    kubeconfig: KubeConfig = "",
) -> None:
    """Show jobs, queries and pools, and how far they are."""
    from gristmill.api.cluster.kinds import Kind

    resources = resources_of(context, namespace, kubeconfig)
    kinds = kinds_of(name)
    bodies = [body for kind in kinds for body in resources.list(kind)] if kinds else [_found(resources, name or "")]
    if output is not ResourceFormat.TABLE:
        print_bodies(bodies, output, one=not kinds)
        return
    if not bodies:
        what = "jobs, queries or pools" if name is None else kinds[0].plural
        typer.echo(f"There are no {what} in {resources.connection.place}.", err=True)
        return
    runs = [body for body in bodies if body["kind"] != Kind.POOL.title]
    pools = [body for body in bodies if body["kind"] == Kind.POOL.title]
    if runs:
        print_columns(_RUN_COLUMNS, map(run_row, runs))
    if pools:
        print_columns(_POOL_COLUMNS, map(pool_row, pools))


def kinds_of(name: str | None) -> tuple[Kind, ...]:
    """The kinds that a word means: all without one; none where it names a resource."""
    from gristmill.api.cluster.kinds import Kind

    if name is None:
        return tuple(Kind)
    word = name.lower()
    return tuple(kind for kind in Kind if word in {kind.short, kind.plural, kind.title.lower()})


def _found(resources: Resources, name: str) -> Body:
    from gristmill.api.cluster.kinds import Kind

    return resources.find(name, tuple(Kind))


def run_row(body: Body, now: datetime | None = None) -> list[str]:
    """A line of the table of jobs and queries."""
    from gristmill.api.cluster.resources import ref_of
    from gristmill.api.cluster.status import phase_of, result_of, status_of

    status = status_of(body)
    progress = status.get("progress") or {}
    result = result_of(body)
    rows = result.rows if result else progress.get("rows")
    return [
        str(ref_of(body)),
        phase_of(body),
        str(progress.get("maps") or "-"),
        str(progress.get("reduces") or "-"),
        "-" if rows is None else count_text(rows),
        str(status.get("workers") or 0),
        age_text(body, now),
        _message(body),
    ]


def pool_row(body: Body, now: datetime | None = None) -> list[str]:
    """A line of the table of pools."""
    from gristmill.api.cluster.resources import ref_of
    from gristmill.api.cluster.status import phase_of, status_of

    status, spec = status_of(body), body["spec"]
    figures = (status.get("workers"), spec.get("min"), spec.get("max"), status.get("active"))
    return [
        str(ref_of(body)),
        phase_of(body),
        *("-" if figure is None else str(figure) for figure in figures),
        age_text(body, now),
        _message(body),
    ]


def _message(body: Body) -> str:
    from gristmill.api.cluster.status import message_of

    message = " ".join(message_of(body).split())
    return message if len(message) <= _MESSAGE_CHARACTERS else message[: _MESSAGE_CHARACTERS - 1] + "…"


def age_text(body: Body, now: datetime | None = None) -> str:
    """The age of a resource as kubectl writes it: ``42s``, ``7m``, ``3h``, ``12d``."""
    from gristmill.api.cluster.status import time_of

    made = time_of(body["metadata"].get("creationTimestamp"))
    if made is None:
        return "-"
    seconds = int(((now or datetime.now(UTC)) - made).total_seconds())
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{max(seconds, 0)}s"
