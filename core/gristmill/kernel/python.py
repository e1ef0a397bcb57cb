"""Python fragments: a user's function as the map or the reduce of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from gristmill.errors import FragmentError
from gristmill.kernel.annotations import annotated_schema
from gristmill.kernel.calls import Calls, MapCalls, ReduceCalls, short
from gristmill.kernel.collect import collect, collect_routed
from gristmill.kernel.columns import Typed, WidenedSchema, one_batch, pair_schema
from gristmill.kernel.combining import GroupCombine
from gristmill.kernel.context import Sides
from gristmill.kernel.groups import MergedGroups, SortedGroups, key_terms
from gristmill.kernel.inputs import Input
from gristmill.kernel.mapcombine import MapCombiner
from gristmill.kernel.records import without
from gristmill.kernel.streams import Stream
from gristmill.kernel.user_code import blamed, load
from gristmill.kernel.work import Work, step_name
from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.fragment import Calling, PythonFragment
from gristmill.plan.schema import Schema
from gristmill.plan.stage import ExchangeRead, Step
from gristmill.rows.types import arrow_schema, cast_table, schema_of, unify


class PythonStep:
    """A step whose fragment is Python: its function, called over an input or over groups."""

    def __init__(self, step: Step, fragment: PythonFragment, sides: Sides, work: Work) -> None:
        self._step = step
        self._fragment = fragment
        self._sides = sides
        self._work = work
        self._function = load(fragment.function)
        self.name = fragment.function.entry.rpartition(":")[2] or fragment.function.entry

    def map(self, rows: Input) -> Iterator[pa.RecordBatch]:
        """Batches of what the function gives for each record of ``rows``."""
        if self._fragment.calling is Calling.BATCHES:
            return self._map_batches(rows.stream())
        return collect(self._calls(rows), self._fragment.calling, self._typed())

    def map_combined(self, rows: Input, combine: PythonFragment) -> Iterator[pa.RecordBatch]:
        """As ``map``, for pairs, with ``combine`` applied to the values of each key."""
        return MapCombiner(self._calls(rows), group_combine(combine), self._typed()).batches()

    def reduce(self, inputs: Sequence[tuple[ExchangeRead, Stream]]) -> Iterator[pa.RecordBatch]:
        """Batches of what the function gives for each group of the partition."""
        if self._fragment.calling is Calling.BATCHES:
            return self._reduce_batches(inputs)
        return collect(self._group_calls(inputs), self._fragment.calling, self._typed())

    def map_routed(self, rows: Input, outputs: tuple[str, ...]) -> Iterator[tuple[str, pa.RecordBatch]]:
        """As ``map``, for a job with several outputs."""
        if self._fragment.calling is Calling.BATCHES:
            return ((outputs[0], batch) for batch in self.map(rows))
        return collect_routed(self._calls(rows), self._fragment.calling, outputs, self._typed)

    def reduce_routed(
        self, inputs: Sequence[tuple[ExchangeRead, Stream]], outputs: tuple[str, ...]
    ) -> Iterator[tuple[str, pa.RecordBatch]]:
        """As ``reduce``, for a job with several outputs."""
        if self._fragment.calling is Calling.BATCHES:
            return ((outputs[0], batch) for batch in self.reduce(inputs))
        return collect_routed(self._group_calls(inputs), self._fragment.calling, outputs, self._typed)

    def _typed(self, output: str = "") -> Typed:
        key = (step_name(self._step), output)
        empty = pair_schema() if self._fragment.calling is Calling.PAIRS else ()
        return Typed(self._declared(), self._work.pinned.get(key), key, empty, key[0] in self._work.mixed)

    def _declared(self) -> Schema | None:
        return self._fragment.schema or annotated_schema(self._function, self._fragment.calling)

    def _calls(self, rows: Input) -> MapCalls:
        chunks = without(rows.chunks(), self._work.skip, self._work.left_out) if self._work.skip else rows.chunks()
        return MapCalls(self._function, self.name, chunks, self._work.context, self._sides)

    def _group_calls(self, inputs: Sequence[tuple[ExchangeRead, Stream]]) -> Calls:
        file = f"{self._step.job} reduce#{self._work.partition}"
        calls = ReduceCalls(self._function, self.name, grouped(inputs), file, self._work.context, self._sides)
        calls.leave_out(self._work.skip, self._work.left_out)
        return calls

    def _map_batches(self, rows: Stream) -> Iterator[pa.RecordBatch]:
        def given() -> Iterator[tuple[str, Any]]:
            first = 0
            for batch in rows:
                place = f"{rows.origin}, rows {first} to {first + batch.num_rows - 1}, {self.name}"
                first += batch.num_rows
                self._work.context.sides = self._sides
                try:
                    yield from ((place, each) for each in _tables(self._function(batch)))
                    self._work.context.end_if_forked()
                except BaseException as error:
                    raise blamed(error, place) from error

        return self._uniform(given())

    def _reduce_batches(self, inputs: Sequence[tuple[ExchangeRead, Stream]]) -> Iterator[pa.RecordBatch]:
        place = f"{self._step.job} reduce#{self._work.partition}, {self.name}"

        def given() -> Iterator[tuple[str, Any]]:
            self._work.context.sides = self._sides
            try:
                if len(inputs) == 1:
                    result = self._function(iter(inputs[0][1]))
                else:
                    result = self._function(**{read.input: iter(stream) for read, stream in inputs})
                yield from ((place, each) for each in _tables(result))
                self._work.context.end_if_forked()
            except BaseException as error:
                raise blamed(error, place) from error

        return self._uniform(given())

    def _uniform(self, given: Iterator[tuple[str, Any]]) -> Iterator[pa.RecordBatch]:
        """The tables that a function gave as batches of one schema."""
        key = (step_name(self._step), "")
        schema = self._fragment.schema or self._work.pinned.get(key)
        empty = True
        for place, table in given:
            self._work.context.end_if_forked()
            found = schema_of(table.schema)
            schema = schema or found
            if self._fragment.schema is None and found != schema:
                wider = unify([schema, found], place)
                if wider != schema:
                    raise WidenedSchema(key, wider)
            yield one_batch(cast_table(table, schema))
            empty = False
        if empty:
            yield one_batch(arrow_schema(schema or ()).empty_table())


def _tables(result: Any) -> Iterator[pa.Table]:
    """What a function over batches gave, as tables."""
    if isinstance(result, pa.Table):
        yield result
    elif isinstance(result, pa.RecordBatch):
        yield pa.Table.from_batches([result])
    elif isinstance(result, Iterable) and not isinstance(result, (str, bytes, dict)):
        for each in result:
            yield from _tables(each)
    else:
        raise FragmentError(
            f"it gave {short(result)} ({type(result).__name__})",
            remedy="Expected a pyarrow.RecordBatch or Table, or an iterator of them.",
        )


def grouped(inputs: Sequence[tuple[ExchangeRead, Stream]]) -> SortedGroups | MergedGroups:
    """The groups of a reduce over one or several sorted inputs."""
    each = [(read.input, SortedGroups(stream, read.spec.keys)) for read, stream in inputs]
    if len(each) == 1:
        return each[0][1]
    broadcast = frozenset(read.input for read, _ in inputs if read.spec.kind is ExchangeKind.BROADCAST)
    lead = next((read for read, _ in inputs if read.input not in broadcast), inputs[0][0])
    return MergedGroups(each, key_terms(lead.spec.keys, lead.spec.order), broadcast)


def group_combine(fragment: PythonFragment) -> GroupCombine:
    """A combine of pairs, ready to be called."""
    function: Callable[..., Any] = load(fragment.function)
    return GroupCombine(function, f"combine {fragment.function.entry.rpartition(':')[2]}")
