"""What keeps a worker within its memory: the agent has it look all the time, and asks it why an executor was killed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from logging import WARNING

from gristmill.errors import FragmentError, GristmillError
from gristmill.logs import log
from gristmill.wire.agent_config import AgentConfig
from gristmill.worker.host_link import HostLink
from gristmill.worker.memory import MemoryMeter, held
from gristmill.worker.slots import Slot

CHECK_EVERY_S = 0.05
"""How often a busy worker is looked at that has little left; one that has more, no sooner than that could be filled."""
LONGEST_CHECK_S = 0.25
FILLED_BYTES_PER_S = 4 << 30
IDLE_CHECK_EVERY_S = 0.5
CONTAINER_HEADROOM_BYTES = 64 << 20
"""How much can be taken between two looks; a container that reaches its limit is ended whole."""
SUSPECT_SHARE = 0.6
"""An executor that is killed from outside while the worker holds so much of its memory was killed for that."""


class MemoryWatch:
    """Measures what the worker holds with all its processes; ``peak_bytes`` is the most since it was last set."""

    def __init__(self, config: AgentConfig, slots: Sequence[Slot], executors: HostLink) -> None:
        self.peak_bytes = 0
        self._config = config
        self._slots = slots
        self._executors = executors
        self._limit_bytes = _limit_bytes(config)
        self._meter = MemoryMeter(self._limit_bytes)
        self._used_bytes: deque[int] = deque([0], maxlen=4)

    def measure(self) -> int:
        """Bytes that count against the memory now: those of all its processes, in a pod of the other container."""
        if self._config.pod:
            roots = [self._executors.host_pid] if self._executors.host_pid else []
        else:
            roots = [os.getpid(), *(slot.pid for slot in self._slots if slot.pid is not None)]
        used = self._meter.used(roots)
        self._used_bytes.append(used)
        self.peak_bytes = max(self.peak_bytes, used)
        return used

    async def keep(self, busy: Callable[[], bool]) -> None:
        """Ends the largest executor before the worker is over its memory; looks more often while it is ``busy``."""
        while True:
            left_bytes = self._limit_bytes - self.measure()
            if left_bytes < 0:
                largest = max(self._slots, key=lambda slot: held(slot.pid) if slot.pid else 0)
                log(__name__, WARNING, "over memory: ending the largest executor", slot=largest.number)
                largest.kill("oom")
            await asyncio.sleep(next_look_s(left_bytes) if busy() else IDLE_CHECK_EVERY_S)

    def suspects(self, status: int | None) -> bool:
        """Whether an executor that ended so was killed for memory, by the system or with its container."""
        tight = max(self._used_bytes) > SUSPECT_SHARE * self._limit_bytes
        return tight and status in (None, -signal.SIGKILL)

    def exceeded(self, attempt: str) -> GristmillError:
        """The error of an attempt that was ended for memory."""
        return FragmentError(
            f"the worker was over its {self._config.memory_bytes >> 20} MiB, so the executor of this attempt was ended",
            place=f"attempt {attempt}",
            remedy="give workers more memory (--memory), or use more partitions",
        )


def next_look_s(left_bytes: int) -> float:
    """How long a busy worker that has so much left need not be looked at: a look reads a score of files."""
    return min(max(CHECK_EVERY_S, left_bytes / FILLED_BYTES_PER_S), LONGEST_CHECK_S)


def _limit_bytes(config: AgentConfig) -> int:
    """From where on executors are ended."""
    if not config.pod:
        return config.memory_bytes
    return config.memory_bytes - min(CONTAINER_HEADROOM_BYTES + config.memory_bytes // 50, config.memory_bytes // 4)
