"""Answers a lead that has to plan over files in a volume which is mounted here and not there: reads, and nothing else.

The agent's Flight server calls it, in threads of its own. What it tells lies in one of the volumes, links included.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from logging import WARNING

from gristmill.errors import GristmillError, InternalError, StorageError
from gristmill.logs import log
from gristmill.plan.codec import from_json, to_json
from gristmill.storage.filesystem import Entry, volume_of
from gristmill.storage.local import LocalFilesystem
from gristmill.wire.volume_files import Question, VolumeRequest

PART_BYTES = 4 << 20
"""Bytes go in parts of this size."""


class VolumeFiles:
    """The files of these volumes (``pvc://CLAIM``)."""

    def __init__(self, volumes: tuple[str, ...]) -> None:
        self._volumes = frozenset(volumes)
        self._files = LocalFilesystem()

    def answer(self, request: bytes) -> Iterator[bytes]:
        """The parts of the answer; see ``wire.volume_files``."""
        try:
            found = self._found(from_json(request, VolumeRequest))
        except GristmillError as error:
            yield json.dumps(error.to_dict()).encode()
            return
        # Whoever asked gets an error that he can tell a person, not one of Flight's.
        except Exception as error:  # noqa: BLE001
            log(__name__, WARNING, "a question about a volume failed", error=repr(error))
            yield json.dumps(InternalError(repr(error), place="volume").to_dict()).encode()
            return
        yield b"{}"
        for start in range(0, len(found), PART_BYTES):
            yield found[start : start + PART_BYTES]

    def _found(self, asked: VolumeRequest) -> bytes:
        self._confine(asked.uri)
        files, uri = self._files, asked.uri
        match asked.question:
            case Question.WALK:
                return to_json(tuple(files.walk(uri, asked.depth)), tuple[Entry, ...]).encode()
            case Question.NAMES:
                return json.dumps(files.names(uri)).encode()
            case Question.STAT:
                entry = files.stat(uri)
                return to_json((entry,) if entry else (), tuple[Entry, ...]).encode()
            case Question.READ:
                return files.read(uri, asked.start, asked.end, asked.version)

    def _confine(self, uri: str) -> None:
        """Raises StorageError for what lies elsewhere."""
        real = f"file://{os.path.realpath(uri.removeprefix('file://'))}"
        if volume_of(uri) not in self._volumes or volume_of(real) != volume_of(uri):
            raise StorageError("it lies in none of the volumes that are mounted there", place=uri)
