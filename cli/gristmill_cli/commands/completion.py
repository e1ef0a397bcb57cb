"""``gristmill completion``: the scripts by which shells complete commands, options and names of jobs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Shell(StrEnum):
    """The shells that there are scripts for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command()(completion)


def completion(shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish")]) -> None:
    """Print the completion script of a shell: source <(gristmill completion bash)."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    name = "gristmill"
    typer.echo(get_completion_script(prog_name=name, complete_var=f"_{name.upper()}_COMPLETE", shell=shell))
