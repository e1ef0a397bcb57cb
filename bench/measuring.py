"""What all benchmarks share: timing two ways of one job in turn, sampling memory, and printing rows of a table.

Ratios within one run are what counts; machines differ and are noisy. Data is generated once below ``GRISTMILL_BENCH``
(default: ``gristmill/bench`` in the user's cache folder).
"""

from __future__ import annotations

import itertools
import os
import platform
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gristmill.worker.processes import family, memory_bytes, proportional_bytes


def data_folder(name: str) -> Path:
    """A folder for generated data, made if need be."""
    base = os.environ.get("GRISTMILL_BENCH")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = (Path(base) if base else cache / "gristmill" / "bench") / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def machine() -> str:
    """The machine in a few words, for the head of a table."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{model}, {os.cpu_count()} cores, {gib:.0f} GiB, Python {platform.python_version()}"


@dataclass
class Timed:
    """Seconds of each run of one way, and the processor seconds of this process and of all below it."""

    name: str
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    @property
    def median_s(self) -> float:
        """The figure to quote."""
        return statistics.median(self.seconds)


def in_turn(ways: Sequence[tuple[str, Callable[[], object]]], runs: int) -> list[Timed]:
    """Runs the ways A B A B …, ``runs`` times each, so that a drift of the machine meets all alike."""
    timed = [Timed(name) for name, _ in ways]
    for _ in range(runs):
        for record, (_, way) in zip(timed, ways, strict=True):
            start, cpu_start = time.perf_counter(), _cpu_seconds()
            way()
            record.seconds.append(time.perf_counter() - start)
            record.cpu_seconds.append(_cpu_seconds() - cpu_start)
    return timed


def _cpu_seconds() -> float:
    """Of this process, of all that run below it, and of those that they have waited for."""
    return sum(map(_cpu_of, family(os.getpid())))


def _cpu_of(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def report(title: str, timed: Sequence[Timed], bound: float | None = None) -> float:
    """Prints the ways with their medians, and the first's ratio to the second against the wanted bound."""
    print(f"\n## {title}")
    for record in timed:
        each = ", ".join(f"{second:.2f}" for second in record.seconds)
        cpu = f", processor {statistics.median(record.cpu_seconds):.2f} s" if record.cpu_seconds else ""
        print(f"{record.name:<44} median {record.median_s:8.2f} s   ({each}){cpu}")
    if len(timed) < 2:
        return 1.0
    ratio = timed[0].median_s / timed[1].median_s
    verdict = "" if bound is None else f"   wanted: at most {bound:.2f}  {'reached' if ratio <= bound else 'MISSED'}"
    print(f"ratio {ratio:.2f}{verdict}")
    return ratio


@dataclass
class PeakMemory:
    """The most that any of several groups of processes held; shared pages count a part for each process.

    To ask for that takes so long that it would slow down what is timed, so it is asked only where a group may hold more
    than any did before, by what it holds without regard to sharing and by what was shared last.
    """

    bytes_: int = 0
    _shared: dict[str, int] = field(default_factory=dict)

    def look(self, group: str, processes: Sequence[int]) -> None:
        """Takes down what the processes of a group hold now."""
        held = sum(map(memory_bytes, processes))
        if held - self._shared.get(group, 0) > self.bytes_:
            exact = sum(map(proportional_bytes, processes))
            self._shared[group] = held - exact
            self.bytes_ = max(self.bytes_, exact)


_SAMPLES_A_LISTING = 5


class WorkerMemory:
    """Samples, from outside, what each worker (an agent with its executors) holds; for use as a context."""

    def __init__(self, every_s: float = 0.05) -> None:
        self._peak = PeakMemory()
        self._every_s = every_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    @property
    def peak_bytes(self) -> int:
        """The most that any worker held."""
        return self._peak.bytes_

    def show(self, limit: str) -> None:
        """Prints the most that any worker held, if there was one."""
        if self.peak_bytes:
            print(f"Most memory of any worker: {self.peak_bytes / (1 << 20):.0f} MiB of {limit}.")

    def __enter__(self) -> WorkerMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        workers: dict[str, list[int]] = {}
        for sample in itertools.count():
            if self._done.wait(self._every_s):
                return
            if sample % _SAMPLES_A_LISTING == 0:
                workers = _workers()
            for worker, processes in workers.items():
                self._peak.look(worker, processes)


def _workers() -> dict[str, list[int]]:
    """The processes of each worker, by its name: agent and executors carry it in theirs."""
    workers: dict[str, list[int]] = {}
    for child in family(os.getpid()):
        try:
            kind, _, worker = Path(f"/proc/{child}/comm").read_text().strip().partition(" ")
        except OSError:
            continue
        if kind in ("gm-agent", "gm-exec"):
            workers.setdefault(worker, []).extend(family(child))
    return workers
