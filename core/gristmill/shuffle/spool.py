"""Where fetched blocks wait for the reader: in memory up to a limit, then in a file that has no name any more.

Fetching threads fill it, one for each worker; the runs they complete go to the reader.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from gristmill.errors import LostBlock
from gristmill.plan.task import MapOutput
from gristmill.shuffle.blocks import Run, Selection, lost_block
from gristmill.shuffle.format import Block, storage_error
from gristmill.shuffle.wire_form import Received


class Spool:
    """The blocks that one reader fetches; ``memory_bytes`` bounds those in memory, of all threads together."""

    def __init__(self, folder: Path, memory_bytes: int) -> None:
        self._folder = folder
        self._left = memory_bytes
        self._lock = threading.Lock()
        self._stopped = False

    def stop(self) -> None:
        """Makes the threads that fill it end soon."""
        self._stopped = True

    def collected(
        self, answer: Iterator[Received], outputs: list[MapOutput], selection: Selection
    ) -> Iterator[tuple[MapOutput, Run | LostBlock]]:
        """The runs of one worker's answer, each as soon as it is whole, or what to raise in place of it.

        Ends early when the reader has stopped. Raises StorageError.
        """
        disk = _DiskPart(self._folder)
        arriving: _Arriving | None = None
        try:
            for item in answer:
                if self._stopped:
                    return
                if arriving is not None and item.file != arriving.file:
                    yield arriving.output, arriving.complete(selection, disk)
                    arriving = None
                arriving = arriving or _Arriving(item.file, outputs[item.file])
                self._keep(item, arriving, disk)
            if arriving is not None:
                yield arriving.output, arriving.complete(selection, disk)
        finally:
            disk.close()

    def _keep(self, item: Received, arriving: _Arriving, disk: _DiskPart) -> None:
        if item.forms:
            arriving.forms, arriving.expected = item.forms, item.count
        arriving.error = item.error
        if item.block is None or item.message is None:
            return
        with self._lock:
            in_memory = item.message.size <= self._left
            self._left -= item.message.size if in_memory else 0
        arriving.blocks.append(item.block)
        arriving.messages.append(item.message if in_memory else disk.append(item.message))


@dataclass(slots=True)
class _Arriving:
    """One output's run while its blocks come in; a message that went to disk is its place there."""

    file: int
    output: MapOutput
    forms: tuple[pa.Schema, ...] = ()
    expected: int = 0
    error: str = ""
    blocks: list[Block] = field(default_factory=list)
    messages: list[pa.Buffer | tuple[int, int]] = field(default_factory=list)

    def complete(self, selection: Selection, disk: _DiskPart) -> Run | LostBlock:
        exchange, order = self.output.exchange, self.output.task_order
        if self.error:
            return lost_block(exchange, order, self.error)
        if len(self.blocks) != self.expected:
            return lost_block(exchange, order, f"{len(self.blocks)} of {self.expected} blocks came")
        messages = disk.mapped(self.messages)
        return Run(exchange, order, self.forms, tuple(self.blocks), messages, selection)


class _DiskPart:
    """One thread's file. It is unlinked at once: what is mapped stays readable, and nothing stays behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: int | None = None
        self._size = 0

    def append(self, message: pa.Buffer) -> tuple[int, int]:
        """Writes a block; gives its place. Raises StorageError."""
        try:
            self._write(memoryview(message))
        except OSError as error:
            raise storage_error(error, self._folder) from error
        place = (self._size, message.size)
        self._size += message.size
        return place

    def _write(self, view: memoryview) -> None:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file, name = tempfile.mkstemp(prefix="fetched-", dir=self._folder)
            os.unlink(name)
        while view:
            view = view[os.write(self._file, view) :]

    def mapped(self, messages: list[pa.Buffer | tuple[int, int]]) -> list[pa.Buffer]:
        """The messages with places on disk turned into what lies there."""
        if not any(isinstance(message, tuple) for message in messages):
            return list(messages)
        with pa.memory_map(f"/proc/self/fd/{self._file}") as file:
            data = file.read_buffer()
        return [data[m[0] : m[0] + m[1]] if isinstance(m, tuple) else m for m in messages]

    def close(self) -> None:
        """Lets go of the file; maps of it stay."""
        if self._file is not None:
            os.close(self._file)
