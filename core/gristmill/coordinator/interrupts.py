"""Ctrl-C while user code runs in the calling process: it is obeyed whatever that code does with exceptions.

A bare ``except``, DuckDB, or a callback from C may swallow a KeyboardInterrupt or make another error of it. So whoever
runs tasks here remembers that it came, and repeats it until the task has ended: where it was swallowed, also from a
trace function, whose exceptions come up inside of handlers too.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from types import FrameType
from typing import Any

AGAIN_S = 0.1


class Interrupts:
    """Listens for Ctrl-C in a ``with`` block, in the main thread of a process that has not its own way with it."""

    def __init__(self) -> None:
        self.heard = False
        self._working = False
        self._ours = False
        self._trace = sys.gettrace()

    def __enter__(self) -> Interrupts:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._hear)
            self._ours = True
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def working(self) -> _Working:
        """For use around user code: raises KeyboardInterrupt at its end if one came meanwhile, however it ended."""
        return _Working(self)

    def begin(self) -> None:
        """User code runs from now on."""
        self._working = True

    def end(self) -> None:
        """User code has ended. Raises KeyboardInterrupt if one came meanwhile."""
        self._working = False
        if self.heard:
            sys.settrace(self._trace)
            raise KeyboardInterrupt

    def _hear(self, _signal: int, frame: FrameType | None) -> None:
        first, self.heard = not self.heard, True
        if first:
            threading.Thread(target=self._repeat, daemon=True).start()
        elif self._working:
            _raise_at_next_lines(frame)
        if first or self._working:
            raise KeyboardInterrupt

    def _repeat(self) -> None:
        pause = threading.Event()
        while self._working and not pause.wait(AGAIN_S):
            if self._working:
                _thread.interrupt_main()


class _Working:
    """No generator: one that an interrupt leaves half ended is ended when it is collected, and would raise there."""

    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts

    def __enter__(self) -> None:
        self._interrupts.begin()

    def __exit__(self, *_: object) -> None:
        self._interrupts.end()


def _raise_at_next_lines(frame: FrameType | None) -> None:
    """Makes the next line that any of these frames runs raise, be it that of a handler."""
    sys.settrace(_escape)
    while frame is not None:
        frame.f_trace = _escape
        frame = frame.f_back


def _escape(_frame: FrameType, event: str, _argument: object) -> Any:
    if event == "line":
        sys.settrace(None)
        raise KeyboardInterrupt
    return _escape
