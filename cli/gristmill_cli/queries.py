"""Queries on a cluster: from options of ``gristmill sql`` to a SQLQuery, its rows, and its end."""

from __future__ import annotations

import sys
from dataclasses import replace

from rich.console import Console
from rich.text import Text

from gristmill.api.cluster.bodies import Prepared, query_body
from gristmill.api.cluster.kinds import Ref
from gristmill.api.cluster.query import Wish, planned_query
from gristmill.api.cluster.resources import Resources, ref_of
from gristmill.api.cluster.result import open_rows
from gristmill.api.cluster.running import SOON_S, cancelling, explain_query_on_cluster, finished, submit_query
from gristmill.errors import Cancelled, GristmillError, InvalidPlan
from gristmill.plan.job import Output
from gristmill.plan.parameters import parse_parameters
from gristmill.plan.query import QueryPlan
from gristmill_cli.clusters import live
from gristmill_cli.formats import write_rows
from gristmill_cli.known_tables import KnownTables
from gristmill_cli.options import OutputFormat
from gristmill_cli.outcome import print_outcome
from gristmill_sql.check import check_query
from gristmill_sql.options import CompileOptions


def plan_query(
    text: str, known: KnownTables, params: list[str], dialect: str, output: Output | None, wish: Wish
) -> tuple[QueryPlan, bool]:
    """The query under a name of its own, checked as far as that can be done here, and whether it gives rows to show.

    Raises InvalidPlan, InvalidQuery.
    """
    script, sources = known.script(text), known.sources
    bound = parse_parameters(params, "--param")
    query = planned_query(script, sources, bound, dialect, known.catalog.stores, wish)
    gives_rows = check_query(script, sources, CompileOptions(dialect=dialect, params=query.bound))
    return replace(query, output=output), gives_rows and output is None


def explain_query(query: QueryPlan, resources: Resources, *, gives_rows: bool) -> None:
    """Writes its plan, as a lead makes it, to stdout. Raises InvalidPlan where it would begin to write rows."""
    if not gives_rows:
        raise InvalidPlan("the query writes its rows, and would begin to", place="--explain", remedy="Leave --to out.")
    sys.stdout.write(explain_query_on_cluster(query, resources) + "\n")


def run_query(
    query: QueryPlan, resources: Resources, format_: OutputFormat, *, show: bool, keep: bool, quiet: bool
) -> None:
    """Runs it with progress and, with ``show``, writes its rows to stdout; then it is removed. Where nothing is told of
    its end, the rows of one in a warm pool are enough to know of it.

    With ``keep``, or where it failed, it stays to be looked at. Ctrl-C removes it, or with ``keep`` cancels it.
    """
    made, early = submit_query(resources, Prepared(query_body(query)), early=show)
    ref = ref_of(made)
    try:
        with cancelling(resources, [made]), live(quiet=quiet) as update:
            soon = early.rows(SOON_S) if early is not None and quiet else None
            body = made if soon is not None else finished(resources, made, update)
            found = early.rows() if early is not None else None
            rows = found[0]() if found is not None else open_rows(resources, body) if show else None
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
