"""The entry point of the command line: the application, its commands, and the one try around them.

Commands live in ``gristmill_cli.commands``, a module each, and import the engine only when they run, so that
``gristmill --help`` is instant.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gristmill_cli.commands import demo, run, sql, sweep, version
from gristmill_cli.failures import Failures

app = typer.Typer(
    name="gristmill",
    help="MapReduce jobs and SQL over Parquet, on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
failures = Failures()


def _show_version(wanted: bool) -> None:
    if wanted:
        version.version()
        raise typer.Exit


@app.callback()
def settings(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """MapReduce jobs and SQL over Parquet, on this machine."""
    failures.debug = debug


for command in (run, sql, demo, sweep, version):
    command.register(app)


def main() -> None:
    """Runs the command of ``sys.argv`` and ends the process with its exit code."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the one place where errors become messages
        sys.exit(failures.show(error))
