"""Runs a chain under a progress display and writes its rows: what ``run``, ``sql`` and ``demo`` have in common."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import typer
from rich.console import Console
from rich.text import Text

import gristmill as gm
from gristmill.api.options import ProgressFunction, ignore_progress
from gristmill.api.run import explain_chain
from gristmill.plan.job import ChainPlan
from gristmill.plan.manifest import dump_manifest
from gristmill.units import bytes_text, parse_size
from gristmill_cli.formats import write_rows
from gristmill_cli.options import OutputFormat
from gristmill_cli.progress import watching
from gristmill_cli.prompt.statements import Asked
from gristmill_cli.wording import duration_text, place_text, plural


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run: workers and memory of each (None: the engine's choice), in worker processes even where one process
    would do, and whether to stay silent about it."""

    workers: int | None = None
    memory: str | None = None
    force_distributed: bool = False
    quiet: bool = False

    @property
    def memory_bytes(self) -> int | None:
        """Bytes for each worker."""
        return None if self.memory is None else parse_size(self.memory, "--memory")


def run_chain(chain: ChainPlan, options: RunOptions) -> gm.Result:
    """Runs to the end with progress, then a summary, on stderr. Ctrl-C cancels and raises Cancelled."""
    return _watched(
        lambda progress: gm.run(
            chain,
            workers=options.workers,
            memory=options.memory_bytes,
            force_distributed=options.force_distributed,
            progress=progress,
        ),
        options,
    )


def run_query(query: gm.Query, options: RunOptions) -> gm.Result:
    """The same for a query."""
    return _watched(lambda progress: _with(query, options, progress).run(), options)


def _watched(run: Callable[[ProgressFunction], gm.Result], options: RunOptions) -> gm.Result:
    console = Console(stderr=True)
    with watching(console, quiet=options.quiet) as display:
        result = run(display.update)
    if not options.quiet:
        console.print(Text(summary(result), style="dim"), soft_wrap=True)
    return result


def _with(query: gm.Query, options: RunOptions, progress: ProgressFunction = ignore_progress) -> gm.Query:
    """The query with the command's options."""
    return replace(
        query,
        options=replace(
            query.options,
            workers=options.workers,
            memory=options.memory_bytes,
            force_distributed=options.force_distributed,
            progress=progress,
        ),
    )


def explained(chain: ChainPlan, options: RunOptions) -> str:
    """EXPLAIN: the jobs and stages that would run, and where."""
    return explain_chain(chain, force_distributed=options.force_distributed)


def answer(query: gm.Query, asked: Asked, options: RunOptions, output: OutputFormat) -> None:
    """Writes what was asked of a query to stdout. One that writes its rows elsewhere shows none."""
    if asked is Asked.PLAN:
        typer.echo(_with(query, options).explain())
        return
    if asked is Asked.MANIFESTS:
        typer.echo(dump_manifest(query.chain), nl=False)
        return
    result = run_query(query, options)
    if asked is Asked.ANALYSIS:
        typer.echo(result.analysis)
    elif result.temporary:
        show_rows(result, output)


def show_rows(result: gm.Result, format_: OutputFormat) -> None:
    """The result's rows on stdout."""
    write_rows(result.reader(), format_, sys.stdout.buffer)


def summary(result: gm.Result) -> str:
    """What was done and what it took, what the job counted, what was left out, and where its outputs lie."""
    return "\n".join([_took(result), *_counters(result), *_quarantined(result), *_outputs(result)])


def _took(result: gm.Result) -> str:
    progress = result.progress
    tasks = sum(stage.tasks for stage in progress.stages)
    retries = sum(stage.retries for stage in progress.stages)
    parts = [f"{plural(tasks, 'task')} in {duration_text(progress.elapsed_s)}", progress.tier]
    if progress.peak_bytes:
        parts.append(f"at most {bytes_text(progress.peak_bytes)} a worker")
    if retries:
        parts.append(f"{retries:,} tried again")
    return ", ".join(part for part in parts if part)


def _counters(result: gm.Result) -> list[str]:
    return [f"  {name} = {count:,}" for name, count in sorted(result.counters.items())]


def _quarantined(result: gm.Result) -> list[str]:
    return [
        f"  left out: {place_text(record.file)}, record {record.record}: {record.error}"
        for record in result.quarantined
    ]


def _outputs(result: gm.Result) -> list[str]:
    """A line for each output that stays; a result without an output of its own goes with the process."""
    return [
        f"  {plural(manifest.rows, 'row')} in {plural(len(manifest.parts), 'part')}, "
        f"{bytes_text(sum(part.bytes_ for part in manifest.parts))}: {place_text(uri)}"
        for uri, manifest in result.manifests.items()
        if not (result.temporary and uri == result.uri)
    ]
