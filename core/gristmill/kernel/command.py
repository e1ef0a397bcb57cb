"""Command fragments: a program in any language, fed JSON lines on stdin, whose stdout is read as JSON lines.

One process runs for each task. One loop feeds stdin, reads stdout and drains stderr as each is ready, so that no full
pipe ever blocks another. docs/functions.md has the framing; ``jsonlines`` has the values.
"""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import subprocess
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from gristmill.errors import FragmentError, GristmillError, TypeConflict
from gristmill.kernel.columns import Typed
from gristmill.kernel.groups import MergedGroups, SortedGroups, Tagged
from gristmill.kernel.inputs import Input
from gristmill.kernel.jsonlines import dumps, from_json, loads
from gristmill.kernel.records import Chunk
from gristmill.kernel.work import Work, step_name
from gristmill.plan.fragment import CommandFragment
from gristmill.plan.stage import Step
from gristmill.rows.types import arrow_schema

_READ_BYTES = 1 << 16
_FEED_BYTES = 1 << 16
_BATCH_LINES = 16_384
_STDERR_LINES = 20
_PRCTL = ctypes.CDLL(None).prctl
_PR_SET_PDEATHSIG = 1


class CommandStep:
    """A step whose fragment is a command, run in the folder of the job's code."""

    def __init__(self, step: Step, fragment: CommandFragment, folder: Path, work: Work) -> None:
        self._fragment = fragment
        self._folder = folder
        self._work = work
        self._name = step_name(step)
        self._place = f"{self._name}, command {fragment.argv[0]}"

    def map(self, rows: Input) -> Iterator[pa.RecordBatch]:
        """What the command writes for the records of ``rows``."""
        return self._batches(_record_lines(rows.chunks()))

    def reduce(self, groups: SortedGroups | MergedGroups) -> Iterator[pa.RecordBatch]:
        """What the command writes for the groups."""
        return self._batches(_group_lines(groups))

    def _batches(self, lines: Iterator[bytes]) -> Iterator[pa.RecordBatch]:
        key = (self._name, "")
        may_widen = self._name in self._work.mixed
        typed = Typed(self._fragment.schema, self._work.pinned.get(key), key, may_widen=may_widen)
        process = _Process(self._fragment.argv, self._folder, self._place, self._work)
        answers = enumerate(process.answers(lines), 1)
        given = False
        try:
            while rows := [self._row(number, line) for number, line in islice(answers, _BATCH_LINES)]:
                yield typed.batch(self._columns(rows, typed), len(rows), self._conflict)
                given = True
            if not given:
                yield typed.nothing()
        finally:
            process.end()

    def _row(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            row = loads(line)
        except ValueError as error:
            raise self._bad_line(number, line, f"not JSON: {error}") from error
        if not isinstance(row, dict):
            raise self._bad_line(number, line, f"a {type(row).__name__}, not an object")
        return row

    def _bad_line(self, number: int, line: bytes, what: str) -> FragmentError:
        shown = line[:80].decode(errors="replace")
        return FragmentError(
            f"line {number} of its output is {what}: {shown}",
            place=self._place,
            remedy='Write one JSON object a line, as {"key": ..., "value": ...} or {"column": ...}; logs go to stderr.',
        )

    def _columns(self, rows: list[dict[str, Any]], typed: Typed) -> dict[str, Sequence[Any]]:
        names = dict.fromkeys(name for row in rows for name in row)
        columns: dict[str, Sequence[Any]] = {name: [row.get(name) for row in rows] for name in names}
        if self._fragment.schema is None:
            return columns
        for field in arrow_schema(self._fragment.schema):
            if field.name in columns:
                columns[field.name] = self._converted(field, columns[field.name])
        return columns

    def _converted(self, field: pa.Field, values: Sequence[Any]) -> list[Any]:
        try:
            return [from_json(value, field.type) for value in values]
        except (ValueError, TypeError, ArithmeticError) as error:
            conflict = self._conflict(field.name, None)
            conflict.reason = f"a value of column {field.name!r} is no {field.type}: {error}"
            raise conflict from error

    def _conflict(self, column: str, value: object) -> TypeConflict:
        return TypeConflict("", place=f"{self._place}, output", remedy="Declare the schema that it writes.")


def _record_lines(chunks: Iterable[Chunk]) -> Iterator[bytes]:
    """A line for each record: the row's object, or ``{"key": …, "value": …}`` for lines and pairs."""
    for chunk in chunks:
        if chunk.numbered:
            for row in chunk.values:
                yield dumps(row)
        else:
            for key, value in zip(chunk.key_iterator(), chunk.values, strict=False):
                yield dumps({"key": key, "value": value})


def _group_lines(groups: SortedGroups | MergedGroups) -> Iterator[bytes]:
    """``{"key": …}`` opens a group, ``{"value": …}`` follows for each value; with several inputs ``"input"`` too."""
    for key, values in groups:
        yield dumps({"key": key})
        for value in values:
            if isinstance(value, Tagged):
                yield dumps({"input": value.input, "value": value.value})
            else:
                yield dumps({"value": value})


def _end_with_parent() -> None:
    """Has the system kill this process when the executor ends, however that happens."""
    _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)


class _Process:
    """The running command with its three pipes."""

    def __init__(self, argv: Sequence[str], folder: Path, place: str, work: Work) -> None:
        self._place = place
        self._work = work
        self._errors: deque[str] = deque(maxlen=_STDERR_LINES)
        self._broken_pipe = False
        try:
            self._process = subprocess.Popen(
                argv,
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                # Safe with threads: one call into libc, which takes no lock.
                preexec_fn=_end_with_parent,  # noqa: PLW1509
            )
        except OSError as error:
            raise FragmentError(
                f"it cannot be started: {error.strerror or error}",
                place=place,
                remedy="Name a program on the workers' PATH, or a file of the job's code as ./NAME, executable.",
            ) from error

    def answers(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Feeds the lines and gives the lines of stdout; then checks how the command ended."""
        pending = b""
        for block in self._blocks(lines):
            *whole, pending = (pending + block).split(b"\n")
            yield from (line for line in whole if line.strip())
        if pending.strip():
            yield pending
        self._require_success()

    def _blocks(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """What stdout gives, block by block, while stdin is fed and stderr drained."""
        stdin, stdout, stderr = self._pipes()
        feed = _Feed(lines)
        with selectors.DefaultSelector() as ready:
            os.set_blocking(stdin.fileno(), False)
            ready.register(stdin, selectors.EVENT_WRITE)
            ready.register(stdout, selectors.EVENT_READ)
            ready.register(stderr, selectors.EVENT_READ)
            while ready.get_map():
                for key, _ in ready.select():
                    if key.fileobj is stdin:
                        if not self._fed(stdin, feed):
                            ready.unregister(stdin)
                            stdin.close()
                        continue
                    block = os.read(key.fd, _READ_BYTES)
                    if not block:
                        ready.unregister(key.fileobj)
                    elif key.fileobj is stdout:
                        yield block
                    else:
                        self._log(block)

    def _pipes(self) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        return process.stdin, process.stdout, process.stderr

    def _fed(self, stdin: IO[bytes], feed: _Feed) -> bool:
        """Writes what fits; False when there is no more to write or nobody reads."""
        block = feed.block()
        if not block:
            return False
        try:
            feed.written(os.write(stdin.fileno(), block))
        except BlockingIOError:
            return True
        except BrokenPipeError:
            self._broken_pipe = True
            return False
        return True

    def _log(self, block: bytes) -> None:
        text = block.decode(errors="replace")
        self._work.context.printed.write(text)
        self._errors.extend(text.splitlines())

    def _require_success(self) -> None:
        code = self._process.wait()
        if code:
            ended = f"it ended with status {code}" if code > 0 else f"signal {-code} ended it"
            raise self._failure(ended)
        if self._broken_pipe:
            raise self._failure("it closed its input before it had read all records")

    def _failure(self, reason: str) -> GristmillError:
        said = "\n  ".join(self._errors)
        return FragmentError(reason, place=self._place, remedy=f"It wrote to stderr:\n  {said}" if said else "")

    def end(self) -> None:
        """Kills the process if it still runs, and closes the pipes."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pipe in self._pipes():
            pipe.close()


class _Feed:
    """The lines for stdin, in blocks."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._left = memoryview(b"")

    def block(self) -> memoryview:
        """What is to be written next; empty at the end."""
        if not self._left:
            taken: list[bytes] = []
            size = 0
            for line in self._lines:
                taken.append(line)
                size += len(line)
                if size >= _FEED_BYTES:
                    break
            self._left = memoryview(b"".join(taken))
        return self._left

    def written(self, bytes_: int) -> None:
        """So many bytes of the block are on their way."""
        self._left = self._left[bytes_:]
