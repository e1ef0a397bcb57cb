"""Stage graphs for scheduler tests: a few by hand, and random chains with fan-out, diamonds and every exchange kind."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from gristmill.ids import ExchangeId, Side, StageId
from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.job import RetryPolicy
from gristmill.plan.source import FileSource, Format, Split
from gristmill.plan.stage import ExchangeRead, ExchangeWrite, Outlet, Scan, SinkWrite, Stage, StageGraph, Step

VOLUMES = ("pvc://v0", "pvc://v1")
SOURCE = FileSource(("data/*",), Format.TEXT)


def splits(
    count: int, places: tuple[tuple[str, ...], ...] = (), tied: tuple[tuple[str, ...], ...] = ()
) -> tuple[Split, ...]:
    """Splits without files; split i is near to the names ``places[i]`` and lies on the volumes ``tied[i]``."""
    near, volumes = [*places, *[()] * count], [*tied, *[()] * count]
    return tuple(Split((), 1, places=near[number], volumes=volumes[number]) for number in range(count))


def map_stage(job: str, tasks: int, *outlets: Outlet, name: str = "in", **changes: object) -> Stage:
    """A stage that reads files; ``places=`` and ``tied=`` as in ``splits``, other changes are fields of Stage."""
    places, tied = changes.pop("places", ()), changes.pop("tied", ())
    scan = Scan(name, SOURCE, splits(tasks, places, tied))  # type: ignore[arg-type]
    stage = Stage(StageId(job, Side.MAP, name), tasks, Step(job, name, None), outlets, scan=scan)
    return replace(stage, **changes)  # type: ignore[arg-type]


def reduce_stage(job: str, tasks: int, reads: tuple[ExchangeRead, ...], *outlets: Outlet, **changes: object) -> Stage:
    """A stage that reads exchanges."""
    stage = Stage(StageId(job, Side.REDUCE), tasks, Step(job, "", None), outlets, reads=reads)
    return replace(stage, **changes)  # type: ignore[arg-type]


def write(job: str, partitions: int, kind: ExchangeKind = ExchangeKind.HASH, name: str = "in") -> ExchangeWrite:
    """The outlet into that input of the job."""
    return ExchangeWrite(ExchangeId(job, name), Exchange(kind, partitions))


def read(job: str, partitions: int, kind: ExchangeKind = ExchangeKind.HASH, name: str = "in") -> ExchangeRead:
    """The other end of ``write`` with the same arguments."""
    return ExchangeRead(name, ExchangeId(job, name), Exchange(kind, partitions))


def sink(job: str) -> SinkWrite:
    """The outlet into the job's output."""
    return SinkWrite(job, ())


def map_only(tasks: int, **changes: object) -> StageGraph:
    """One job without reduce."""
    return StageGraph((map_stage("j", tasks, sink("j"), **changes),), "j")


def map_reduce(maps: int, reduces: int, kind: ExchangeKind = ExchangeKind.HASH, **changes: object) -> StageGraph:
    """One job with one input; changes go to the map stage."""
    return StageGraph(
        (
            map_stage("j", maps, write("j", reduces, kind), **changes),
            reduce_stage("j", reduces, (read("j", reduces, kind),), sink("j")),
        ),
        "j",
    )


def chain_of(*widths: int, kinds: tuple[ExchangeKind, ...] = ()) -> StageGraph:
    """Jobs j1, j2, … each reading the one before; ``widths`` are the tasks of the maps and then of each reduce."""
    kinds = kinds or (ExchangeKind.HASH,) * (len(widths) - 1)
    stages = [map_stage("j1", widths[0], write("j1", widths[1], kinds[0]))]
    for number, width in enumerate(widths[1:], 1):
        job, following = f"j{number}", f"j{number + 1}"
        last = number == len(widths) - 1
        outlet: Outlet = sink(job) if last else write(following, widths[number + 1], kinds[number])
        stages.append(reduce_stage(job, width, (read(job, width, kinds[number - 1]),), outlet))
    return StageGraph(tuple(stages), f"j{len(widths) - 1}")


@dataclass
class _Job:
    name: str
    stages: list[Stage] = field(default_factory=list)
    finals: list[int] = field(default_factory=list)
    """Positions in ``stages`` of those whose tasks give the job's rows."""

    @property
    def width(self) -> int:
        return sum(self.stages[at].tasks for at in self.finals)

    def add_outlet(self, outlet: Outlet) -> None:
        for at in self.finals:
            self.stages[at] = replace(self.stages[at], outlets=(*self.stages[at].outlets, outlet))


class RandomGraph:
    """A chain of one to five jobs, the same for the same random source."""

    KINDS = (
        ExchangeKind.HASH,
        ExchangeKind.HASH,
        ExchangeKind.RANGE,
        ExchangeKind.BROADCAST,
        ExchangeKind.CUSTOM,
        ExchangeKind.FORWARD,
    )

    def __init__(self, rng: random.Random, retry: RetryPolicy) -> None:
        self._rng = rng
        self._retry = retry
        self._jobs: list[_Job] = []

    def build(self) -> StageGraph:
        """The graph; every job that nobody reads has a sink, others sometimes."""
        for number in range(self._rng.randint(1, 5)):
            self._add_job(f"j{number}")
        for job in self._jobs:
            unread = not any(stage.outlets for stage in (job.stages[at] for at in job.finals))
            if unread or self._rng.random() < 0.25:
                job.add_outlet(sink(job.name))
        stages = tuple(stage for job in self._jobs for stage in job.stages)
        return StageGraph(stages, self._jobs[-1].name)

    def _add_job(self, name: str) -> None:
        job = _Job(name)
        inputs = self._rng.randint(1, 3)
        if self._rng.random() < 0.2:
            for number in range(inputs):
                job.finals.append(len(job.stages))
                job.stages.append(self._scan(name, f"i{number}"))
        else:
            self._add_reduce(job, inputs)
        self._jobs.append(job)

    def _add_reduce(self, job: _Job, inputs: int) -> None:
        """A reduce over files and earlier jobs; with a FORWARD input it has as many tasks as write that one."""
        sources = [self._rng.choice([None, *self._jobs]) for _ in range(inputs)]
        scans = [
            self._scan(job.name, f"i{number}") if source is None else None for number, source in enumerate(sources)
        ]
        kinds = [self._rng.choice(self.KINDS) for _ in range(inputs)]
        widths = [scan.tasks if scan else source.width for scan, source in zip(scans, sources, strict=True)]  # type: ignore[union-attr]
        forward = next((at for at, kind in enumerate(kinds) if kind is ExchangeKind.FORWARD), None)
        tasks = widths[forward] if forward is not None else self._rng.randint(1, 6)
        kinds = [
            ExchangeKind.HASH if kind is ExchangeKind.FORWARD and widths[at] != tasks else kind
            for at, kind in enumerate(kinds)
        ]
        if tasks == 1:
            kinds = [ExchangeKind.SINGLE if kind is ExchangeKind.HASH else kind for kind in kinds]
        reads = []
        for number, (source, scan, kind) in enumerate(zip(sources, scans, kinds, strict=True)):
            outlet = write(job.name, tasks, kind, f"i{number}")
            reads.append(read(job.name, tasks, kind, f"i{number}"))
            if scan is not None:
                job.stages.append(replace(scan, outlets=(outlet,)))
            elif source is not None:
                source.add_outlet(outlet)
        job.finals.append(len(job.stages))
        job.stages.append(reduce_stage(job.name, tasks, tuple(reads), retry=self._retry))

    def _scan(self, job: str, name: str) -> Stage:
        tasks = self._rng.choice((0, 1, 2, 3, 5, 8, 13))
        places = tuple(
            tuple(self._rng.sample(("h0", "h1", "h2", "z0", "z1"), self._rng.randint(0, 2))) for _ in range(tasks)
        )
        tied = ()
        if self._rng.random() < 0.2:
            tied = tuple(tuple(self._rng.sample(VOLUMES, self._rng.choice((0, 1, 1, 1, 2)))) for _ in range(tasks))
        volumes = (self._rng.choice(VOLUMES),) if self._rng.random() < 0.1 else ()
        stage = map_stage(job, tasks, name=name, places=places, tied=tied, volumes=volumes, retry=self._retry)
        if self._jobs and self._rng.random() < 0.2:
            return self._with_side(stage, self._rng.choice(self._jobs))
        return stage

    def _with_side(self, stage: Stage, source: _Job) -> Stage:
        """The maps also read all rows of an earlier job."""
        name = f"side-{stage.id.input}"
        source.add_outlet(write(stage.id.job, stage.tasks, ExchangeKind.BROADCAST, name))
        side = read(stage.id.job, stage.tasks, ExchangeKind.BROADCAST, name)
        return replace(stage, body=replace(stage.body, side_reads=(side,)))
