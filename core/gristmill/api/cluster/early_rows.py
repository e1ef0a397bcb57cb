"""The rows of a short query, asked for before it has begun: its warm pool's lead sends them the moment they are there.

``running`` makes one beside the resource of a query that names a pool. Reaching a pod takes as long as a small query,
and here both happen at a time. A lead sends rows only once they are committed, so whoever has them all need not wait to
hear of the end. Whatever goes wrong is nobody's business: rows can be fetched in the ordinary way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing, suppress

from gristmill.api.cluster.kinds import Kind, Ref
from gristmill.api.cluster.lead import Lead
from gristmill.api.cluster.resources import Resources
from gristmill.api.cluster.result import RowSource, fetched
from gristmill.errors import GristmillError
from gristmill.storage.temporary import TemporaryFolder

SHORT_S = 30
"""The lead gives up waiting for the end of a query that takes longer."""


class EarlyRows:
    """A request for the rows of one query, in a thread of its own."""

    def __init__(self, find_lead: Callable[[], Lead | None]) -> None:
        self._find_lead = find_lead
        self._uid = ""
        self._known = threading.Event()
        self._rows: tuple[RowSource, TemporaryFolder] | None = None
        self._thread = threading.Thread(target=self._fetch, name="gm-early-rows", daemon=True)
        self._thread.start()

    def ask(self, uid: str) -> None:
        """The query has been made; empty: it has not, and there will be no rows."""
        self._uid = uid
        self._known.set()

    def have_come(self) -> bool:
        """Whether all of them are here: then the query is complete."""
        return self._rows is not None

    def rows(self, wait_s: float | None = None) -> tuple[RowSource, TemporaryFolder] | None:
        """The rows of a query that is complete, and what has to live as long as them; None where they have not come in
        so many seconds, or (None) will not."""
        self._thread.join(wait_s)
        return self._rows

    def _fetch(self) -> None:
        with suppress(GristmillError, OSError):
            if (lead := self._find_lead()) is not None:
                self._fetch_from(lead)

    def _fetch_from(self, lead: Lead) -> None:
        with closing(lead.dial()) as port:
            self._known.wait()
            if self._uid:
                self._rows = fetched(lead.result(self._uid, wait_s=SHORT_S, port=port))


def early_rows(resources: Resources, pool: str) -> EarlyRows:
    """For a query in that warm pool; where it has no lead yet, none come."""

    def find() -> Lead | None:
        pod = resources.lead_of(resources.get(Ref(Kind.POOL, pool)))
        return Lead(resources.connection, pod) if pod else None

    return EarlyRows(find)
