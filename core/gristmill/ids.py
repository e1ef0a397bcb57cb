"""Identities of the things that run: stages, tasks, attempts, exchanges, workers.

Every layer uses these, so that a log line, a metric and a file name say the same thing. Nothing here knows
what a stage does. Each id prints as a short path and parses back from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

WorkerId = NewType("WorkerId", str)
"""One worker agent: unique for the life of a pool, never reused after the worker left."""


class Side(StrEnum):
    """Which half of a job a stage is."""

    MAP = "map"
    REDUCE = "reduce"
    WRITE = "write"
    """Makes parts of rows that were held back till their types were known; one such stage for each output."""


@dataclass(frozen=True, slots=True, order=True)
class StageId:
    """All tasks of one side of a job; a job has a map stage for each of its inputs that comes from storage.

    ``input`` is the input of a map stage, the output of a write stage (empty for a job's only output).
    """

    job: str
    side: Side
    input: str = ""

    def __str__(self) -> str:
        return f"{self.job}/{self.side}/{self.input}" if self.input else f"{self.job}/{self.side}"

    @classmethod
    def parse(cls, text: str) -> StageId:
        """The inverse of ``str``. Raises ValueError on anything else."""
        job, side, *rest = text.split("/", 2)
        return cls(job, Side(side), rest[0] if rest else "")


@dataclass(frozen=True, slots=True, order=True)
class TaskId:
    """One partition of a stage: the split number of a map task, the partition number of a reduce task."""

    stage: StageId
    partition: int

    def __str__(self) -> str:
        return f"{self.stage}#{self.partition}"

    @classmethod
    def parse(cls, text: str) -> TaskId:
        """The inverse of ``str``. Raises ValueError on anything else."""
        stage, _, partition = text.rpartition("#")
        return cls(StageId.parse(stage), int(partition))


@dataclass(frozen=True, slots=True, order=True)
class AttemptId:
    """One try of a task, numbered from 0."""

    task: TaskId
    number: int

    def __str__(self) -> str:
        return f"{self.task}.{self.number}"

    @classmethod
    def parse(cls, text: str) -> AttemptId:
        """The inverse of ``str``. Raises ValueError on anything else."""
        task, _, number = text.rpartition(".")
        return cls(TaskId.parse(task), int(number))


@dataclass(frozen=True, slots=True, order=True)
class ExchangeId:
    """The way of one input's rows into its job: named by the job that reads and the input there."""

    job: str
    input: str

    def __str__(self) -> str:
        return f"{self.job}/{self.input}"

    @classmethod
    def parse(cls, text: str) -> ExchangeId:
        """The inverse of ``str``. Raises ValueError on anything else."""
        job, _, name = text.partition("/")
        if not name:
            raise ValueError(f"not an exchange id: {text!r}")
        return cls(job, name)
