"""Follows a run to its end: its status from the API server, and between its beginning and its end its lead, which
tells more and sooner.

For ``--wait``, ``sql --cluster`` and ``gm.run``. The API server may be away for minutes and leads may die: whoever
follows is told, and waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gristmill.api.cluster.failures import Forbidden, Missing, Silent, Unreachable
from gristmill.api.cluster.kinds import Body
from gristmill.api.cluster.lead import Lead
from gristmill.api.cluster.resources import Resources, ref_of
from gristmill.api.cluster.status import PENDING, has_ended, is_active, message_of, phase_of, progress_of
from gristmill.coordinator.progress import Progress

WATCH_S = 10
SHORT_S = 0.5
"""A run whose status moves on so fast is followed by that alone: reaching its lead would take longer."""
RETRY_S = 1
"""A lead that does not answer is asked again so soon."""
PATIENCE_S = 600.0
"""An API server may be away for so long before waiting is given up; the run itself goes on."""

Report = Callable[[Progress], None]


def never() -> bool:
    """Nothing but the end is enough."""
    return False


def follow(resources: Resources, body: Body, report: Report, enough: Callable[[], bool] = never) -> Body:
    """Waits until the run of ``body`` has ended, or ``enough`` is known of it, and returns the resource as it is then.

    Raises Missing where it is deleted meanwhile, Unreachable where the API server stays away.
    """
    return _Follower(resources, report, progress_of(body), enough).until_the_end(body)


@dataclass(slots=True)
class _Follower:
    resources: Resources
    report: Report
    last: Progress
    enough: Callable[[], bool]
    said: str = ""
    """The message of the status that was told last."""
    heard: set[str] = field(default_factory=set)
    """Pods of leads that have told the last of this run, or may not be asked."""
    away_since_s: float | None = None

    def until_the_end(self, body: Body) -> Body:
        self._tell(body)
        body = self._while_it_moves(body)
        while not (has_ended(body) or self.enough()):
            lead = self.resources.lead_of(body) if is_active(body) else ""
            wants = bool(lead) and lead not in self.heard
            if wants:
                self._listen(lead, body["metadata"]["uid"])
            body = self._next(body, RETRY_S if wants and lead not in self.heard else WATCH_S)
            self._tell(body)
        return body

    def _while_it_moves(self, body: Body) -> Body:
        """The resource when nothing has changed for a moment, or at its end."""
        try:
            for found in self.resources.changes(body, WATCH_S, SHORT_S):
                body = found
                self._tell(body)
                if has_ended(body) or self.enough():
                    break
        except Silent:
            return body
        except Unreachable as error:
            self._wait_out(error)
        return body

    def _listen(self, lead: str, uid: str) -> None:
        """Passes on what the lead tells, until the run has ended or the lead cannot be heard.

        Its clock begins when it gets the run: what was before that is added.
        """
        before_s: float | None = None
        try:
            for progress in Lead(self.resources.connection, lead).progress(uid):
                before_s = max(0.0, self.last.elapsed_s - progress.elapsed_s) if before_s is None else before_s
                self._show(replace(progress, elapsed_s=before_s + progress.elapsed_s))
        except Forbidden:
            self._note("you may not forward ports of pods here: progress comes from the status alone")
        except (Unreachable, Missing):
            return  # it begins or ends: the status will say
        self.heard.add(lead)

    def _next(self, body: Body, seconds: int) -> Body:
        """The resource after its next change, or as it is after a while without any."""
        try:
            found = next(self.resources.changes(body, seconds), None) or self.resources.get(ref_of(body))
        except Unreachable as error:
            self._wait_out(error)
            return body
        self.away_since_s = None
        return found

    def _wait_out(self, error: Unreachable) -> None:
        """A pause, until the API server has been away for too long."""
        now = time.monotonic()
        if self.away_since_s is None:
            self.away_since_s = now
            self._note(f"{error.reason}; the run goes on without it, waiting")
        if now - self.away_since_s > PATIENCE_S:
            raise error
        time.sleep(RETRY_S)

    def _tell(self, body: Body) -> None:
        """The status as progress; what it waits for, once."""
        told = progress_of(body)
        self._show(replace(told, elapsed_s=max(told.elapsed_s, self.last.elapsed_s)))
        message = message_of(body)
        if message != self.said and phase_of(body) in {PENDING, "Planning", "Suspended"}:
            self._note(message)
        self.said = message

    def _note(self, text: str) -> None:
        self.report(replace(self.last, messages=(text,)))

    def _show(self, progress: Progress) -> None:
        self.last = replace(progress, messages=())
        self.report(progress)
