"""Joins: broadcast of one side, a shuffle of both by their keys, or a place in a job whose rows already lie so."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.job import JobInput, SideInput
from gristmill.plan.schema import Schema
from gristmill.plan.source import FileSource
from gristmill_sql.algebra import Item, Join, JoinKind, Relation, Scan, column, inputs_of, names_of
from gristmill_sql.estimate import equality
from gristmill_sql.expressions import columns_of_all
from gristmill_sql.flow import Branch, Flow, Reading, Reducing
from gristmill_sql.join_keys import JoinKeys, join_keys, key_positions, texts_of
from gristmill_sql.physical import Needed, Planner
from gristmill_sql.select import Select
from gristmill_sql.small_sides import is_computed_by_tasks, is_tiny
from gristmill_sql.task_sizes import MOVING, source_of

_WORDS = {
    JoinKind.INNER: "",
    JoinKind.LEFT: "LEFT ",
    JoinKind.RIGHT: "RIGHT ",
    JoinKind.FULL: "FULL ",
    JoinKind.SEMI: "SEMI ",
    JoinKind.ANTI: "ANTI ",
    JoinKind.ASOF: "ASOF ",
    JoinKind.ASOF_LEFT: "ASOF LEFT ",
}
_ALWAYS_ROWS = 200_000
_SPREADING_COLUMNS = 4
"""By so many columns rows are spread where no key asks for any."""


def plan_join(planner: Planner, node: Join, needed: Needed) -> Flow:
    """The flow of a join's rows."""
    if node.kind is JoinKind.RIGHT:
        node = replace(node, kind=JoinKind.LEFT, left=node.right, right=node.left)
    reads = needed | columns_of_all(node.on)
    if node.kind is JoinKind.INNER and _is_smaller(planner, node.left, node.right):
        node = _turned(node)
    left = planner.plan(node.left, reads & names_of(node.left))
    right = planner.plan(node.right, reads & names_of(node.right))
    if node.kind is JoinKind.INNER and _only_left_is_tiny(planner, node, left, right):
        node, left, right = _turned(node), right, left
    return _Joining(planner, node, needed, left, right).flow()


def _only_left_is_tiny(planner: Planner, node: Join, left: Flow, right: Flow) -> bool:
    """Whether the tasks that have the right side had better read the left side's tables than be waited for."""
    options = planner.options
    return not right.constant and is_tiny(node.left, left, options) and not is_tiny(node.right, right, options)


def _turned(node: Join) -> Join:
    return replace(node, left=node.right, right=node.left)


def _is_smaller(planner: Planner, left: Relation, right: Relation) -> bool:
    return planner.estimator.bytes_(left) < planner.estimator.bytes_(right)


class _Joining:
    """One join of two planned sides; the right one is the side that may be broadcast."""

    def __init__(self, planner: Planner, node: Join, needed: Needed, left: Flow, right: Flow) -> None:
        self._planner = planner
        self._node = node
        self._left = left
        self._right = right
        reads = needed | columns_of_all(node.on)
        self._left_columns = [c.name for c in left.columns if c.name in reads] or [left.columns[0].name]
        self._right_columns = [c.name for c in right.columns if c.name in reads] or [right.columns[0].name]

    def flow(self) -> Flow:
        bytes_ = self._planner.estimator.bytes_(self._node.right)
        keys = join_keys(self._node, self._planner.names)
        if self._left.in_one_task and self._right.in_one_task and self._left.constant is None:
            return self._in_one_task("")
        if self._right.in_one_task and self._right.open and is_tiny(self._node.left, self._left, self._planner.options):
            return self._beside_one_task()
        if self._node.kind is not JoinKind.FULL and (
            self._right.constant or not keys.left or self._pays_to_broadcast(bytes_, keys)
        ):
            return self._broadcast(bytes_, keys)
        if not keys.left:
            return self._in_one_task("a FULL JOIN without an equality")
        return self._shuffled(keys)

    def _pays_to_broadcast(self, bytes_: float, keys: JoinKeys) -> bool:
        """Whether every probe task had better see the whole build side than that rows of both sides move."""
        if bytes_ > self._planner.options.broadcast_bytes:
            return False
        if self._planner.jobs.would_wait(self._left, self._right):
            return False  # the probe side would have to be exchanged all the same
        build = self._planner.estimator.rows(self._node.right)
        lies_so = key_positions(self._left, keys.left) is not None
        moved = build + (0.0 if lies_so else self._planner.estimator.rows(self._node.left))
        return build * self._probe_tasks(build) <= _ALWAYS_ROWS + MOVING * moved

    def _probe_tasks(self, looked_up: float) -> int:
        branch = self._left.open
        if branch is not None and isinstance(branch.origin, Reducing):
            return branch.origin.partitions
        return self._planner.estimator.tasks(self._node.left, looked_up)

    # broadcast

    def _broadcast(self, bytes_: float, keys: JoinKeys) -> Flow:
        probe = self._left
        if probe.constant:
            probe = self._planner.single(probe, self._left_columns, "constant rows")
        sides, build = self._build_side(bytes_)
        if any(self._planner.jobs.waits_for_itself(probe, side) for side in sides):
            probe = self._apart(probe, keys)
        for side in sides:
            self._planner.jobs.let_wait(probe, side)
        probe = replace(probe, branches=tuple(map(self._in_fewer_tasks, probe.branches)))
        columns = self._columns()
        joined = probe.with_sides(sides).applied(
            lambda s: s.joined(_WORDS[self._node.kind], build, self._node.on, tuple(c.name for c in columns)), columns
        )
        return self._with_equal_names(joined, probe)

    def _in_fewer_tasks(self, branch: Branch) -> Branch:
        """The branch over larger splits where its tasks have much to look up."""
        origin = branch.origin
        if not isinstance(origin, Reading) or not isinstance(origin.source, FileSource):
            return branch
        scan = _scan_of(self._node.left, origin.source)
        looked_up = origin.looked_up + self._planner.estimator.rows(self._node.right)
        return branch if scan is None else replace(branch, origin=Reading(source_of(scan, looked_up), looked_up))

    def _apart(self, probe: Flow, keys: JoinKeys) -> Flow:
        """The probe side in tasks of its own, behind an exchange."""
        by = keys.left or tuple(Item(c, column(c.name)) for c in probe.columns[:_SPREADING_COLUMNS])
        bytes_ = self._planner.estimator.bytes_(self._node.left)
        return self._planner.hashed(probe, self._left_columns, by, f"join on {texts_of(by)}", bytes_)

    def _build_side(self, bytes_: float) -> tuple[tuple[SideInput, ...], Select]:
        """What each probe task joins with, and the side inputs that it names."""
        jobs = self._planner.jobs
        if self._right.constant:
            return (), self._right.constant.select.cut(self._right_columns)
        tasks = self._probe_tasks(self._planner.estimator.rows(self._node.right))
        if is_computed_by_tasks(self._node.right, self._right, tasks, self._planner.options):
            return self._computed_by_tasks(self._node.right, self._right, self._right_columns)
        side = jobs.side(self._right, self._right_columns, f"broadcast: about {_size(bytes_)}")
        return (side,), Select(side.name, tuple(self._right_columns))

    def _computed_by_tasks(
        self, relation: Relation, flow: Flow, columns: list[str]
    ) -> tuple[tuple[SideInput, ...], Select]:
        (only,) = flow.branches
        assert isinstance(only.origin, Reading)
        assert isinstance(only.origin.source, FileSource)
        scan = _scan_of(relation, only.origin.source)
        side = self._planner.jobs.file_side(scan.table.source if scan else only.origin.source)
        return (side, *only.sides), only.select.cut(columns).over(side.name)

    # shuffle

    def _shuffled(self, keys: JoinKeys) -> Flow:
        bytes_ = sum(self._planner.estimator.bytes_(side) for side in (self._node.left, self._node.right))
        for flow, own, other, others in (
            (self._left, keys.left, self._right, keys.right),
            (self._right, keys.right, self._left, keys.left),
        ):
            if (positions := key_positions(flow, own)) is not None:
                return self._into_open(flow, other, tuple(others[i] for i in positions))
        left, left_names = self._keyed(self._left, self._left_columns, keys.left)
        right, right_names = self._keyed(self._right, self._right_columns, keys.right)
        opened = self._planner.jobs.reducing(
            left,
            left_names,
            ExchangeKind.HASH,
            [i.column.name for i in keys.left],
            self._planner.options.join_partitions_for(bytes_),
            f"join on {texts_of(keys.left)}",
        )
        partitioned = tuple(frozenset([item.column.name]) for item in keys.left)
        flow = Flow((opened,), left.columns, partitioned)
        return self._merged(flow, right, right_names, keys.right, is_left=True)

    def _into_open(self, opened: Flow, other: Flow, keys: tuple[Item, ...]) -> Flow:
        """The other side as further inputs of the job in which this side lies partitioned already."""
        is_left = opened is self._left
        other_branch = other.open
        same = [frozenset([item.column.name]) for item in keys]
        if (
            other_branch is not None
            and len(other.partitioned) == len(keys)
            and all(names <= held for names, held in zip(same, other.partitioned, strict=True))
        ):
            return self._fused(opened, other, is_left=is_left)
        columns = self._right_columns if is_left else self._left_columns
        keyed, names = self._keyed(other, columns, keys)
        return self._merged(opened, keyed, names, keys, is_left=is_left)

    def _merged(self, opened: Flow, other: Flow, names: list[str], keys: tuple[Item, ...], *, is_left: bool) -> Flow:
        """Both sides in one open job: ``other`` is exchanged by its keys and joined there."""
        key = [item.column.name for item in keys]
        inputs, sides, source = self._planner.jobs.exchange(other, names, key)
        return self._combined(opened, inputs, sides, Select(source, tuple(names)), is_left=is_left)

    def _fused(self, opened: Flow, other: Flow, *, is_left: bool) -> Flow:
        """Two open jobs whose rows lie partitioned alike become one."""
        branch = other.open
        assert branch is not None
        assert isinstance(branch.origin, Reducing)
        return self._combined(opened, branch.origin.inputs, branch.sides, branch.select, is_left=is_left, also=branch)

    def _combined(
        self,
        opened: Flow,
        inputs: tuple[JobInput, ...],
        sides: tuple[SideInput, ...],
        select: Select,
        *,
        is_left: bool,
        also: Branch | None = None,
    ) -> Flow:
        branch = opened.open
        assert branch is not None
        assert isinstance(branch.origin, Reducing)
        columns = self._columns()
        names = tuple(c.name for c in columns)
        left, right = (branch.select, select) if is_left else (select, branch.select)
        joined = left.joined(_WORDS[self._node.kind], right, self._node.on, names)
        partitions, reasons = branch.origin.partitions, [branch.origin.single_reason]
        if also is not None and isinstance(also.origin, Reducing):
            partitions = max(partitions, also.origin.partitions)
            reasons.append(also.origin.single_reason)
        note = branch.origin.note if branch.origin.note.startswith("join") else f"join, {branch.origin.note}"
        origin = replace(
            branch.origin,
            inputs=(*branch.origin.inputs, *inputs),
            partitions=partitions,
            note=note,
            single_reason="; ".join(dict.fromkeys(filter(None, reasons))),
        )
        new = Branch(origin, joined, tuple(dict.fromkeys((*branch.sides, *sides))))
        return self._with_equal_names(Flow((new,), columns, opened.partitioned), opened)

    def _keyed(self, flow: Flow, columns: list[str], keys: tuple[Item, ...]) -> tuple[Flow, list[str]]:
        """The flow with its keys as columns, and the names of all columns that it must give."""
        extra = tuple(item for item in keys if not item.passes)
        if extra:
            flow = flow.applied(lambda s: s.extended(extra), (*flow.columns, *(i.column for i in extra)))
        return flow, [*columns, *(i.column.name for i in keys if i.column.name not in columns)]

    # one task

    def _in_one_task(self, reason: str) -> Flow:
        left = self._planner.single(self._left, self._left_columns, "join", reason)
        branch = self._right.open
        if self._right.in_one_task and branch is not None and isinstance(branch.origin, Reducing):
            return self._combined(left, branch.origin.inputs, branch.sides, branch.select, is_left=True, also=branch)
        inputs, sides, source = self._planner.jobs.exchange(self._right, self._right_columns)
        return self._combined(left, inputs, sides, Select(source, tuple(self._right_columns)), is_left=True)

    def _beside_one_task(self) -> Flow:
        """The join in the one task that has the right side, which reads the left side from files."""
        sides, rows = self._computed_by_tasks(self._node.left, self._left, self._left_columns)
        return self._combined(self._right.fixed_in_one_task(), (), sides, rows, is_left=False)

    # what the join gives

    def _columns(self) -> Schema:
        by_name = {c.name: c for c in (*self._left.columns, *self._right.columns)}
        names = list(self._left_columns)
        if self._node.kind not in (JoinKind.SEMI, JoinKind.ANTI):
            names += self._right_columns
        return tuple(by_name[name] for name in names)

    def _with_equal_names(self, joined: Flow, held: Flow) -> Flow:
        """The joined rows, partitioned as before, by columns of either side where an equality holds for every row."""
        kind = self._node.kind
        if kind is JoinKind.FULL:
            return replace(joined, partitioned=())
        is_left = held is not self._right
        if not is_left and kind is not JoinKind.INNER:
            return replace(joined, partitioned=())
        same = list(held.partitioned)
        if kind is JoinKind.INNER:
            for predicate in self._node.on:
                pair = equality(predicate, names_of(self._node.left))
                if pair and all(isinstance(side, exp.Column) for side in pair) and self._are_alike(pair):
                    names = frozenset(side.name for side in pair)
                    same = [held_names | names if held_names & names else held_names for held_names in same]
        given = {c.name for c in joined.columns}
        kept = tuple(names & given for names in same)
        return replace(joined, partitioned=kept if all(kept) else (), single=joined.single or held.single)

    def _are_alike(self, pair: tuple[exp.Expr, exp.Expr]) -> bool:
        """Whether two columns have one type: equal values of different types may hash differently."""
        left, right = self._planner.names.types(pair)
        return left == right


def _scan_of(relation: Relation, source: FileSource) -> Scan | None:
    """The scan of those files in a relation that has the most columns."""
    pending, found = [relation], []
    while pending:
        node = pending.pop()
        if isinstance(node, Scan) and node.table.source.uris == source.uris:
            found.append(node)
        pending += inputs_of(node)
    return max(found, key=lambda scan: len(scan.columns), default=None)


def _size(bytes_: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if bytes_ < 1024:
            return f"{bytes_:.0f} {unit}"
        bytes_ /= 1024
    return f"{bytes_:.1f} GiB"
