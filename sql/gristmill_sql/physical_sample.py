"""Samples: every task chooses among its own rows by their hashes; so many rows are the least hashes of all tasks."""

from __future__ import annotations

from fractions import Fraction

from sqlglot import exp, parse_one

from gristmill.plan.fragment import TASK_VARIABLE
from gristmill.rows.logical import quote_name
from gristmill_sql.algebra import Item, OrderTerm, Sample, column
from gristmill_sql.flow import Flow
from gristmill_sql.options import MERGED_ROWS
from gristmill_sql.physical import Needed, Planner

_HASHES = 1 << 64


def plan_sample(planner: Planner, node: Sample, needed: Needed) -> Flow:
    """The flow of the sampled rows."""
    flow = planner.plan(node.input, needed)
    columns = [c.name for c in flow.columns if c.name in needed] or [flow.columns[0].name]
    if flow.constant:
        flow = planner.single(flow, columns, "constant rows")
    flow, chance = _with_chances(planner, flow, node.seed, columns)
    if node.share is not None:
        kept = exp.LT(this=column(chance.column.name), expression=_threshold(node.share))
        return flow.applied(lambda s: s.filtered((kept,)), flow.columns)
    least = (OrderTerm(column(chance.column.name), desc=False, nulls_first=False),)
    if not flow.in_one_task:
        early = flow.applied(lambda s: s.ordered(least).limited(node.count, 0), flow.columns)
        reason = "" if node.count <= MERGED_ROWS else f"{node.count} sampled rows are merged in one task"
        flow = planner.single(early, [*columns, chance.column.name], f"sample of {node.count}", reason)
    return flow.applied(lambda s: s.ordered(least).limited(node.count, 0), flow.columns)


def _with_chances(planner: Planner, flow: Flow, seed: int, columns: list[str]) -> tuple[Flow, Item]:
    """The flow with a column of hashes, different for equal rows of one task, and for equal tasks."""
    place = Item(planner.names.column("place", "BIGINT"), parse_one("row_number() OVER ()", read="duckdb"))
    hashed = ", ".join(quote_name(name) for name in (place.column.name, *columns))
    drawn = f"hash({seed}, getvariable('{TASK_VARIABLE}'), {hashed})"
    chance = Item(planner.names.column("chance", "UBIGINT"), parse_one(drawn, read="duckdb"))
    flow = flow.applied(lambda s: s.extended((place,)), (*flow.columns, place.column))
    return flow.applied(lambda s: s.extended((chance,)).closed(), (*flow.columns, chance.column)), chance


def _threshold(share: Fraction) -> exp.Expr:
    return exp.Literal.number(int(share * _HASHES))
