"""The entry point of the command line: the application, its commands, and the one try around them.

Commands live in ``gristmill_cli.commands``, a module each, and import the engine only when they run, so that
``gristmill --help`` is instant.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from typing import Annotated, NoReturn

import typer

from gristmill.errors import StorageError
from gristmill_cli.clusters import chosen
from gristmill_cli.commands import (
    cancel,
    demo,
    doctor,
    explain,
    get,
    logs,
    rows,
    sql,
    submit,
    sweep,
    version,
    why,
)
from gristmill_cli.commands import run as run_command
from gristmill_cli.failures import Failures
from gristmill_cli.options import Context, KubeConfig, Namespace

HELP = "MapReduce jobs and SQL over Parquet, on this machine or on a cluster."

app = typer.Typer(
    name="gristmill",
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
failures = Failures()


def _show_version(wanted: bool) -> None:
    if wanted:
        version.version()
        raise typer.Exit


@app.callback(help=HELP)
def settings(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    context: Context = "",
    namespace: Namespace = "",
    kubeconfig: KubeConfig = "",
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Takes the options that stand before the command."""
    failures.debug = debug
    chosen.context, chosen.namespace, chosen.kubeconfig = context, namespace, kubeconfig


for command in (
    run_command,
    sql,
    demo,
    sweep,
    submit,
    get,
    rows,
    logs,
    why,
    explain,
    cancel,
    doctor,
    version,
):
    command.register(app)


def main() -> None:
    """Runs the command of ``sys.argv`` and ends the process with its exit code."""
    end(run("gristmill"))


def end(code: int) -> NoReturn:
    """Ends the process; where it failed after its exit functions, but without taking the interpreter apart: what was
    interrupted may still be held in C, and DuckDB would report it as leaked on the user's screen."""
    if not code:
        sys.exit()
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def run(name: str) -> int:
    """Runs the command of ``sys.argv``, called ``name`` in its help, and shows its error; the exit code."""
    if sys.stderr is None:  # closed by the caller: there is nobody to tell
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process
    try:
        if sys.stdout is None:
            raise StorageError("it is closed", place="standard output", remedy="Redirect it: > /dev/null drops rows.")
        app(prog_name=name)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Exception as error:  # noqa: BLE001 - the one place where errors become messages
        return failures.show(error)
    return 0
