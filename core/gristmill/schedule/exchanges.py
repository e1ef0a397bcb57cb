"""Which outputs of an exchange are there, and who still needs them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from gristmill.ids import ExchangeId
from gristmill.plan.exchange import ExchangeKind
from gristmill.schedule.stages import StageState
from gristmill.schedule.states import DONE

EARLY_KINDS = frozenset({ExchangeKind.HASH, ExchangeKind.SINGLE, ExchangeKind.CUSTOM})
"""A reader of these may fetch outputs as they appear; the others need all of them to know what is theirs."""


class ExchangeState:
    """One exchange. Its outputs are numbered by task order: the tasks of its writers, one stage after another."""

    __slots__ = (
        "changed",
        "early",
        "first_orders",
        "forward_readers",
        "gated_readers",
        "id",
        "lapsed",
        "missing",
        "present",
        "released",
        "sealed",
        "unfinished",
        "writers",
    )

    def __init__(self, id_: ExchangeId, kind: ExchangeKind) -> None:
        self.id = id_
        self.early = kind in EARLY_KINDS
        self.writers: list[StageState] = []
        self.first_orders: list[int] = []
        self.gated_readers: list[StageState] = []
        """Stages whose tasks each read outputs of all writers."""
        self.forward_readers: list[StageState] = []
        """Stages whose task p reads output p alone."""
        self.present = bytearray()
        """1 for each output that can be read."""
        self.missing = 0
        self.unfinished = 0
        """Reading tasks that are not done."""
        self.released = False
        self.lapsed = False
        """Some output was lost or released when nobody needed it, so its writer may be done all the same."""
        self.sealed = False
        """The coordinator was told that all outputs are there."""
        self.changed = False
        """Since the last seal a writer gave other rows than before."""

    def add_writer(self, stage: StageState) -> int:
        """The task order of that stage's task 0."""
        first = len(self.present)
        self.writers.append(stage)
        self.first_orders.append(first)
        self.present.extend(bytes(stage.tasks))
        self.missing = len(self.present)
        return first

    def writer(self, order: int) -> tuple[StageState, int]:
        """The stage and partition that write the output of that task order."""
        at = bisect_right(self.first_orders, order) - 1
        return self.writers[at], order - self.first_orders[at]

    def needs(self, order: int) -> bool:
        """Whether a reader that is not done will read that output."""
        if not self.unfinished:
            return False
        if any(reader.done < reader.tasks for reader in self.gated_readers):
            return True
        return any(order < reader.tasks and reader.states[order] != DONE for reader in self.forward_readers)

    def absent(self) -> Iterator[int]:
        """Task orders of the outputs that are not there."""
        order = self.present.find(0)
        while order >= 0:
            yield order
            order = self.present.find(0, order + 1)
