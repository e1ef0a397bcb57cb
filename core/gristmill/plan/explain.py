"""EXPLAIN: a chain, and the stages it became, as text for people. Called by the API, the command line, and SQL.

Only what decides how the jobs run is shown; the text is for reading, not for programs. It reads no data.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gristmill.ids import Side, StageId
from gristmill.plan.exchange import ExchangeKind, HashName
from gristmill.plan.fragment import Calling, CommandFragment, Fragment, PythonFragment, SqlFragment
from gristmill.plan.job import ChainPlan, JobInput, JobPlan, Output, OutputMode, SideInput
from gristmill.plan.measured import StageMeasure
from gristmill.plan.schema import SortKey
from gristmill.plan.source import FileSource, JobSource, Source, Split
from gristmill.plan.sql_layout import lay_out
from gristmill.plan.stage import Stage, StageGraph, Step
from gristmill.units import bytes_text

WIDTH = 120
_LABEL_WIDTH = 12
_MODES = {
    OutputMode.ERROR: "must be new",
    OutputMode.OVERWRITE: "replaces what is there",
    OutputMode.APPEND: "added to what is there",
}


def explain(chain: ChainPlan, graph: StageGraph | None, tier: str = "", measured: Sequence[StageMeasure] = ()) -> str:
    """The chain as text: where it runs and why (``tier``), and for each job its inputs, fragments, exchanges, outputs.

    With ``graph``, the planned stages, files, bytes and tasks are counted; with ``measured``, each stage says what it
    did (EXPLAIN ANALYZE). Ends without a line break.
    """
    jobs = _count(len(chain.jobs), "job")
    by_stage = {measure.stage: measure for measure in measured}
    texts = [_JobText(chain, job, graph, by_stage) for job in chain.jobs]
    rows = [list(text.rows()) for text in texts]
    width = max([_LABEL_WIDTH, *(len(row.label) for of_job in rows for row in of_job)])
    blocks = [f"{jobs}, {tier}" if tier else jobs]
    for text, of_job in zip(texts, rows, strict=True):
        blocks.append("\n".join([text.title, *(line for row in of_job for line in row.lines(width))]))
    return "\n\n".join(blocks)


@dataclass(frozen=True, slots=True)
class _Row:
    """A label, what it says, and below it what is too long to stand beside it."""

    label: str
    text: str
    below: str = ""

    def lines(self, width: int) -> Iterator[str]:
        yield f"  {self.label:<{width}}  {self.text}".rstrip()
        margin = " " * (width + 6)
        for line in self.below.splitlines():
            hang = " " * (len(line) - len(line.lstrip()) + 2)
            yield from textwrap.wrap(
                line,
                WIDTH,
                initial_indent=margin,
                subsequent_indent=margin + hang,
                break_long_words=False,
                break_on_hyphens=False,
            )


@dataclass(frozen=True, slots=True)
class _JobText:
    """What there is to say about one job."""

    chain: ChainPlan
    job: JobPlan
    graph: StageGraph | None
    measured: Mapping[StageId, StageMeasure]

    @property
    def title(self) -> str:
        return f"job {self.job.name}" + (f": {self.job.note}" if self.job.note else "")

    def rows(self) -> Iterator[_Row]:
        for input_ in self.job.inputs:
            yield from self._input(input_)
        for side in self.job.side_inputs:
            yield _Row(f"side {side.name}", f"{self._side(side)}; whole to every task")
        yield from self._reduce()
        yield from self._outputs()

    def _input(self, input_: JobInput) -> Iterator[_Row]:
        yield _Row(f"input {input_.name}", self._source(input_.source, input_.name))
        if input_.map is not None:
            yield _fragment("  map", self._where_mapped(input_), input_.map)
        elif isinstance(input_.source, FileSource) and self.graph is not None:
            yield _Row("  map", f"{self._where_mapped(input_)}: as read")
        yield from self._measures(Side.MAP, input_.name, "  measured")
        if not self._fused:
            note = f" ({input_.note})" if input_.note else ""
            yield _Row("  exchange", self._exchange(input_) + note)
        elif input_.note:
            yield _Row("  note", input_.note)

    def _source(self, source: Source, name: str) -> str:
        if not isinstance(source, FileSource):
            way = "in its tasks" if self._fused else "through the shuffle"
            return f"from job {source.job}, {way}, nothing stored between"
        shown = ", ".join(source.uris[:2]) + (f" and {len(source.uris) - 2} more" if len(source.uris) > 2 else "")
        whole = " whole" if source.whole else ""
        splits = self._splits(name)
        return f"{shown} ({source.format}{whole}{'' if splits is None else ', ' + _measure(splits)})"

    def _side(self, side: SideInput) -> str:
        if isinstance(side.source, JobSource):
            return f"from job {side.source.job}"
        return self._source(side.source, side.name)

    def _splits(self, name: str) -> Sequence[Split] | None:
        """What was planned for an input or side input from files."""
        for stage in self.graph.stages if self.graph else ():
            if stage.scan is not None and stage.id == StageId(self.job.name, Side.MAP, name):
                return stage.scan.splits
            for side in (side for step in _steps(stage) if step.job == self.job.name for side in step.sides):
                if side.name == name:
                    return side.splits
        return None

    def _where_mapped(self, input_: JobInput) -> str:
        """Whose tasks run the map of this input, and how many."""
        if not isinstance(input_.source, FileSource):
            return f"at the end of the tasks of {input_.source.job}"
        stage = self._stage(Side.MAP, input_.name)
        return _count(stage.tasks, "task") if stage else ""

    def _stage(self, side: Side, input_: str = "") -> Stage | None:
        wanted = StageId(self.job.name, side, input_)
        return next((stage for stage in self.graph.stages if stage.id == wanted), None) if self.graph else None

    @property
    def _fused(self) -> bool:
        """Whether the job has no reduce stage of its own."""
        return self.job.map_only if self.graph is None else self._stage(Side.REDUCE) is None

    def _exchange(self, input_: JobInput) -> str:
        stage = self._stage(Side.REDUCE)
        planned = next((read.spec for read in stage.reads if read.input == input_.name), None) if stage else None
        kind = planned.kind if planned else input_.exchange or self.job.partition
        partitions = planned.partitions if planned else self.job.partitions
        if kind is ExchangeKind.BROADCAST:
            return "broadcast to every reducer"
        over = f", {_count(partitions, 'partition')}" if partitions and kind is not ExchangeKind.SINGLE else ""
        order = planned.order if planned else self.job.sort
        ordered = bool(order) and (bool(self.job.sort) or kind is ExchangeKind.RANGE)
        return f"{self._ways(kind, input_)}{over}" + (f", ordered by {_order(order)}" if ordered else "")

    def _ways(self, kind: ExchangeKind, input_: JobInput) -> str:
        keys = ", ".join(input_.key)
        match kind:
            case ExchangeKind.HASH:
                return f"duckdb hash({keys})" if self.job.hash is HashName.DUCKDB else f"hash({keys})"
            case ExchangeKind.RANGE:
                return "ranges in total order"
            case ExchangeKind.SINGLE:
                return "all rows to one reducer"
            case ExchangeKind.CUSTOM if self.job.partitioner is not None:
                return f"{self.job.partitioner.entry}({keys})"
            case _:
                return str(kind)

    def _reduce(self) -> Iterator[_Row]:
        job, stage = self.job, self._stage(Side.REDUCE)
        if job.combine is not None:
            yield _fragment("combine", "", job.combine)
        single = f"[single reducer: {job.single_reason}]" if job.single_reason else ""
        where = _count(stage.tasks, "task") if stage else "in the same tasks" if self.graph else ""
        tasks = " ".join(part for part in (where, single) if part)
        if job.reduce is not None:
            yield _fragment("reduce", tasks, job.reduce)
        elif not self._fused or single:
            yield _Row("reduce", f"{_before(tasks)}rows in order")
        yield from self._measures(Side.REDUCE, "", "measured")

    def _measures(self, side: Side, input_: str, label: str) -> Iterator[_Row]:
        """What a stage did, if it ran."""
        if (measure := self.measured.get(StageId(self.job.name, side, input_))) is not None:
            yield _Row(label, "", measure.text()) if len(measure.text()) > WIDTH - 16 else _Row(label, measure.text())

    def _outputs(self) -> Iterator[_Row]:
        for output in self.job.outputs:
            yield _Row(f"output {output.name}".rstrip(), _output(output))
        if not self.job.outputs and self.job is self.chain.result_job:
            yield _Row("output", "to the caller")


def _steps(stage: Stage) -> Iterator[Step]:
    yield stage.body
    for outlet in stage.outlets:
        yield from outlet.steps


def _fragment(label: str, tasks: str, fragment: Fragment) -> _Row:
    """The fragment beside its label, or below it where it is long."""
    match fragment:
        case PythonFragment(function, calling):
            called = "" if calling is Calling.PAIRS else f" ({calling})"
            body = f"python {function.entry}{called}"
        case CommandFragment(argv):
            body = f"command {' '.join(argv)}"
        case SqlFragment(sql):
            body = textwrap.dedent(sql).strip()
    beside = _before(tasks) + body
    if "\n" not in body and len(beside) <= WIDTH - _LABEL_WIDTH - 4:
        return _Row(label, beside)
    laid_out = lay_out(body) if isinstance(fragment, SqlFragment) and "\n" not in body else body
    return _Row(label, _before(tasks).strip(), laid_out)


def _before(tasks: str) -> str:
    return f"{tasks} " if tasks.endswith("]") else f"{tasks}: " if tasks else ""


def _order(order: Sequence[SortKey]) -> str:
    return ", ".join(
        term.by + (" DESC" if term.desc else "") + (" NULLS FIRST" if term.nulls_first else "") for term in order
    )


def _output(output: Output) -> str:
    parts = [str(output.format), output.compression, _MODES[output.mode]]
    if output.partition_by:
        parts.append(f"folders by {', '.join(output.partition_by)}")
    return f"{output.uri} ({', '.join(part for part in parts if part)})"


def _measure(splits: Sequence[Split]) -> str:
    """Files, bytes and rows of what was planned."""
    files = {piece.uri for split in splits for piece in split.pieces}
    parts = [_count(len(files), "file"), bytes_text(sum(split.bytes_ for split in splits))]
    rows = [split.rows for split in splits]
    if rows and None not in rows:
        parts.append(_count(sum(count for count in rows if count is not None), "row"))
    return ", ".join(parts)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
