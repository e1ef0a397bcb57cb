"""The book of map output: for each exchange what was written, and once it is sealed its types and range bounds.

The chain run tells it of accepted outputs and asks for what a worker has not been told yet. It decides nothing about
when an exchange is sealed; that is the scheduler's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pyarrow as pa

from gristmill.ids import ExchangeId, WorkerId
from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.schema import Schema
from gristmill.plan.stage import StageGraph
from gristmill.plan.task import ExchangeFeed, MapOutput
from gristmill.rows.key_fields import key_field
from gristmill.rows.types import arrow_schema, schema_of, unify


@dataclass(slots=True)
class _Book:
    """One exchange. ``log`` grows only; a later output of the same task order replaces an earlier one."""

    spec: Exchange
    log: list[MapOutput] = field(default_factory=list)
    writers: dict[int, WorkerId] = field(default_factory=dict)
    """By task order: who wrote what is valid now."""
    released: bool = False
    sealed: bool = False
    seals: int = 0
    """How often it was sealed or reopened, so that workers hear of each change."""
    schema: Schema = ()
    bounds: bytes = b""

    @property
    def meets_by_key(self) -> bool:
        """Whether its rows, of known types, meet those of other inputs by their keys."""
        return bool(self.schema and self.spec.keys) and self.spec.kind in _BY_KEY


_BY_KEY = (ExchangeKind.HASH, ExchangeKind.RANGE, ExchangeKind.CUSTOM, ExchangeKind.SINGLE)


def _is_range(book: _Book) -> bool:
    return book.spec.kind is ExchangeKind.RANGE


def _key_types(book: _Book) -> Schema:
    """The types of the keys, named by their positions: inputs may call theirs differently."""
    schema = arrow_schema(book.schema)
    fields = [key_field(schema, key)[0].with_name(f"key {at}") for at, key in enumerate(book.spec.keys, start=1)]
    return schema_of(pa.schema(fields))


class FeedBook:
    """Feeds of all exchanges of a chain, and how much of each every worker knows."""

    def __init__(self, graph: StageGraph) -> None:
        self._books = {exchange: _Book(spec) for stage in graph.stages for exchange, spec, _ in stage.writes}
        self._told: dict[tuple[WorkerId, ExchangeId], tuple[int, int]] = {}

    def add(self, output: MapOutput, worker: WorkerId) -> None:
        """An accepted output of that worker. Readers need its place and size, not the figures per partition."""
        slim = replace(output, partition_rows=(), partition_bytes=(), sample=b"")
        book = self._books[output.exchange]
        book.writers[output.task_order] = worker
        book.released = False
        book.log.append(slim if book.spec.kind is not ExchangeKind.RANGE else replace(slim, sample=output.sample))

    def seal(self, exchange: ExchangeId, *, anew: bool) -> None:
        """All outputs are there: unifies their types, and chooses range bounds from samples of all the job's inputs.

        Sealed again after losses, it keeps both, unless rows changed and they must be chosen ``anew``. Raises
        TypeConflict, naming the exchange, where outputs cannot be unified, or their keys with those of another input
        of the job: keys without a common type do not meet in one partition.
        """
        book = self._books[exchange]
        outputs = self._outputs(exchange)
        if anew:
            book.schema, book.bounds = (), b""
        if not book.schema:
            schemas = list(dict.fromkeys(output.schema for output in outputs if output.schema))
            book.schema = unify(schemas, f"input {exchange.input!r} of job {exchange.job!r}") if schemas else ()
            self._check_keys(exchange.job)
        book.sealed = True
        book.seals += 1
        if book.spec.kind is ExchangeKind.RANGE and not book.bounds:
            self._choose_bounds(exchange.job)

    def reopen(self, exchange: ExchangeId) -> None:
        """Outputs were lost and are written again."""
        book = self._books[exchange]
        book.sealed = False
        book.seals += 1

    def news(self, worker: WorkerId, exchange: ExchangeId) -> ExchangeFeed | None:
        """What this worker has not been told of the exchange; None if it knows all. Counts as told."""
        book = self._books[exchange]
        told = self._told.get((worker, exchange), (0, -1))
        now = (len(book.log), book.seals)
        if told == now:
            return None
        self._told[worker, exchange] = now
        fresh = tuple(replace(output, sample=b"") for output in book.log[told[0] :])
        return ExchangeFeed(exchange, fresh, book.schema, book.bounds, book.sealed)

    def release(self, exchange: ExchangeId) -> set[WorkerId]:
        """Nobody reads the exchange any more; the workers that hold its outputs.

        Agents forget its feed then. Should it be read again all the same, for what was lost later, they are told all
        of it anew.
        """
        self._books[exchange].released = True
        self._told = {key: told for key, told in self._told.items() if key[1] != exchange}
        return set(self._books[exchange].writers.values())

    def holders(self) -> set[WorkerId]:
        """The workers that hold outputs which somebody may still read."""
        return {worker for book in self._books.values() if not book.released for worker in book.writers.values()}

    def _choose_bounds(self, job: str) -> None:
        """Cuts all inputs of a job at the same bounds, once the last of them is sealed: equal keys have to meet."""
        from gristmill.shuffle.bounds import choose_common_bounds

        ranges = {each: book for each, book in self._books.items() if each.job == job and _is_range(book)}
        if not all(book.sealed for book in ranges.values()):
            return
        partitions = next(iter(ranges.values())).spec.partitions
        samples = [[output.sample for output in self._outputs(each)] for each in ranges]
        found = choose_common_bounds(samples, [book.spec.range_order for book in ranges.values()], partitions)
        for book, bounds in zip(ranges.values(), found, strict=True):
            book.bounds = bounds
            book.seals += 1

    def _check_keys(self, job: str) -> None:
        """Raises TypeConflict where the keys by which inputs of a job meet have no common type."""
        keyed = {each.input: book for each, book in self._books.items() if each.job == job and book.meets_by_key}
        if len(keyed) > 1:
            unify([_key_types(book) for book in keyed.values()], f"the inputs {', '.join(keyed)} of job {job!r}")

    def _outputs(self, exchange: ExchangeId) -> list[MapOutput]:
        newest = {output.task_order: output for output in self._books[exchange].log}
        return [newest[order] for order in sorted(newest)]
