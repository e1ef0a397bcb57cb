"""``gristmill sql``: a query over files, cut into a chain of jobs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gristmill.errors import InputError, InvalidPlan
from gristmill_cli.clusters import chosen, resources_of
from gristmill_cli.options import (
    Analyze,
    Context,
    Explain,
    ForceDistributed,
    Format,
    KubeConfig,
    Memory,
    Mode,
    Namespace,
    OutputFormat,
    Quiet,
    Workers,
)
from gristmill_cli.params import bind_params, bind_tables
from gristmill_cli.prompt.statements import Asked, asked

if TYPE_CHECKING:
    from gristmill.plan.job import Output
    from gristmill_cli.known_tables import KnownTables
    from gristmill_cli.running import RunOptions

_TABLE_HELP = "A table of the query: files by URI or glob. May be given many times."
_PARAM_HELP = "Value of the next ? (or $1), or NAME=VALUE for $NAME. Numbers, true, false and null are what they say."


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command()(sql)


def sql(
    query: Annotated[
        str | None,
        typer.Argument(
            metavar="QUERY", help="The query; without it, and without -f, a prompt opens, or it is read from stdin."
        ),
    ] = None,
    *,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", metavar="PATH", help="Read the query from this file.")
    ] = None,
    table: Annotated[list[str] | None, typer.Option("--table", "-t", metavar="NAME=URI", help=_TABLE_HELP)] = None,
    catalog: Annotated[
        Path | None, typer.Option("--catalog", metavar="FILE", help="Tables, views and stores from a YAML file.")
    ] = None,
    param: Annotated[list[str] | None, typer.Option("--param", "-p", metavar="VALUE", help=_PARAM_HELP)] = None,
    dialect: Annotated[
        str, typer.Option("--dialect", metavar="NAME", help="SQL dialect of the query, as sqlglot names it.")
    ] = "duckdb",
    workers: Workers = None,
    memory: Memory = None,
    force_distributed: ForceDistributed = False,
    explain: Explain = False,
    analyze: Analyze = False,
    emit_manifests: Annotated[
        bool, typer.Option("--emit-manifests", help="Print the chain as MapReduceJobs for run and kubectl apply.")
    ] = False,
    output: Format = OutputFormat.TABLE,
    to: Annotated[str | None, typer.Option("--to", metavar="URI", help="Write the rows there, not to stdout.")] = None,
    mode: Annotated[
        Mode, typer.Option("--mode", metavar="MODE", help=f"For a result that is there already: {', '.join(Mode)}.")
    ] = Mode.ERROR,
    quiet: Quiet = False,
    cluster: Annotated[
        bool | None, typer.Option("--cluster/--local", help="Run it on a cluster; kubectl gristmill sql always does.")
    ] = None,
    pool: Annotated[str, typer.Option("--pool", metavar="NAME", help="With --cluster: a warm pool to run in.")] = "",
    scratch: Annotated[
        str, typer.Option("--scratch", metavar="URI", help="With --cluster: where rows and logs lie meanwhile.")
    ] = "",
    keep: Annotated[bool, typer.Option("--keep", help="With --cluster: leave the SQLQuery there.")] = False,
    context: Context = "",
    namespace: Namespace = "",
    kubeconfig: KubeConfig = "",
) -> None:
    """Run a query; its rows go to stdout, or with --to into parts at that place."""
    from gristmill_cli.known_tables import KnownTables, read_catalog
    from gristmill_cli.running import RunOptions, answer

    known = KnownTables(bind_tables(table or []), read_catalog(catalog))
    options = RunOptions(workers, memory, force_distributed, quiet)
    on_cluster = chosen.plugin if cluster is None else cluster
    if query is None and file is None and to is None and not on_cluster and sys.stdin.isatty():
        _open_prompt(known, param or [], dialect, options, output)
        return
    written, text = asked(query_text(query, file))
    wanted = _wanted(written, explain=explain, analyze=analyze, emit_manifests=emit_manifests)
    parts = _parts(to, output, mode)
    if on_cluster:
        from gristmill.api.cluster.query import Wish
        from gristmill_cli.queries import explain_query, plan_query, run_query

        refuse_on_cluster(wanted)
        wish = Wish(pool, scratch, workers, options.memory_bytes, force_distributed)
        planned, shown = plan_query(text, known, param or [], dialect, parts, wish)
        resources = resources_of(context, namespace, kubeconfig)
        if wanted is Asked.PLAN:
            explain_query(planned, resources, gives_rows=shown)
        else:
            run_query(planned, resources, output, show=shown, keep=keep, quiet=quiet)
        return
    refuse_cluster_options(
        {"--pool": pool, "--scratch": scratch, "--keep": keep, "--context": context, "--namespace": namespace}
    )
    bound = known.query(text, params=bind_params(param or []), dialect=dialect)
    answer(bound if parts is None else replace(bound, outputs=(parts,)), wanted, options, output)


def _open_prompt(
    known: KnownTables, params: list[str], dialect: str, options: RunOptions, output: OutputFormat
) -> None:
    """A session at the terminal, on this machine."""
    from gristmill_cli.prompt.local import LocalDoor
    from gristmill_cli.prompt.session import SqlPrompt

    SqlPrompt(LocalDoor(known, bind_params(params), dialect, options, output)).run()


def _wanted(written: Asked, *, explain: bool, analyze: bool, emit_manifests: bool) -> Asked:
    """What is wanted of the query, by the options and by the EXPLAIN that is ``written`` before it."""
    if emit_manifests:
        return Asked.MANIFESTS
    if explain:
        return Asked.PLAN
    return Asked.ANALYSIS if analyze and written is Asked.ROWS else written


def _parts(to: str | None, output: OutputFormat, mode: Mode) -> Output | None:
    """Where and how the rows are written; None: they go to stdout."""
    import gristmill as gm

    return None if to is None else gm.output(to, format=part_format(output), mode=str(mode))


def refuse_cluster_options(given: Mapping[str, object]) -> None:
    """Raises InvalidPlan for an option that only a cluster heeds."""
    for name, value in given.items():
        if value:
            raise InvalidPlan("is for queries on a cluster", place=name, remedy="Add --cluster.")


def refuse_on_cluster(wanted: Asked) -> None:
    """Raises InvalidPlan: what needs the tables' footers, or the figures of stages, is not to be had from here."""
    if wanted in (Asked.ANALYSIS, Asked.MANIFESTS):
        raise InvalidPlan(
            "stages are measured, and chains compiled, where the data is",
            place="--analyze, --emit-manifests",
            remedy="Leave --cluster out, or ask for --explain.",
        )


def part_format(output: OutputFormat) -> str:
    """The format of parts for ``--to``: the table of the default stands for Parquet. Raises InvalidPlan."""
    if output is OutputFormat.MARKDOWN:
        raise InvalidPlan(
            "markdown is for reading", place="-o markdown", remedy="Parts may be parquet, csv, json, arrow."
        )
    return "parquet" if output is OutputFormat.TABLE else str(output)


def query_text(query: str | None, file: Path | None) -> str:
    """The query from the argument, the file, or stdin. Raises InvalidPlan or InputError where there is not just one."""
    if query is not None and file is not None:
        raise InvalidPlan("both a query and -f are given", place="gristmill sql", remedy="Give one of them.")
    if query is not None:
        return query
    if file is not None:
        try:
            return file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot be read: {error}", place=str(file)) from None
    if sys.stdin.isatty():
        raise InvalidPlan(
            "there is no query", place="gristmill sql", remedy='Give one: gristmill sql "SELECT ..." or -f FILE'
        )
    return sys.stdin.read()
