"""Gristmill's resources of one namespace: found by name, listed, made, watched, ended.

For the commands and for runs from Python. Bodies are JSON as the API server has it; what stands in a status is
``status``'s business.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from gristmill.api.cluster.connection import Connection
from gristmill.api.cluster.failures import Missing, Unreachable
from gristmill.api.cluster.kinds import API_VERSION, Body, Kind, Ref, parse_name
from gristmill.errors import ClusterError
from gristmill.plan.problems import did_you_mean

RUNS = (Kind.JOB, Kind.QUERY)
_GONE = 410


def ref_of(body: Body) -> Ref:
    """What a resource is called."""
    return Ref(Kind.of(body["kind"]), body["metadata"]["name"])


@dataclass(frozen=True, slots=True)
class Resources:
    """Those of the connection's namespace."""

    connection: Connection

    def path(self, kind: Kind, name: str = "") -> str:
        """The URL path of a resource, or of all of its kind."""
        folder = f"/apis/{API_VERSION}/namespaces/{self.connection.namespace}/{kind.plural}"
        return f"{folder}/{name}" if name else folder

    def get(self, ref: Ref) -> Body:
        """The resource as it is now. Raises Missing."""
        return self.connection.get(self.path(ref.kind, ref.name))

    def find(self, text: str, kinds: tuple[Kind, ...] = RUNS) -> Body:
        """The resource that ``NAME`` or ``KIND/NAME`` means.

        Raises Missing with the nearest name, ClusterError where two kinds have the name.
        """
        kind, name = parse_name(text)
        if kind is not None and kind not in kinds:
            raise ClusterError(f"a {kind.title} does not run", place=text, remedy="Name a job or a query.")
        found = [body for each in kinds if kind in {None, each} and (body := self._try(Ref(each, name)))]
        if len(found) > 1:
            both = " and ".join(str(ref_of(body)) for body in found)
            raise ClusterError(f"there are {both}", place=self.connection.place, remedy="Say which of them.")
        if not found:
            names = [ref.name for each in kinds if kind in {None, each} for ref in map(ref_of, self.list(each))]
            reason = f"there is no {kind.title if kind else _words(kinds)} {name}"
            remedy = did_you_mean(name, names) or "There are none in this namespace; another one: -n NAMESPACE."
            raise Missing(reason, place=self.connection.place, remedy=remedy)
        return found[0]

    def _try(self, ref: Ref) -> Body | None:
        try:
            return self.get(ref)
        except Missing:
            return None

    def list(self, kind: Kind) -> list[Body]:
        """All of a kind, oldest first."""
        answer = self.connection.get(self.path(kind))
        items = [{"apiVersion": API_VERSION, "kind": kind.title, **item} for item in answer["items"]]
        return sorted(items, key=lambda body: str(body["metadata"].get("creationTimestamp")))

    def lead_of(self, body: Body) -> str:
        """The pod that leads a run, or a pool: its own, else that of the warm pool it runs in; empty where none is."""
        lead = str((body.get("status") or {}).get("lead") or "")
        pool = str(body["spec"].get("pool") or "")
        if lead or not pool:
            return lead
        found = self._try(Ref(Kind.POOL, pool))
        return str((found.get("status") or {}).get("lead") or "") if found else ""

    def create(self, body: Body) -> Body:
        """Makes the resource; answers with what it became. Raises Taken, or InvalidPlan with what rules it breaks."""
        return self.connection.create(self.path(Kind.of(body["kind"])), body, fieldValidation="Strict")

    def cancel(self, ref: Ref) -> None:
        """Ends the run; the resource stays."""
        self.connection.merge(self.path(ref.kind, ref.name), {"spec": {"cancel": True}})

    def delete(self, ref: Ref) -> None:
        """Removes the resource, its pods and all else that it owns; what is gone already is no error."""
        try:
            self.connection.delete(self.path(ref.kind, ref.name))
        except Missing:
            return

    def changes(self, body: Body, seconds: int, silence_s: float | None = None) -> Iterator[Body]:
        """The resource each time it changed since ``body``, for ``seconds`` at most.

        Raises Silent after ``silence_s`` without a change, Missing when it is deleted, Unreachable when the API server
        is away.
        """
        ref, metadata = ref_of(body), body["metadata"]
        events = self.connection.lines(
            self.path(ref.kind),
            silence_s=silence_s or seconds + 10,
            watch="1",
            fieldSelector=f"metadata.name={ref.name}",
            resourceVersion=metadata["resourceVersion"],
            timeoutSeconds=str(seconds),
        )
        for line in events:
            event = json.loads(line)
            match event["type"]:
                case "ADDED" | "MODIFIED":
                    yield event["object"]
                case "DELETED":
                    raise Missing(f"{ref} was deleted", place=self.connection.place)
                case "ERROR" if event["object"].get("code") == _GONE:
                    yield self.get(ref)
                    return
                case "ERROR":
                    raise Unreachable(str(event["object"].get("message", "")), place=self.connection.place)


def _words(kinds: tuple[Kind, ...]) -> str:
    return {Kind.JOB: "job", Kind.QUERY: "query", Kind.POOL: "pool"}[kinds[0]] if len(kinds) == 1 else "job or query"
