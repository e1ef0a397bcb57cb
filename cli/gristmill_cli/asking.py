"""One query of ``gristmill sql``: its text, what is wanted of it, and the two places where it can be asked.

Called by the command only. The engine and the Kubernetes client are imported where they are needed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.errors import InvalidPlan
from gristmill_cli.clusters import resources_of
from gristmill_cli.options import Mode, OutputFormat
from gristmill_cli.params import bind_params
from gristmill_cli.prompt.statements import Asked

if TYPE_CHECKING:
    from gristmill.plan.job import Output
    from gristmill_cli.known_tables import KnownTables
    from gristmill_cli.running import RunOptions


@dataclass(frozen=True, slots=True)
class ClusterChoice:
    """The options that only a query on a cluster heeds."""

    pool: str
    scratch: str
    keep: bool
    context: str
    namespace: str
    kubeconfig: str

    def refuse(self) -> None:
        """Raises InvalidPlan where one was given for a query on this machine."""
        for option in fields(self):
            if getattr(self, option.name):
                raise InvalidPlan("is for queries on a cluster", place=f"--{option.name}", remedy="Add --cluster.")


@dataclass(frozen=True, slots=True)
class Asking:
    """What the queries of one command have in common: tables, values of parameters, dialect, how to run, and how rows
    are shown."""

    known: KnownTables
    params: list[str]
    dialect: str
    options: RunOptions
    output: OutputFormat

    def prompt(self) -> None:
        """A session at the terminal, on this machine."""
        from gristmill_cli.prompt.local import LocalDoor
        from gristmill_cli.prompt.session import SqlPrompt

        door = LocalDoor(self.known, bind_params(self.params), self.dialect, self.options, self.output)
        SqlPrompt(door).run()

    def here(self, text: str, wanted: Asked, parts: Output | None) -> None:
        """Answers on this machine."""
        from gristmill_cli.running import answer

        bound = self.known.query(text, params=bind_params(self.params), dialect=self.dialect)
        answer(bound if parts is None else replace(bound, outputs=(parts,)), wanted, self.options, self.output)

    def on_cluster(self, text: str, wanted: Asked, parts: Output | None, choice: ClusterChoice) -> None:
        """Answers by a SQLQuery. Raises InvalidPlan for what is not to be had from here."""
        from gristmill.api.cluster.query import Wish
        from gristmill_cli.queries import explain_query, plan_query, run_query

        _refuse_on_cluster(wanted)
        options = self.options
        wish = Wish(choice.pool, choice.scratch, options.workers, options.memory_bytes, options.force_distributed)
        planned, shown = plan_query(text, self.known, self.params, self.dialect, parts, wish)
        resources = resources_of(choice.context, choice.namespace, choice.kubeconfig)
        if wanted is Asked.PLAN:
            explain_query(planned, resources, gives_rows=shown)
        else:
            run_query(planned, resources, self.output, show=shown, keep=choice.keep, quiet=options.quiet)


def _refuse_on_cluster(wanted: Asked) -> None:
    """What needs the tables' footers, or the figures of stages, is not to be had from here."""
    if wanted in (Asked.ANALYSIS, Asked.MANIFESTS):
        raise InvalidPlan(
            "stages are measured, and chains compiled, where the data is",
            place="--analyze, --emit-manifests",
            remedy="Leave --cluster out, or ask for --explain.",
        )


def wanted_of(written: Asked, *, explain: bool, analyze: bool, emit_manifests: bool) -> Asked:
    """What is wanted of the query, by the options and by the EXPLAIN that is ``written`` before it."""
    if emit_manifests:
        return Asked.MANIFESTS
    if explain:
        return Asked.PLAN
    return Asked.ANALYSIS if analyze and written is Asked.ROWS else written


def parts_of(to: str | None, output: OutputFormat, mode: Mode) -> Output | None:
    """Where and how the rows are written; None: they go to stdout. Raises InvalidPlan."""
    import gristmill as gm

    if to is None:
        if mode is not Mode.ERROR:
            raise InvalidPlan("is for rows that are written", place="--mode", remedy="Add --to URI.")
        return None
    if not to:
        raise InvalidPlan("the URI is empty", place="--to", remedy="Name a folder.")
    return gm.output(to, format=_part_format(output), mode=str(mode))


def _part_format(output: OutputFormat) -> str:
    """The table of the default stands for Parquet."""
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
        from gristmill_cli.jobfile import text_of  # the engine comes with it

        return text_of(file)
    if sys.stdin.isatty():
        raise InvalidPlan(
            "there is no query", place="gristmill sql", remedy='Give one: gristmill sql "SELECT ..." or -f FILE'
        )
    return sys.stdin.read()
