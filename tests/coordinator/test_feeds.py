"""What workers are told of exchanges: everything once, and everything again once agents have forgotten it."""

from __future__ import annotations

from gristmill.coordinator.feeds import FeedBook
from gristmill.ids import ExchangeId, Side, StageId, WorkerId
from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.stage import ExchangeWrite, Stage, StageGraph, Step
from gristmill.plan.task import Location, MapOutput

EXCHANGE = ExchangeId("job", "in")
READER = WorkerId("reader")


def _book() -> FeedBook:
    write = ExchangeWrite(EXCHANGE, Exchange(ExchangeKind.HASH, 1, ("key",)))
    stage = Stage(StageId("job", Side.MAP, "in"), 2, Step("job", "in", None), (write,))
    return FeedBook(StageGraph((stage,), "job"))


def _output(order: int, worker: str) -> MapOutput:
    return MapOutput(EXCHANGE, Location(worker, "host", f"/{order}"), order, 1, 8, (1,), (8,), (), "c")


def _told(book: FeedBook) -> list[int] | None:
    news = book.news(READER, EXCHANGE)
    return None if news is None else [output.task_order for output in news.outputs]


def test_a_worker_is_told_each_output_once() -> None:
    book = _book()
    book.add(_output(0, "a"), WorkerId("a"))
    assert _told(book) == [0]
    book.add(_output(1, "b"), WorkerId("b"))
    assert _told(book) == [1]
    assert _told(book) is None


def test_a_released_exchange_that_is_read_again_is_told_whole() -> None:
    book = _book()
    book.add(_output(0, "a"), WorkerId("a"))
    book.add(_output(1, "b"), WorkerId("b"))
    book.seal(EXCHANGE, anew=False)
    assert _told(book) == [0, 1]
    assert book.release(EXCHANGE) == {"a", "b"}
    book.reopen(EXCHANGE)
    book.add(_output(1, "c"), WorkerId("c"))
    assert _told(book) == [0, 1, 1]


def test_workers_hold_outputs_until_they_are_released() -> None:
    book = _book()
    book.add(_output(0, "a"), WorkerId("a"))
    book.add(_output(0, "b"), WorkerId("b"))
    assert book.holders() == {"b"}
    book.release(EXCHANGE)
    assert book.holders() == set()
    book.add(_output(0, "c"), WorkerId("c"))
    assert book.holders() == {"c"}
