"""``gristmill sql``: a query over files, cut into a chain of jobs."""

from __future__ import annotations

import sys

import typer

from gristmill_cli.clusters import chosen
from gristmill_cli.commands.sql_options import (
    CatalogFile,
    Dialect,
    EmitManifests,
    Keep,
    OnCluster,
    Params,
    Pool,
    QueryFile,
    QueryText,
    ResultMode,
    Scratch,
    Tables,
    To,
)
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


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command()(sql)


def sql(
    query: QueryText = None,
    *,
    file: QueryFile = None,
    table: Tables = None,
    catalog: CatalogFile = None,
    param: Params = None,
    dialect: Dialect = "duckdb",
    workers: Workers = None,
    memory: Memory = None,
    force_distributed: ForceDistributed = False,
    explain: Explain = False,
    analyze: Analyze = False,
    emit_manifests: EmitManifests = False,
    output: Format = OutputFormat.TABLE,
    to: To = None,
    mode: ResultMode = Mode.ERROR,
    quiet: Quiet = False,
    cluster: OnCluster = None,
    pool: Pool = "",
    scratch: Scratch = "",
    keep: Keep = False,
    context: Context = "",
    namespace: Namespace = "",
    kubeconfig: KubeConfig = "",
) -> None:
    """Run a query; its rows go to stdout, or with --to into parts at that place."""
    from gristmill_cli.asking import Asking, ClusterChoice, parts_of, query_text, wanted_of
    from gristmill_cli.known_tables import KnownTables, read_catalog
    from gristmill_cli.params import bind_tables
    from gristmill_cli.prompt.statements import asked
    from gristmill_cli.running import RunOptions

    known = KnownTables(bind_tables(table or []), read_catalog(catalog))
    options = RunOptions(workers, memory, force_distributed, quiet)
    asking = Asking(known, param or [], dialect, options, output)
    choice = ClusterChoice(pool, scratch, keep, context, namespace, kubeconfig)
    on_cluster = chosen.plugin if cluster is None else cluster
    if not on_cluster:
        choice.refuse()
    if query is None and file is None and to is None and not on_cluster and sys.stdin.isatty():
        asking.prompt()
        return
    written, text = asked(query_text(query, file))
    wanted = wanted_of(written, explain=explain, analyze=analyze, emit_manifests=emit_manifests)
    parts = parts_of(to, output, mode)
    if on_cluster:
        asking.on_cluster(text, wanted, parts, choice)
    else:
        asking.here(text, wanted, parts)
