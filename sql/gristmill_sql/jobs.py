"""Jobs under construction: flows are closed into jobs exactly where rows change hands. Called by the planner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gristmill.plan.exchange import ExchangeKind, HashName
from gristmill.plan.fragment import SqlFragment
from gristmill.plan.job import ChainPlan, JobInput, JobPlan, Output, SideInput
from gristmill.plan.schema import SortKey
from gristmill.plan.source import FileSource, JobSource, Source
from gristmill.rows.logical import quote_name
from gristmill_sql.flow import Branch, Constant, Flow, Reading, Reducing
from gristmill_sql.select import Select


class Jobs:
    """Collects the jobs of one chain, each after those that it reads."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: list[JobPlan] = []
        self._before: dict[str, frozenset[str]] = {}
        self._makers: dict[str, frozenset[str]] = {}
        self._waits: dict[str, frozenset[str]] = {}
        self._inputs = 0
        self._sides = 0

    def chain(self) -> ChainPlan:
        """All jobs so far; the last one's rows are the result."""
        return ChainPlan(tuple(self._jobs))

    def exchange(
        self, flow: Flow, columns: Sequence[str], key: Sequence[str] = (), note: str = ""
    ) -> tuple[tuple[JobInput, ...], tuple[SideInput, ...], str]:
        """The flow as inputs of another job: the inputs, the side inputs of their maps, and FROM text over them."""
        inputs: list[JobInput] = []
        sides: list[SideInput] = []
        for branch in flow.branches:
            input_ = self._input(replace(branch, select=branch.select.cut(columns)), tuple(key), note)
            inputs.append(input_)
            sides += branch.sides if isinstance(branch.origin, Reading) else []
        names = ", ".join(map(quote_name, columns))
        rows = " UNION ALL ".join(f"SELECT {names} FROM {input_.name}" for input_ in inputs)
        return tuple(inputs), tuple(dict.fromkeys(sides)), inputs[0].name if len(inputs) == 1 else f"({rows})"

    def reducing(
        self,
        flow: Flow,
        columns: Sequence[str],
        kind: ExchangeKind,
        key: Sequence[str] = (),
        partitions: int = 1,
        note: str = "",
        single_reason: str = "",
    ) -> Branch:
        """An open job that reads the flow, its SELECT giving the exchanged rows."""
        inputs, sides, source = self.exchange(flow, columns, key)
        origin = Reducing(inputs, kind, partitions, note, single_reason)
        return Branch(origin, Select(source, tuple(columns)), sides)

    def side(self, flow: Flow, columns: Sequence[str], note: str) -> SideInput:
        """The flow's rows for every task of other jobs."""
        self._sides += 1
        return SideInput(f"side{self._sides}", JobSource(self.close(flow, columns, note)))

    def file_side(self, source: FileSource) -> SideInput:
        """A small file for every task of other jobs."""
        self._sides += 1
        return SideInput(f"side{self._sides}", source)

    def close(self, flow: Flow, columns: Sequence[str], note: str = "", outputs: tuple[Output, ...] = ()) -> str:
        """Ends the flow as a job with those columns; its name."""
        only = flow.branches[0]
        select = only.select.cut(columns)
        if len(flow.branches) == 1 and isinstance(only.origin, Reducing):
            return self._close_open(only.origin, select, only.sides, outputs)
        if len(flow.branches) == 1 and isinstance(only.origin, Constant):
            return self._constant(select, only.sides, outputs)
        inputs, sides, _ = self.exchange(flow, columns)
        return self._add(JobPlan("", inputs, side_inputs=sides, outputs=outputs, note=note))

    def sort(self, flow: Flow, columns: Sequence[str], order: tuple[SortKey, ...], partitions: int, note: str) -> str:
        """A job that puts the flow's rows into total order over its partitions; its name."""
        inputs, sides, _ = self.exchange(flow, columns)
        job = JobPlan(
            "",
            inputs,
            partition=ExchangeKind.RANGE,
            partitions=partitions,
            sort=order,
            side_inputs=sides,
            note=note,
        )
        return self._add(job)

    def _input(self, branch: Branch, key: tuple[str, ...], note: str) -> JobInput:
        self._inputs += 1
        name = f"in{self._inputs}"
        match branch.origin:
            case Reading(source):
                return JobInput(name, source, SqlFragment(branch.select.text), key, note=note)
            case Reducing():
                job = self._close_open(branch.origin, branch.select, branch.sides, ())
                return JobInput(name, JobSource(job), None, key, note=note)
            case Constant():
                return JobInput(name, JobSource(self._constant(branch.select, branch.sides, ())), None, key, note=note)

    def _constant(self, select: Select, sides: tuple[SideInput, ...], outputs: tuple[Output, ...]) -> str:
        job = JobPlan("", (), SqlFragment(select.text), partition=ExchangeKind.SINGLE, partitions=1, outputs=outputs)
        return self._add(replace(job, side_inputs=sides, note="constant rows"))

    def _close_open(
        self, origin: Reducing, select: Select, sides: tuple[SideInput, ...], outputs: tuple[Output, ...]
    ) -> str:
        job = JobPlan(
            "",
            origin.inputs,
            SqlFragment(select.text),
            partition=origin.kind,
            hash=_hash_for(origin.partitions),
            partitions=origin.partitions,
            side_inputs=sides,
            outputs=outputs,
            note=origin.note,
            single_reason=origin.single_reason,
        )
        return self._add(job)

    def _add(self, job: JobPlan) -> str:
        name = f"{self._name}-{len(self._jobs) + 1}"
        self._jobs.append(replace(job, name=name))
        sources = (*(i.source for i in job.inputs), *(s.source for s in job.side_inputs))
        read = [source.job for source in sources if isinstance(source, JobSource)]
        self._before[name] = frozenset([name]).union(*(self._before[earlier] for earlier in read))
        own = frozenset([name])
        of_inputs = [self._makers[i.source.job] if isinstance(i.source, JobSource) else own for i in job.inputs]
        self._makers[name] = own.union(*of_inputs) if job.map_only else own
        return name

    def waits_for_itself(self, flow: Flow, side: SideInput) -> bool:
        """Whether tasks that make the flow's rows must end before the side input is there.

        A map over another job's rows runs inside of that job's tasks, so it cannot read what is made of their rows, nor
        what in turn waits for them.
        """
        return bool(self._makers_of(flow) & self._ended_before(side.source))

    def would_wait(self, flow: Flow, other: Flow) -> bool:
        """Whether tasks that make the flow's rows would wait for themselves if they read the other flow's rows."""
        ended = (self._ended_before(source) for branch in other.branches for source in _read_by(branch))
        return bool(self._makers_of(flow) & frozenset().union(*ended))

    def let_wait(self, flow: Flow, side: SideInput) -> None:
        """Takes down that the tasks that make the flow's rows now read the side input."""
        for maker in self._makers_of(flow):
            self._waits[maker] = self._waits.get(maker, frozenset()) | self._ended_before(side.source)

    def _makers_of(self, flow: Flow) -> frozenset[str]:
        """The jobs in whose tasks the flow's work is done, as far as it is not an exchange away from them."""
        read = (b.origin.source for b in flow.branches if isinstance(b.origin, Reading))
        return frozenset().union(*(self._makers[s.job] for s in read if isinstance(s, JobSource)))

    def _ended_before(self, source: Source) -> frozenset[str]:
        """All jobs whose tasks must end before the rows of a source are there."""
        pending = set(self._before[source.job]) if isinstance(source, JobSource) else set()
        found: set[str] = set()
        while pending:
            job = pending.pop()
            found.add(job)
            pending |= (self._before[job] | self._waits.get(job, frozenset())) - found
        return frozenset(found)


def _read_by(branch: Branch) -> Iterator[Source]:
    """What a branch reads, side inputs included."""
    yield from (side.source for side in branch.sides)
    match branch.origin:
        case Reading(source):
            yield source
        case Reducing(inputs):
            yield from (each.source for each in inputs)


def _hash_for(partitions: int) -> HashName:
    return HashName.DUCKDB if partitions & (partitions - 1) == 0 else HashName.GM1
