"""``gristmill sweep``: removes what interrupted jobs left behind at an output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gristmill_cli.wording import plural

if TYPE_CHECKING:
    from gristmill.storage.stores import Stores
    from gristmill.storage.sweeping import Swept


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command()(sweep)


def sweep(
    uris: Annotated[list[str], typer.Argument(metavar="URI...", help="Outputs of jobs: folders or prefixes.")],
) -> None:
    """Remove what interrupted jobs left at their outputs.

    A commit that was begun is completed. A job that is still running can no longer commit.
    """
    from gristmill.errors import InvalidPlan
    from gristmill.storage.stores import Stores
    from gristmill.storage.sweeping import sweep as sweep_output

    if not all(uris):
        raise InvalidPlan("the URI is empty", place="gristmill sweep", remedy="Name an output.")
    stores = Stores((), None)
    for uri in uris:
        typer.echo(f"{uri}: {swept_text(sweep_output(uri, stores)) or _idle_text(uri, stores)}")


def swept_text(swept: Swept) -> str:
    """What a sweep did, in words; empty if nothing."""
    done = [f"{plural(swept.files, 'file')} removed"] if swept.files else []
    if swept.runs:
        done.append(f"{plural(len(swept.runs), 'interrupted run')} shut out")
    if swept.rolled_forward:
        done.append(f"generation {swept.rolled_forward} completed")
    return ", ".join(done)


def _idle_text(uri: str, stores: Stores) -> str:
    """Why there was nothing to do: a mistyped place reads otherwise than a clean one."""
    from gristmill.storage import layout
    from gristmill.storage.filesystem import canonical

    place = canonical(uri).rstrip("/")
    return "nothing to do" if f"{layout.OWN}/" in stores.filesystem(place).names(place) else "no job has written here"
