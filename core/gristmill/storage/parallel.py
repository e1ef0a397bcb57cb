"""Many requests to a store at a time, on threads: for waiting, not for computing."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar, overload

T = TypeVar("T")
R = TypeVar("R")

_AT_A_TIME = 32
_AHEAD = 4


def in_parallel(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """``work`` for each item; results in order, the first error raised."""
    todo = list(items)
    if len(todo) < 2:
        return [work(item) for item in todo]
    with ThreadPoolExecutor(min(_AT_A_TIME, len(todo)), "storage") as pool:
        return list(pool.map(work, todo))


class ByteBudget:
    """Bytes that all threads of a process may hold at a time; who would go beyond waits. More than all of it is taken
    alone."""

    def __init__(self, bytes_: int) -> None:
        self.bytes_ = bytes_
        self._held = 0
        self._free = threading.Condition()
        os.register_at_fork(after_in_child=self._begin_anew)

    def _begin_anew(self) -> None:
        """The threads that hold some, or the lock, are not in this copy of the process."""
        self._held, self._free = 0, threading.Condition()

    @contextmanager
    def taken(self, bytes_: int) -> Iterator[None]:
        """For use around what holds ``bytes_``."""
        with self._free:
            self._free.wait_for(lambda: not self._held or self._held + bytes_ <= self.bytes_)
            self._held += bytes_
        try:
            yield
        finally:
            with self._free:
                self._held -= bytes_
                self._free.notify_all()


A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


@overload
def at_once(one: Callable[[], A], two: Callable[[], B], /, *, here: bool) -> tuple[A, B]: ...
@overload
def at_once(one: Callable[[], A], two: Callable[[], B], three: Callable[[], C], /, *, here: bool) -> tuple[A, B, C]: ...
@overload
def at_once(
    one: Callable[[], A], two: Callable[[], B], three: Callable[[], C], four: Callable[[], D], /, *, here: bool
) -> tuple[A, B, C, D]: ...
def at_once(*questions: Callable[[], Any], here: bool) -> tuple[Any, ...]:
    """The answers to different questions, asked at the same time; the first error raised.

    One after the other where they lie on this machine (``here``): a disk answers before a thread has started.
    """
    if here:
        return tuple(ask() for ask in questions)
    return tuple(in_parallel(lambda ask: ask(), questions))


def ahead(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """``work`` for each item; results in order, while the next few are being worked on."""
    with ThreadPoolExecutor(_AHEAD, "storage-ahead") as pool:
        running: deque[Future[R]] = deque()
        try:
            for item in items:
                running.append(pool.submit(work, item))
                if len(running) > _AHEAD:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()
