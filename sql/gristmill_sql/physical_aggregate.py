"""Aggregates: at once where groups are whole already, else in two halves, or over raw rows shuffled by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from gristmill.plan.exchange import ExchangeKind
from gristmill_sql.algebra import Aggregate, Item, column
from gristmill_sql.copies import copied, text_of
from gristmill_sql.decompose import Halves, distinct_values, halves, merged
from gristmill_sql.decorrelate import expressions_of
from gristmill_sql.expressions import bare_call, columns_of_all
from gristmill_sql.flow import Flow, Reducing
from gristmill_sql.physical import Needed, Planner
from gristmill_sql.rules.global_windows import fits_one_task
from gristmill_sql.task_sizes import width

MIN_REDUCTION = 4.0
"""Partial aggregation is worth it if it leaves at most one of so many rows, as far as statistics tell."""


def plan_aggregate(planner: Planner, node: Aggregate, needed: Needed) -> Flow:
    """The flow of an aggregate's groups."""
    calls = tuple(call for call in node.calls if call.column.name in needed or not node.keys)
    node = replace(node, calls=calls)
    flow = planner.plan(node.input, columns_of_all(expressions_of(node)))
    return _Aggregating(planner, node, flow).flow()


@dataclass(frozen=True, slots=True)
class _Distinct:
    """A call over DISTINCT values: its arguments as columns that the map tasks group by."""

    call: Item
    values: tuple[Item, ...]


class _Aggregating:
    def __init__(self, planner: Planner, node: Aggregate, flow: Flow) -> None:
        self._planner = planner
        self._node = node
        self._flow = flow
        self._columns = node.columns

    def flow(self) -> Flow:
        node = self._node
        plain = frozenset(key.value.name for key in node.keys if isinstance(key.value, exp.Column))
        if self._flow.constant:
            self._flow = self._planner.single(self._flow, [c.name for c in self._flow.columns], "constant rows")
        if self._flow.is_partitioned_by(plain):
            return self._whole(self._flow)
        if self._flow.in_one_task:
            return self._whole(self._flow.fixed_in_one_task())
        distinct = [_Distinct(c, self._arguments(c)) for c in node.calls if _is_cut_distinct(c)]
        others = [call for call in node.calls if not _is_cut_distinct(call)]
        # The rows of a group of values are no longer in the order that all of them had.
        cut = [None if distinct and _is_by_place(call) else halves(call, self._planner.names) for call in others]
        simple = [half for half in cut if half is not None]
        if len(simple) == len(cut) and (distinct or self._reduces()):
            return self._in_halves(simple, distinct)
        return self._raw([call for call, half in zip(others, cut, strict=True) if half is None])

    def _reduces(self) -> bool:
        """Whether a map task's groups are so much fewer than its rows that grouping there pays."""
        node = self._node
        if not node.keys:
            return True
        groups = self._planner.estimator.groups(node.input, [key.value for key in node.keys])
        return self._planner.estimator.rows(node.input) / groups >= MIN_REDUCTION

    # groups that are whole where they are

    def _whole(self, flow: Flow) -> Flow:
        keys, calls = self._node.keys, self._node.calls
        renamed = {k.value.name: k.column.name for k in keys if isinstance(k.value, exp.Column)}
        partitioned = tuple(frozenset(renamed[n] for n in same if n in renamed) for same in flow.partitioned)
        grouped = flow.applied(lambda s: s.grouped(keys, calls), self._columns)
        return replace(grouped, partitioned=partitioned if all(partitioned) else (), ordered=False)

    def _raw(self, whole: Sequence[Item]) -> Flow:
        """Every row of a group in one place, since a call cannot be cut or cutting does not pay."""
        columns = [c.name for c in self._flow.columns]
        if not self._node.keys:
            names = ", ".join(dict.fromkeys(_function_name(c) for c in whole)) or "an aggregate"
            few = fits_one_task(self._node, self._planner.estimator, self._planner.options)
            reason = "" if few else f"{names} over all rows"
            return self._whole(self._planner.single(self._flow, columns, "aggregate", reason))
        bytes_ = self._planner.estimator.bytes_(self._node.input)
        keys = self._node.keys
        flow = self._planner.hashed(self._flow, columns, keys, f"group by {_names(keys)}", bytes_)
        self._node = replace(self._node, keys=tuple(Item(k.column, column(k.column.name)) for k in keys))
        return self._whole(flow)

    # two halves

    def _in_halves(self, simple: list[Halves], distinct: list[_Distinct]) -> Flow:
        keys = self._node.keys
        values = tuple(dict.fromkeys(value for d in distinct for value in d.values))
        partial = tuple(item for half in simple for item in half.partial)
        having = "" if keys or values else "COUNT(*) > 0"
        grouping = (*keys, *values)
        columns = tuple(item.column for item in (*grouping, *partial))
        early = replace(self._flow, partitioned=()).applied(
            lambda s: s.grouped(grouping, partial, having=having), columns
        )
        if distinct and not keys:
            return self._distinct_without_keys(early, simple, distinct, values)
        return self._final(early, simple, distinct)

    def _partial_rows(self) -> float:
        """Rows that map tasks give: each has groups of its own, but never more than it has rows."""
        estimator = self._planner.estimator
        rows = estimator.rows(self._node.input)
        return min(rows, estimator.rows(self._node) * estimator.tasks(self._node.input))

    def _final(self, early: Flow, simple: list[Halves], distinct: list[_Distinct]) -> Flow:
        names = [c.name for c in early.columns]
        keys = self._node.keys
        if keys:
            bytes_ = self._partial_rows() * width(early.columns)
            kind, partitions = ExchangeKind.HASH, self._planner.partitions(bytes_)
        else:
            kind, partitions = ExchangeKind.SINGLE, 1
        key = [item.column.name for item in keys]
        note = f"group by {_names(keys)}" if keys else "aggregate"
        branch = self._planner.jobs.reducing(early, names, kind, key, partitions, note)
        late = {half.final.column.name: half.final for half in simple}
        late |= {d.call.column.name: _over_columns(d) for d in distinct}
        passed = tuple(Item(k.column, column(k.column.name)) for k in keys)
        calls = tuple(late[call.column.name] for call in self._node.calls)
        partitioned = tuple(frozenset([name]) for name in key)
        flow = Flow((branch,), early.columns, partitioned, single=not keys)
        return flow.applied(lambda s: s.grouped(passed, calls), self._columns)

    def _distinct_without_keys(
        self, early: Flow, simple: list[Halves], distinct: list[_Distinct], values: tuple[Item, ...]
    ) -> Flow:
        """One DISTINCT argument: its values are shuffled, each reducer aggregates its own, one task adds up."""
        if len({d.values for d in distinct}) > 1 or not all(_adds_up(d.call) for d in distinct):
            flow = self._final(early, simple, distinct)
            branch = flow.branches[0]
            assert isinstance(branch.origin, Reducing)
            origin = replace(branch.origin, single_reason="several DISTINCT aggregates without GROUP BY")
            return replace(flow, branches=(replace(branch, origin=origin),))
        names = [c.name for c in early.columns]
        key = [value.column.name for value in values]
        bytes_ = self._planner.estimator.bytes_(self._node.input)
        branch = self._planner.jobs.reducing(
            early, names, ExchangeKind.HASH, key, self._planner.partitions(bytes_), f"distinct {_names(values)}"
        )
        return self._added_up(Flow((branch,), early.columns), simple, distinct)

    def _added_up(self, shuffled: Flow, simple: list[Halves], distinct: list[_Distinct]) -> Flow:
        names = self._planner.names
        again = tuple(item for half in simple for item in half.again)
        counted = tuple(names.item(d.call.column.name, _over_columns(d).value) for d in distinct)
        columns = tuple(item.column for item in (*again, *counted))
        some = shuffled.applied(lambda s: s.grouped((), (*again, *counted), having="COUNT(*) > 0"), columns)
        late = {half.final.column.name: half.final for half in simple}
        for d, item in zip(distinct, counted, strict=True):
            late[d.call.column.name] = Item(d.call.column, merged(item, names).value)
        branch = self._planner.jobs.reducing(some, [c.name for c in columns], ExchangeKind.SINGLE, note="aggregate")
        calls = tuple(late[call.column.name] for call in self._node.calls)
        return Flow((branch,), columns, single=True).applied(lambda s: s.grouped((), calls), self._columns)

    def _arguments(self, call: Item) -> tuple[Item, ...]:
        arguments = distinct_values(call.value) or ()
        condition = call.value.expression.this if isinstance(call.value, exp.Filter) else None
        values = []
        for argument in arguments:
            value = argument
            if condition is not None:
                value = exp.Case(ifs=[exp.If(this=copied(condition), true=copied(argument))])
            known = next((key for key in self._node.keys if key.value == value), None)
            values.append(known or self._planner.names.item("value", value))
        return tuple(values)


def _is_cut_distinct(call: Item) -> bool:
    """Whether a call is over the DISTINCT values of one argument, in a way that a second pass over them repeats."""
    values = distinct_values(call.value)
    function = bare_call(call.value)
    return values is not None and len(values) == 1 and isinstance(function, exp.Count | exp.Sum | exp.Avg)


def _is_by_place(call: Item) -> bool:
    """Whether a call gives the value of one row, by the order of rows."""
    return isinstance(bare_call(call.value), exp.First | exp.Last | exp.AnyValue)


def _function_name(call: Item) -> str:
    """The name of an aggregate as SQL has it."""
    return text_of(bare_call(call.value)).partition("(")[0].lower()


def _adds_up(call: Item) -> bool:
    return isinstance(bare_call(call.value), exp.Count | exp.Sum)


def _over_columns(distinct: _Distinct) -> Item:
    """The DISTINCT call over the columns that hold its arguments."""
    function = type(bare_call(distinct.call.value))
    arguments = [column(value.column.name) for value in distinct.values]
    return Item(distinct.call.column, function(this=exp.Distinct(expressions=arguments)))


def _names(items: Sequence[Item]) -> str:
    return ", ".join(item.column.name if item.passes else text_of(item.value) for item in items)
