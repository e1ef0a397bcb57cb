"""Queries on a cluster: from options of ``gristmill sql`` to a SQLQuery, its rows, and its end."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from gristmill.api.cluster.bodies import Prepared, fresh_name, fresh_suffix, query_body
from gristmill.api.cluster.kinds import Ref
from gristmill.api.cluster.resources import Resources, ref_of
from gristmill.api.cluster.result import open_rows
from gristmill.api.cluster.running import cancelling, finished
from gristmill.api.cluster.submission import submit
from gristmill.errors import Cancelled, GristmillError, InvalidPlan
from gristmill.plan.cluster import ClusterOptions, Pairs, PodOptions
from gristmill.plan.formats import format_of_table, path_source
from gristmill.plan.job import Output
from gristmill.plan.parameters import parse_parameters
from gristmill.plan.query import QueryPlan, QueryTable
from gristmill.plan.validate_resource import query_findings
from gristmill.units import parse_size
from gristmill_cli.clusters import live
from gristmill_cli.formats import write_rows
from gristmill_cli.options import OutputFormat
from gristmill_cli.outcome import print_outcome
from gristmill_sql.check import check_query
from gristmill_sql.options import CompileOptions

KEPT_S = 3600
"""A query that failed, or whose command was killed, is removed so long after its end."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the options say of a query on a cluster."""

    pool: str = ""
    workers: int | None = None
    memory: str | None = None
    scratch: str = ""
    force_distributed: bool = False


def plan_query(
    text: str, tables: Mapping[str, str], params: list[str], dialect: str, output: Output | None, wish: Wish
) -> tuple[QueryPlan, bool]:
    """The query under a name of its own, checked as far as that can be done here, and whether it gives rows to show.

    Raises InvalidPlan, InvalidQuery.
    """
    query = QueryPlan(
        fresh_name("query", fresh_suffix()),
        text,
        dialect,
        parse_parameters(params, "--param"),
        tuple(_table(name, uri) for name, uri in tables.items()),
        output=output,
        scratch=wish.scratch,
        force_distributed=wish.force_distributed,
        cluster=ClusterOptions(wish.pool, wish.workers, _pods(wish.memory), KEPT_S),
    )
    for finding in query_findings(query):
        raise InvalidPlan(finding.reason, place=finding.path.removeprefix("spec."), remedy=finding.remedy)
    gives_rows = check_query(text, tables, CompileOptions(dialect=dialect, params=query.bound))
    return query, gives_rows and output is None


def run_query(
    query: QueryPlan, resources: Resources, format_: OutputFormat, *, show: bool, keep: bool, quiet: bool
) -> None:
    """Runs it with progress and, with ``show``, writes its rows to stdout; then it is removed.

    With ``keep``, or where it failed, it stays to be looked at. Ctrl-C removes it, or with ``keep`` cancels it.
    """
    (made,) = submit(resources, [Prepared(query_body(query))])
    ref = ref_of(made)
    try:
        with cancelling(resources, [made]), live(quiet=quiet) as update:
            body = finished(resources, made, update)
            rows = open_rows(resources, body) if show else None
    except Cancelled:
        _remove(resources, ref, keep=keep)
        raise
    except GristmillError as error:
        raise _with_hint(error, ref) from error
    if not quiet:
        print_outcome(body)
    if rows is not None:
        write_rows(rows, format_, sys.stdout.buffer)
    _remove(resources, ref, keep=keep)
    if keep and not quiet:
        Console(stderr=True).print(Text(f"  kept: {ref}", style="dim"))


def _remove(resources: Resources, ref: Ref, *, keep: bool) -> None:
    if not keep:
        resources.delete(ref)


def _with_hint(error: GristmillError, ref: Ref) -> GristmillError:
    """The error, with where more is to be found about it."""
    hint = f"gristmill why {ref}, gristmill logs {ref}: it stays for an hour."
    error.remedy = f"{error.remedy}\n{hint}" if error.remedy else hint
    return error


def _table(name: str, uri: str) -> QueryTable:
    format_ = format_of_table(uri)
    if format_ is None:
        raise InvalidPlan(
            f"{uri!r} does not say its format",
            place=f"--table {name}",
            remedy="Its suffix should be .parquet, .csv, .json or .arrow.",
        )
    return QueryTable(name, path_source(uri, format_))


def _pods(memory: str | None) -> PodOptions:
    if memory is None:
        return PodOptions()
    quantity: Pairs = (("memory", str(parse_size(memory, "--memory"))),)
    return PodOptions(requests=quantity, limits=quantity)
