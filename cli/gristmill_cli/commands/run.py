"""``gristmill run``: a job from a manifest or a Python file, here and now."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gristmill_cli.options import Analyze, Explain, ForceDistributed, Format, Memory, OutputFormat, Quiet, Workers


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command()(run)


def run(
    file: Annotated[Path, typer.Argument(metavar="JOB.yaml|JOB.py", help="A manifest, or Python that makes gm.Job.")],
    *,
    job: Annotated[
        str | None, typer.Option("--job", metavar="NAME", help="Which job of a Python file; default: job.")
    ] = None,
    workers: Workers = None,
    memory: Memory = None,
    force_distributed: ForceDistributed = False,
    explain: Explain = False,
    analyze: Analyze = False,
    output: Format = OutputFormat.TABLE,
    quiet: Quiet = False,
) -> None:
    """Run a job; its rows go where it says, and to stdout (a table shows the first)."""
    from gristmill_cli import jobfile
    from gristmill_cli.running import RunOptions, explained, run_chain, show_rows

    chain = jobfile.load(file, job)
    options = RunOptions(workers, memory, force_distributed, quiet)
    if explain:
        typer.echo(explained(chain, options))
        return
    result = run_chain(chain, options)
    if analyze:
        typer.echo(result.analysis)
    else:
        show_rows(result, output)
