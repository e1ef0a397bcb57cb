"""ORDER BY and LIMIT: ranges of the sort order over many tasks, one task for few rows, top-N in two steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from gristmill.plan.schema import SortKey
from gristmill_sql.algebra import Limit, OrderTerm, Sort, column
from gristmill_sql.expressions import columns_of_all
from gristmill_sql.flow import Flow
from gristmill_sql.options import MERGED_ROWS
from gristmill_sql.physical import Needed, Planner, schema_of

MAX_TOP = 1_000_000
"""Up to so many rows, ORDER BY with LIMIT keeps the first of each task and merges them in one."""


def plan_sort(planner: Planner, node: Sort, needed: Needed) -> Flow:
    """The rows in total order over the flow's tasks."""
    flow, terms, columns = _with_terms(planner, node, needed)
    few = planner.estimator.rows(node.input) <= planner.options.single_rows
    if flow.in_one_task or few:
        merged = planner.single(flow, columns, _note(terms))
        ordered = merged.applied(lambda s: s.ordered(terms), merged.columns)
        return replace(ordered, ordered=True)
    order = tuple(SortKey(term.value.name, term.desc, term.nulls_first) for term in terms)
    partitions = planner.partitions(planner.estimator.bytes_(node.input))
    job = planner.jobs.sort(flow, columns, order, partitions, _note(terms))
    return planner.reading(job, schema_of(flow, columns), ordered=True)


def plan_limit(planner: Planner, node: Limit, needed: Needed) -> Flow:
    """The first rows, of each task and then of all."""
    reach = None if node.count is None else node.count + node.offset
    if isinstance(node.input, Sort) and reach is not None and (reach <= MAX_TOP or node.local):
        return _top(planner, node, node.input, reach, needed)
    flow = planner.plan(node.input, needed)
    columns = [c.name for c in flow.columns if c.name in needed] or [flow.columns[0].name]
    if flow.in_one_task and flow.constant is None:
        fixed = flow.fixed_in_one_task()
        return fixed.applied(lambda s: s.limited(node.count, node.offset), fixed.columns)
    early = flow if reach is None else flow.applied(lambda s: s.limited(reach, 0), flow.columns)
    few = planner.estimator.rows(node.input) <= planner.options.single_rows
    merged = planner.single(early, columns, "limit", "" if few else _single_reason(reach))
    limited = merged.applied(lambda s: s.limited(node.count, node.offset), merged.columns)
    return replace(limited, ordered=flow.ordered)


def _top(planner: Planner, node: Limit, sort: Sort, reach: int, needed: Needed) -> Flow:
    flow, terms, columns = _with_terms(planner, sort, needed)
    if node.local:
        return flow if flow.constant else flow.applied(lambda s: s.ordered(terms).limited(reach, 0), flow.columns)
    if flow.in_one_task and flow.constant is None:
        flow = flow.fixed_in_one_task()
    else:
        early = flow.applied(lambda s: s.ordered(terms).limited(reach, 0), flow.columns)
        merged = int(min(reach, planner.estimator.at_most(sort.input)))
        flow = planner.single(early, columns, f"top {reach}", _single_reason(merged))
    top = flow.applied(lambda s: s.ordered(terms).limited(node.count, node.offset), flow.columns)
    return replace(top, ordered=True)


def _single_reason(reach: int | None) -> str:
    if reach is None:
        return "OFFSET without LIMIT"
    return "" if reach <= MERGED_ROWS else f"the first {reach} rows are merged in one task"


def _with_terms(planner: Planner, node: Sort, needed: Needed) -> tuple[Flow, tuple[OrderTerm, ...], list[str]]:
    """The input with every term of the order as a column, the terms over those, and the columns that must go on."""
    flow = planner.plan(node.input, needed | columns_of_all(term.value for term in node.terms))
    computed = [term for term in node.terms if not isinstance(term.value, exp.Column)]
    items = planner.names.items([("sort", term.value) for term in computed])
    if items:
        flow = flow.applied(lambda s: s.extended(items), (*flow.columns, *(item.column for item in items)))
    names = {id(term): item.column.name for term, item in zip(computed, items, strict=True)}
    named = [replace(t, value=column(names[id(t)])) if id(t) in names else t for t in node.terms]
    first: dict[str, OrderTerm] = {}
    for term in named:
        first.setdefault(term.value.name, term)  # a column that comes again orders nothing any more
    terms = tuple(first.values())
    reads = needed | columns_of_all(term.value for term in terms)
    return flow, terms, [c.name for c in flow.columns if c.name in reads]


def _note(terms: Sequence[OrderTerm]) -> str:
    return "order by " + ", ".join(term.value.name + (" desc" if term.desc else "") for term in terms)
