"""How the coordinator speaks to a worker: method calls, which become messages on a stream or run in this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gristmill.ids import AttemptId, ExchangeId
from gristmill.plan.codec import digest, digest_of_text, to_json
from gristmill.plan.fragment import PythonFragment
from gristmill.plan.job import Store
from gristmill.plan.stage import Stage
from gristmill.plan.task import ExchangeFeed, TaskOrder


@dataclass(frozen=True, slots=True)
class StagedPlan:
    """A stage with what is sent of it: its text once, then its digest, and that of the user's code that it loads.

    Without code of its own it is ``installed`` where functions come from what the worker has installed, else empty.
    """

    stage: Stage
    text: str
    digest: str
    code_digest: str

    @classmethod
    def of(cls, stage: Stage) -> StagedPlan:
        """Writes the text and computes both digests."""
        steps = (stage.body, *(step for outlet in stage.outlets for step in outlet.steps))
        specs = (*(spec for _, spec, _ in stage.writes), *(read.spec for read in stage.reads))
        codes = (*(step.code for step in steps), *(spec.code for spec in specs))
        digests = sorted({digest(code) for code in codes if code.inline or code.uri or code.requirements})
        functions = (*(step.fragment for step in steps), *(spec.combine for spec in specs))
        python = any(isinstance(each, PythonFragment) for each in functions) or any(spec.partitioner for spec in specs)
        text = to_json(stage)
        return cls(stage, text, digest_of_text(text), "+".join(digests) or ("installed" if python else ""))


class WorkerLink(Protocol):
    """One worker. Calls return at once; what is told in order arrives in order."""

    def feed(self, update: ExchangeFeed) -> None:
        """News of an exchange that the worker's tasks read."""

    def launch(self, plan: StagedPlan, order: TaskOrder) -> None:
        """Run this attempt, or queue it."""

    def cancel(self, attempt: AttemptId) -> None:
        """Stop this attempt, queued or running."""

    def release(self, run: str, exchange: ExchangeId) -> None:
        """Output of this exchange is not needed any more."""

    def stop(self) -> None:
        """End."""


class PoolLink(WorkerLink, Protocol):
    """A worker that serves one run after the other."""

    def serve(self, run: str, stores: tuple[Store, ...], logs: str) -> None:
        """What follows is of this run, whose files are reached so and whose logs go there (empty: nowhere); nothing of
        another run goes on there."""

    def forget(self, run: str) -> None:
        """The run is over: nobody will read any of its map output."""
