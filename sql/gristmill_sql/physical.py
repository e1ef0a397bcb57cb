"""The physical planner: an optimised query becomes a chain of jobs, cut exactly where rows change hands.

For each operator it decides whether its work is added to the tasks that already hold the rows, or needs an exchange
first: hash by keys, broadcast of one side, ranges for a sort, or one task. Joins, aggregates and windows on a key by
which rows are already partitioned share one exchange. Decisions depend on estimates, never on workers.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.job import ChainPlan, JobInput, SideInput
from gristmill.plan.schema import Column, Schema
from gristmill.plan.source import JobSource
from gristmill_sql.algebra import (
    Aggregate,
    Filter,
    Item,
    Join,
    Limit,
    Opaque,
    Project,
    Query,
    Relation,
    Sample,
    Scan,
    Shared,
    Sort,
    UnionAll,
    Unnest,
    Values,
    Window,
    column,
    names_of,
)
from gristmill_sql.decorrelate import expressions_of
from gristmill_sql.estimate import Estimator
from gristmill_sql.expressions import columns_of_all
from gristmill_sql.flow import Branch, Constant, Flow, Reading, Reducing
from gristmill_sql.jobs import Jobs
from gristmill_sql.names import Names
from gristmill_sql.options import CompileOptions
from gristmill_sql.rules.global_windows import fits_one_task
from gristmill_sql.select import Select
from gristmill_sql.task_sizes import source_of

Needed = frozenset[str]


class Planner:
    """Plans one query. Each ``plan`` gives a flow with at least the columns that its caller needs."""

    def __init__(self, names: Names, estimator: Estimator, options: CompileOptions) -> None:
        self.names = names
        self.estimator = estimator
        self.options = options
        self.jobs = Jobs(options.name)
        self._shared: dict[str, str] = {}

    def chain(self, query: Query) -> tuple[ChainPlan, bool]:
        """The chain, and whether its result is in order."""
        for name, relation in query.shared:
            self.estimator.define(name, relation)
            given = [c.name for c in relation.columns]
            self._shared[name] = self.jobs.close(self.plan(relation, frozenset(given)), given, f"shared {name}")
        flow = self.plan(query.root, columns_of_all(item.value for item in query.result))
        columns = tuple(item.column for item in query.result)
        final = flow.applied(lambda s: s.projected(query.result), columns)
        self.jobs.close(final, [c.name for c in columns], outputs=self.options.outputs)
        return self.jobs.chain(), flow.ordered

    def plan(self, relation: Relation, needed: Needed) -> Flow:
        """The flow of a relation's rows."""
        match relation:
            case Scan():
                return _scan(relation)
            case Values():
                select = Select(f"({relation.sql})", tuple(c.name for c in relation.columns))
                return Flow((Branch(Constant(), select),), relation.columns, single=True)
            case Shared():
                return self._reader(relation)
            case Filter():
                below = self.plan(relation.input, needed | columns_of_all(relation.predicates))
                return below.applied(lambda s: s.filtered(relation.predicates), below.columns)
            case Project():
                return self._project(relation, needed)
            case Join():
                from gristmill_sql.physical_join import plan_join

                return plan_join(self, relation, needed)
            case Aggregate():
                from gristmill_sql.physical_aggregate import plan_aggregate

                return plan_aggregate(self, relation, needed)
            case Window():
                return self._window(relation, needed)
            case Unnest():
                return self._unnest(relation, needed)
            case Sort():
                from gristmill_sql.physical_order import plan_sort

                return plan_sort(self, relation, needed)
            case Limit():
                from gristmill_sql.physical_order import plan_limit

                return plan_limit(self, relation, needed)
            case Sample():
                from gristmill_sql.physical_sample import plan_sample

                return plan_sample(self, relation, needed)
            case UnionAll():
                return self._union(relation)
            case Opaque():
                return self._opaque(relation)

    def partitions(self, bytes_: float) -> int:
        """How many reducers so many bytes want."""
        return self.options.partitions_for(bytes_)

    def single(self, flow: Flow, columns: list[str], note: str, reason: str = "") -> Flow:
        """All rows of a flow in one task."""
        schema = schema_of(flow, columns)
        if flow.in_one_task and flow.constant is None:
            return flow.fixed_in_one_task()
        branch = self.jobs.reducing(flow, columns, ExchangeKind.SINGLE, note=note, single_reason=reason)
        return Flow((branch,), schema, single=True, ordered=flow.ordered)

    def reading(self, job: str, columns: Schema, *, ordered: bool = False) -> Flow:
        """The rows of a finished job."""
        select = Select("input", tuple(c.name for c in columns))
        return Flow((Branch(Reading(JobSource(job)), select),), columns, ordered=ordered)

    def _reader(self, shared: Shared) -> Flow:
        select = Select("input", shared.sources).projected(_renames(shared.columns, shared.sources))
        return Flow((Branch(Reading(JobSource(self._shared[shared.name])), select),), shared.columns)

    def _project(self, node: Project, needed: Needed) -> Flow:
        items = tuple(i for i in node.items if i.column.name in needed) or node.items[:1]
        below = self.plan(node.input, columns_of_all(item.value for item in items))
        return below.applied(lambda s: s.projected(items), tuple(i.column for i in items))

    def _window(self, node: Window, needed: Needed) -> Flow:
        passed = (needed & {c.name for c in node.input.columns}) | columns_of_all(expressions_of(node))
        flow = self.plan(node.input, passed)
        plain = frozenset(p.name for p in node.partition if isinstance(p, exp.Column))
        if flow.in_one_task and flow.constant is None:
            flow = flow.fixed_in_one_task()
        elif not flow.is_partitioned_by(plain):
            flow = self._by_window_keys(flow, node, sorted(passed) or [flow.columns[0].name])
        columns = (*flow.columns, *(item.column for item in node.items))
        return replace(flow.applied(lambda s: s.extended(node.items), columns), ordered=False)

    def _unnest(self, node: Unnest, needed: Needed) -> Flow:
        below = self.plan(node.input, (needed & names_of(node.input)) | columns_of_all(expressions_of(node)))
        columns = (*below.columns, *(item.column for item in node.items))
        return replace(below.applied(lambda s: s.extended(node.items).closed(), columns), ordered=False)

    def _by_window_keys(self, flow: Flow, node: Window, columns: list[str]) -> Flow:
        if not node.partition:
            few = fits_one_task(node, self.estimator, self.options) or _is_cut(node.input)
            return self.single(flow, columns, "window", "" if few else "a window function without PARTITION BY")
        keys = self.names.items([("partition", value) for value in node.partition])
        return self.hashed(flow, columns, keys, "window", self.estimator.bytes_(node.input))

    def hashed(self, flow: Flow, columns: list[str], keys: tuple[Item, ...], note: str, bytes_: float) -> Flow:
        """The rows of a flow partitioned by keys, which may be computed for it."""
        schema = schema_of(flow, columns)
        extra = tuple(item for item in keys if not item.passes)
        passing = tuple(Item(c, column(c.name)) for c in schema)
        lacking = tuple(i for i in keys if i.passes and i.column.name not in columns)
        items = (*passing, *lacking, *extra)
        flow = flow.applied(lambda s: s.projected(items) if extra else s, tuple(i.column for i in items))
        given = [item.column.name for item in items]
        key = [item.column.name for item in keys]
        branch = self.jobs.reducing(flow, given, ExchangeKind.HASH, key, self.partitions(bytes_), note)
        partitioned = tuple(frozenset([name]) for name in key)
        return Flow((branch,), tuple(i.column for i in items), partitioned)

    def _union(self, node: UnionAll) -> Flow:
        branches: list[Branch] = []
        for side in node.inputs:
            flow = self.plan(side, frozenset(c.name for c in side.columns))
            items = tuple(Item(new, column(old.name)) for new, old in zip(node.columns, side.columns, strict=True))
            branches += flow.applied(lambda s, items=items: s.projected(items), node.columns).branches  # type: ignore[misc]
        constants = [branch.select for branch in branches if isinstance(branch.origin, Constant)]
        if len(constants) > 1:  # one task gives all of them, where the first of them stands
            rows = " UNION ALL ".join(select.text for select in constants)
            select = Select(f"({rows})", tuple(c.name for c in node.columns))
            first = next(i for i, branch in enumerate(branches) if isinstance(branch.origin, Constant))
            others = [(i, b) for i, b in enumerate(branches) if not isinstance(b.origin, Constant)]
            branches = [b for _, b in sorted([*others, (first, Branch(Constant(), select))], key=lambda pair: pair[0])]
        single = len(branches) == 1 and isinstance(branches[0].origin, Constant)
        return Flow(tuple(branches), node.columns, single=single)

    def _opaque(self, node: Opaque) -> Flow:
        inputs: list[JobInput] = []
        sides: list[SideInput] = []
        renames: list[str] = []
        for name, relation in zip(node.names, node.inputs, strict=True):
            columns = [c.name for c in relation.columns]
            flow = self.plan(relation, frozenset(columns))
            more, added, source = self.jobs.exchange(flow, columns)
            inputs += more
            sides += added
            renames.append(f"{name} AS (SELECT * FROM {source})")
        select = Select(f"({_with(renames, node.sql)})", tuple(c.name for c in node.columns))
        origin = Reducing(tuple(inputs), ExchangeKind.SINGLE, 1, "as written", node.reason)
        branch = Branch(origin if inputs else Constant(), select, tuple(sides))
        return Flow((branch,), node.columns, single=True, ordered=node.ordered)


def _is_cut(relation: Relation) -> bool:
    """Whether a LIMIT keeps so few rows that one task takes them anyway."""
    return isinstance(relation, Limit) and relation.count is not None


def schema_of(flow: Flow, names: list[str]) -> Schema:
    """The flow's columns of those names, in that order."""
    types = {c.name: c.type for c in flow.columns}
    return tuple(Column(name, types[name]) for name in names)


def _scan(scan: Scan) -> Flow:
    select = Select("input", scan.sources, exact=scan.verbatim).projected(_renames(scan.columns, scan.sources))
    return Flow((Branch(Reading(source_of(scan)), select),), scan.columns)


def _renames(columns: Schema, sources: tuple[str, ...]) -> tuple[Item, ...]:
    return tuple(Item(c, column(source)) for c, source in zip(columns, sources, strict=True))


def _with(definitions: list[str], sql: str) -> str:
    if not definitions:
        return sql
    head = f"WITH {', '.join(definitions)}"
    return f"{head}, {sql[5:]}" if sql.startswith("WITH ") else f"{head} {sql}"
