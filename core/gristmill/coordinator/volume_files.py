"""A lead's way to the files of a volume that it has not mounted itself: it asks a worker that has, over Flight.

Only planning needs it, which lists files and reads footers; tasks run where their volume is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pyarrow import flight

from gristmill.errors import StorageError, error_from_dict
from gristmill.plan.codec import from_json, to_json
from gristmill.shuffle.connections import FlightClients
from gristmill.storage.filesystem import Entry, StagedFile, Usage
from gristmill.wire.volume_files import VOLUME_FILES, Question, VolumeRequest

PATIENCE_S = 120.0
"""So long a question waits for a worker that has the volume, where the one of before has gone."""
AGAIN_S = 0.2


class VolumeElsewhere:
    """Implements ``filesystem.Filesystem`` for reading a volume that others have mounted.

    ``server`` gives the Flight URI of a worker that has it, empty while there is none. Safe for many threads.
    """

    def __init__(self, volume: str, server: Callable[[], str], clients: FlightClients) -> None:
        self._volume = volume
        self._server = server
        self._clients = clients
        self.usage = Usage()

    def metered(self) -> VolumeElsewhere:
        """The same files with counters of their own, over the same connections."""
        return VolumeElsewhere(self._volume, self._server, self._clients)

    def walk(self, folder: str, depth: int | None = None) -> Iterator[Entry]:
        """Files below a folder."""
        yield from _entries(self._ask(VolumeRequest(Question.WALK, folder, depth=depth)))

    def names(self, folder: str) -> list[str]:
        """Names in a folder."""
        return [str(name) for name in json.loads(self._ask(VolumeRequest(Question.NAMES, folder)))]

    def stat(self, uri: str) -> Entry | None:
        """The file of that path."""
        return next(iter(_entries(self._ask(VolumeRequest(Question.STAT, uri)))), None)

    def read(self, uri: str, start: int = 0, end: int | None = None, version: str = "") -> bytes:
        """Bytes of a file."""
        found = self._ask(VolumeRequest(Question.READ, uri, start=start, end=end, version=version))
        self.usage.add(requests=0, read=len(found))
        return found

    def local_path(self, uri: str) -> Path | None:
        """It is not on this machine."""
        return None

    # Nothing is written from afar: what writes to a volume runs where it is mounted, the lead with it.

    def put(self, uri: str, data: bytes) -> None:
        """Raises StorageError, as all that writes."""
        raise self._read_only(uri)

    def put_if_absent(self, uri: str, data: bytes, *, durable: bool = False) -> bool:
        """See ``put``."""
        raise self._read_only(uri)

    def delete(self, uris: Iterable[str]) -> None:
        """See ``put``."""
        raise self._read_only(self._volume)

    def stage(self, uri: str, staging: str) -> StagedFile:
        """See ``put``."""
        raise self._read_only(uri)

    def publish(self, staged: str, uri: str) -> None:
        """See ``put``."""
        raise self._read_only(uri)

    def discard(self, staged: str) -> None:
        """See ``put``."""
        raise self._read_only(staged)

    def discard_below(self, staging: str, folder: str, mark: str) -> int:
        """See ``put``."""
        raise self._read_only(folder)

    def _read_only(self, uri: str) -> StorageError:
        return StorageError("the volume is mounted in other pods than this one", place=uri)

    def _ask(self, request: VolumeRequest) -> bytes:
        """The answer of a worker that has the volume, the next one's where it goes. Raises the error that it tells."""
        until_s = time.monotonic() + PATIENCE_S
        why = "no pod has it mounted"
        while True:
            if address := self._server():
                try:
                    return self._answer(address, request)
                except (flight.FlightError, OSError) as error:
                    why = str(error).partition("\n")[0]
            if time.monotonic() >= until_s:
                raise StorageError(
                    f"nobody who has {self._volume} mounted answers: {why}",
                    place=request.uri,
                    remedy="Look at the pool's pods, then run it again.",
                )
            time.sleep(AGAIN_S)

    def _answer(self, address: str, request: VolumeRequest) -> bytes:
        self.usage.add()
        action = flight.Action(VOLUME_FILES, to_json(request).encode())
        client, _ = self._clients.client(address)
        try:
            answer = client.do_action(action, self._clients.security.call_options())
            parts = [part.body.to_pybytes() for part in answer]
        except (flight.FlightError, OSError):
            self._clients.forget(address, client)
            raise
        if not parts:
            raise OSError("it answers nothing")
        if error := json.loads(parts[0]):
            raise error_from_dict(error)
        return b"".join(parts[1:])


def _entries(text: bytes) -> tuple[Entry, ...]:
    found: tuple[Entry, ...] = from_json(text, tuple[Entry, ...])
    return found
