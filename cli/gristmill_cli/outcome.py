"""What became of a run on a cluster, in a few lines on stderr, as after a run on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from gristmill.api.cluster.resources import ref_of
from gristmill.api.cluster.status import counts_of, outputs_of, seconds_of, status_of
from gristmill.units import bytes_text
from gristmill_cli.wording import duration_text, plural

if TYPE_CHECKING:
    from gristmill.api.cluster.kinds import Body


def print_outcome(body: Body) -> None:
    """Prints it."""
    Console(stderr=True).print(Text(outcome_text(body), style="dim"), soft_wrap=True)


def outcome_text(body: Body) -> str:
    """What was done, what it took, where map tasks ran, and where the outputs lie."""
    return "\n".join([_took(body), *_warnings(body), *_outputs(body)])


def _took(body: Body) -> str:
    status = status_of(body)
    progress = status.get("progress") or {}
    tasks = sum(counts_of(progress.get(side))[1] for side in ("maps", "reduces"))
    parts = [f"{ref_of(body)}: {plural(tasks, 'task')} in {duration_text(seconds_of(body))}"]
    if started := int(status.get("workersStarted") or 0):
        parts.append(plural(started, "worker pod"))
    if (leads := int(status.get("leads") or 0)) > 1:
        parts.append(f"{leads} leads")
    return ", ".join([*parts, *_locality(status)])


def _locality(status: dict[str, object]) -> list[str]:
    found = status.get("locality")
    counts = {name: int(count) for name, count in found.items() if count} if isinstance(found, dict) else {}
    if not counts.get("local") and not counts.get("zone"):
        return []
    return ["maps " + ", ".join(f"{count:,} {name}" for name, count in counts.items())]


def _warnings(body: Body) -> list[str]:
    return [f"  {text}" for text in status_of(body).get("warnings") or ()]


def _outputs(body: Body) -> list[str]:
    return [f"  {plural(output.rows, 'row')}, {bytes_text(output.bytes_)}: {output.uri}" for output in outputs_of(body)]
