"""The client endpoint of a pool's lead: progress, rows, logs and plan of its runs (docs/cluster.md).

For whoever follows a run or wants its rows. Everything is asked through a forwarded port; an answer in error becomes
the error that the lead made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, IncompleteRead
from urllib.parse import quote, urlencode

import pyarrow as pa

from gristmill.api.cluster.connection import Connection
from gristmill.api.cluster.failures import Missing, Unreachable
from gristmill.api.cluster.portforward import ForwardedPort, dial
from gristmill.coordinator.progress import Progress
from gristmill.errors import ClusterError, GristmillError, InvalidPlan, error_from_dict
from gristmill.plan.codec import from_json
from gristmill.version import __version__
from gristmill.wire.protocol import CLIENT_PORT
from gristmill.wire.versions import VERSION_HEADER, compatible

PROGRESS_SILENCE_S = 15.0
"""A lead that says nothing for so long is asked again: it tells of a run at least every few seconds."""
ROWS_SILENCE_S = 120.0
_VERSION_PATH = "/v1/version"
"""Anybody may ask which version it is."""


@dataclass(frozen=True, slots=True)
class Lead:
    """The lead of a pool, by the name of its pod."""

    connection: Connection
    pod: str

    def version(self) -> str:
        """The version of Gristmill that it runs."""
        with self._answer(_VERSION_PATH, PROGRESS_SILENCE_S) as body:
            return str(json.loads(body.read())["version"])

    def progress(self, uid: str) -> Iterator[Progress]:
        """How a run stands, as it changes, until it has ended. Raises Unreachable where the lead is gone."""
        with self._answer(f"/v1/runs/{uid}/progress", PROGRESS_SILENCE_S) as body:
            for line in _lines(body):
                try:
                    yield from_json(line, Progress)
                except InvalidPlan:  # a lead of another version may tell what this one does not know
                    continue

    def dial(self) -> ForwardedPort:
        """A way to the lead for one request. Raises ClusterError."""
        return dial(self.connection, self.pod, CLIENT_PORT)

    def result(self, uid: str, *, wait_s: int = 0, port: ForwardedPort | None = None) -> pa.RecordBatchReader:
        """The rows of a finished run, as they arrive; over ``port``, where one was dialled before.

        Of a run that has not finished, or that the lead has not heard of, in so many seconds from now. Raises Missing
        where there are none to be had (not finished, no result, too many), Unreachable where the lead is gone.
        """
        path = f"/v1/runs/{uid}/result" + (f"?wait={wait_s}" if wait_s else "")
        response = self._ask(path, ROWS_SILENCE_S, port)
        try:
            reader = pa.ipc.open_stream(response)
        except (pa.ArrowInvalid, HTTPException, OSError) as error:
            response.close()
            raise self._broken(error) from error
        return pa.RecordBatchReader.from_batches(reader.schema, self._batches(reader, response))

    def logs(self, uid: str, task: str = "", *, follow: bool = False) -> Iterator[str]:
        """Lines of all tasks, or of one; with ``follow`` until the run has ended."""
        query = {name: value for name, value in (("task", task), ("follow", "1" if follow else "")) if value}
        path = f"/v1/runs/{uid}/logs" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        with self._answer(path, None if follow else ROWS_SILENCE_S) as body:
            for line in _lines(body):
                yield line.decode("utf-8", "replace").rstrip("\n")

    def explain(self, uid: str) -> str:
        """The plan of a run."""
        with self._answer(f"/v1/runs/{uid}/explain", PROGRESS_SILENCE_S) as body:
            return body.read().decode("utf-8", "replace")

    def _batches(self, reader: pa.RecordBatchReader, response: HTTPResponse) -> Iterator[pa.RecordBatch]:
        with response:
            try:
                yield from reader
            except (pa.ArrowInvalid, HTTPException, OSError) as error:
                raise self._broken(error) from error

    @contextmanager
    def _answer(self, path: str, silence_s: float | None) -> Iterator[HTTPResponse]:
        with closing(self._ask(path, silence_s)) as response:
            try:
                yield response
            except (HTTPException, OSError) as error:
                raise self._broken(error) from error

    def _ask(self, path: str, silence_s: float | None, port: ForwardedPort | None = None) -> HTTPResponse:
        try:
            response = (port or self.dial()).get(path, silence_s=silence_s)
        except TimeoutError as error:
            raise self._broken(error) from error
        theirs = response.headers.get(VERSION_HEADER, __version__)
        if not compatible(theirs, __version__) and path != _VERSION_PATH:
            response.close()
            raise _other_version(theirs, f"pod {self.pod}")
        if response.status == 200:
            return response
        with response:
            raise _refusal(response.status, response.read(), f"pod {self.pod}")

    def _broken(self, error: Exception) -> Unreachable:
        return Unreachable(f"the lead's answer broke off: {error or type(error).__name__}", place=f"pod {self.pod}")


def _lines(body: HTTPResponse) -> Iterator[bytes]:
    """The lines as they come; each ends with a line break. Raises IncompleteRead where the answer breaks off."""
    rest = b""
    while chunk := body.read1(1 << 16):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest or body.length:
        raise IncompleteRead(rest, body.length)


def _other_version(theirs: str, place: str) -> ClusterError:
    return ClusterError(
        f"it runs Gristmill {theirs}, which this one, {__version__}, does not fit: one minor version apart is accepted",
        place=place,
        remedy=f"Upgrade the older of the two: pip install gristmill=={theirs}, or the chart.",
    )


def _refusal(status: int, body: bytes, place: str) -> GristmillError:
    """The error in the lead's own words."""
    try:
        form = {name: str(value) for name, value in json.loads(body).items()}
    except (ValueError, AttributeError):
        form = {"reason": body.decode("utf-8", "replace").strip() or f"HTTP {status}"}
    if status in {404, 410, 413}:
        return Missing(form.get("reason", ""), place=form.get("place", "") or place, remedy=form.get("remedy", ""))
    if "code" in form:
        return error_from_dict(form)
    return ClusterError(form.get("reason", ""), place=form.get("place", "") or place, remedy=form.get("remedy", ""))
