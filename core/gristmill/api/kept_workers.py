"""Worker processes that are kept from run to run: by a session, or by this process for ``gm.run`` and ``gm.sql``.

Workers have the environment, the working directory and the import path of the moment they were started in; a run that
finds other ones gets new workers.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from weakref import WeakSet

from gristmill.coordinator.embedded import EmbeddedPool
from gristmill.coordinator.session import WorkerSpec
from gristmill.errors import InvalidPlan


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What workers take over from this process when they start; runs that find other ones need other workers."""

    spec: WorkerSpec
    environment: tuple[tuple[str, str], ...]
    path: tuple[str, ...]
    folder: str

    @classmethod
    def now(cls, spec: WorkerSpec) -> _Surroundings:
        return cls(spec, tuple(sorted(os.environ.items())), tuple(sys.path), os.getcwd())


class KeptWorkers:
    """The workers of the last run, for the next one if it wants the same. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._present: tuple[_Surroundings, EmbeddedPool] | None = None
        self._pools: WeakSet[EmbeddedPool] = WeakSet()
        """The present one, and those that ended or still run what began before it."""
        _all.add(self)

    @contextmanager
    def borrowed(self, spec: WorkerSpec, idle_s: float) -> Iterator[EmbeddedPool]:
        """Workers for one run: those that are there, or new ones."""
        pool = self._admitted(_Surroundings.now(spec), idle_s)
        try:
            yield pool
        finally:
            pool.release()

    def _admitted(self, wanted: _Surroundings, idle_s: float) -> EmbeddedPool:
        with self._lock:
            self.refuse_if_closed()
            if self._present is not None:
                surroundings, pool = self._present
                if surroundings == wanted and pool.admit():
                    return pool
                pool.retire()
            pool = EmbeddedPool(wanted.spec, idle_s)
            self._present = (wanted, pool)
            self._pools.add(pool)
            _pools.add(pool)
            return pool

    def refuse_if_closed(self) -> None:
        """Raises InvalidPlan where there will be no workers any more."""
        if self._closed:
            raise InvalidPlan("its session is closed", place="gm.Session", remedy="run it inside of the with block")

    def close(self) -> None:
        """Cancels what runs, and ends the workers; there will be no others."""
        with self._lock:
            self._present, self._closed = None, True
            pools = list(self._pools)
        for pool in pools:
            pool.close()

    def forget(self) -> None:
        """In a copy of the process: the workers are its parent's."""
        self._lock = threading.Lock()
        self._present = None
        self._pools = WeakSet()


_all: WeakSet[KeptWorkers] = WeakSet()
_of_process = KeptWorkers()
_pools: WeakSet[EmbeddedPool] = WeakSet()
"""All that live, those too that nobody keeps any more."""


def _after_fork() -> None:
    for kept in _all:
        kept.forget()
    _pools.clear()


@atexit.register
def _at_exit() -> None:
    for kept in list(_all):
        kept.close()
    for pool in list(_pools):
        pool.close()


os.register_at_fork(after_in_child=_after_fork)


def workers_of_process() -> KeptWorkers:
    """Those that ``gm.run`` and ``gm.sql`` share."""
    return _of_process
