"""Many requests to a store at a time, on threads: for waiting, not for computing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_AT_A_TIME = 32


def in_parallel(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """``work`` for each item; results in order, the first error raised."""
    todo = list(items)
    if len(todo) < 2:
        return [work(item) for item in todo]
    with ThreadPoolExecutor(min(_AT_A_TIME, len(todo)), "storage") as pool:
        return list(pool.map(work, todo))
