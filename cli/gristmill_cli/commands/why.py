"""``gristmill why``: in a sentence or two, what a run on a cluster waits for or died of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from gristmill_cli.clusters import RunName, resources_of
from gristmill_cli.options import Context, KubeConfig, Namespace
from gristmill_cli.wording import duration_text, plural

if TYPE_CHECKING:
    from gristmill.api.cluster.kinds import Body

_WAITING = {
    "Pending": "waits for its pods",
    "Planning": "lists its inputs and plans",
    "Running": "is running",
    "Committing": "commits its output",
    "Suspended": "is suspended; it goes on when spec.suspend is false",
    "Complete": "has completed",
    "Failed": "has failed",
    "Cancelled": "was cancelled",
}
_SHOWN_FAILURES = 3


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command(rich_help_panel="On a cluster")(why)


def why(
    name: RunName,
    *,
    context: Context = "",
    namespace: Namespace = "",
    kubeconfig: KubeConfig = "",
) -> None:
    """Say what a job or query waits for, or died of."""
    resources = resources_of(context, namespace, kubeconfig)
    typer.echo(why_text(resources.find(name)))


def why_text(body: Body) -> str:
    """The sentence, then conditions that are not as they should be, and the last failures."""
    return "\n".join([_sentence(body), *_conditions(body), *_failures(body), *_warnings(body)])


def _sentence(body: Body) -> str:
    from gristmill.api.cluster.resources import ref_of
    from gristmill.api.cluster.status import message_of, phase_of, seconds_of, status_of

    ref, phase, message = ref_of(body), phase_of(body), message_of(body)
    if not status_of(body):
        return f"{ref} has not been seen by the operator yet: gristmill doctor says whether there is one."
    did = "after" if phase in {"Complete", "Failed", "Cancelled"} else "for"
    said = f"{ref} {_WAITING.get(phase, f'is {phase}')} ({did} {duration_text(seconds_of(body))}"
    return f"{said}{_counts(body) if phase == 'Running' else ''})" + (f": {message}" if message else ".")


def _counts(body: Body) -> str:
    from gristmill.api.cluster.status import status_of

    status = status_of(body)
    progress = status.get("progress") or {}
    sides = [f"{side} {progress[side]}" for side in ("maps", "reduces") if progress.get(side)]
    return "".join(f", {part}" for part in [*sides, plural(int(status.get("workers") or 0), "worker pod")])


def _conditions(body: Body) -> list[str]:
    """Conditions that say no: pods that are not ready, with the reason and the remedy that the operator knows."""
    from gristmill.api.cluster.status import message_of, status_of

    said = message_of(body)
    return [
        f"  {condition['type']} is {condition['status']}: {condition.get('reason', '')}: {condition['message']}"
        for condition in status_of(body).get("conditions") or ()
        if condition.get("type") == "PodsReady"
        and condition.get("status") != "True"
        and condition.get("message") not in {None, "", said}
    ]


def _failures(body: Body) -> list[str]:
    from gristmill.api.cluster.status import status_of

    ledger: list[dict[str, Any]] = status_of(body).get("ledger") or []
    told = [
        f"  {entry.get('task', '')}: {entry.get('cause', '')}: {entry.get('message', '')} ({entry.get('action', '')})"
        for entry in ledger[-_SHOWN_FAILURES:]
    ]
    return [f"The last of {plural(len(ledger), 'failure')}:", *told] if len(ledger) > _SHOWN_FAILURES else told


def _warnings(body: Body) -> list[str]:
    from gristmill.api.cluster.status import status_of

    return [f"  warning: {text}" for text in status_of(body).get("warnings") or ()]
