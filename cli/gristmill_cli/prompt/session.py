"""The loop of the prompt: reads statements, has them run, shows what went wrong, and goes on.

``gristmill sql`` without a query opens it in a terminal. It knows nothing of engines and clusters: a ``Door`` does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output
from rich.console import Console

from gristmill.errors import Cancelled, GristmillError
from gristmill_cli.failures import error_text
from gristmill_cli.prompt.completion import SqlCompleter
from gristmill_cli.prompt.statements import Asked, Command, asked, bare, command, is_complete, split

COMMANDS = {
    "tables": "the tables and views that queries may name",
    "schema": "TABLE: its columns and their types",
    "help": "what can be typed here",
    "quit": "leave, as Ctrl-D",
}
_HELP = "SQL ends with ; and may take several lines. EXPLAIN shows a plan, EXPLAIN ANALYZE what it did as well."


class Door(Protocol):
    """What the prompt asks of whoever runs queries."""

    @property
    def tables(self) -> Mapping[str, str]:
        """What stands behind each name."""

    def schema(self, table: str) -> Sequence[tuple[str, str]]:
        """Names and types of a table's columns. Raises GristmillError."""

    def show(self, query: str, asked: Asked) -> None:
        """Runs the query and writes what was asked for to stdout. Raises GristmillError."""


class SqlPrompt:
    """One session at a terminal. ``input_`` and ``output`` stand for it in tests."""

    def __init__(self, door: Door, input_: Input | None = None, output: Output | None = None) -> None:
        self._door = door
        self._console = Console(stderr=True, soft_wrap=True)
        self._session: PromptSession[str] = PromptSession(
            message="sql> ",
            prompt_continuation=lambda width, _line, _wraps: "... ".rjust(width),
            multiline=True,
            key_bindings=_keys(),
            completer=SqlCompleter(lambda: door.tables, self._columns, COMMANDS),
            complete_while_typing=False,
            history=_history(),
            enable_open_in_editor=True,
            input=input_,
            output=output,
        )

    def run(self) -> None:
        """Until Ctrl-D or ``.quit``. Ctrl-C forgets the line, or cancels the query that runs."""
        tables = len(self._door.tables)
        self._console.print(f"{tables} table{'' if tables == 1 else 's'}; .help says what can be typed", style="dim")
        while True:
            try:
                text = self._session.prompt()
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            if not self._do(text):
                return

    def _do(self, text: str) -> bool:
        """Does what a line says; false to leave."""
        own = command(text)
        if own is not None and own.name in ("quit", "exit", "q"):
            return False
        try:
            if own is not None:
                self._obey(own)
            else:
                self._run(text)
        except GristmillError as error:
            self._console.print(error_text(error))
        except KeyboardInterrupt:
            self._console.print(error_text(Cancelled("stopped with Ctrl-C")))
        return True

    def _run(self, text: str) -> None:
        ended, rest = split(text)
        for statement in [*ended, rest.strip()]:
            if bare(statement):
                wanted, query = asked(statement)
                start = time.monotonic()
                self._door.show(query, wanted)
                self._console.print(f"{time.monotonic() - start:.2f} s", style="dim")

    def _obey(self, own: Command) -> None:
        match own.name:
            case "tables":
                for name, uri in self._door.tables.items():
                    print(f"{name}  {uri}")  # noqa: T201
            case "schema":
                for name, type_ in self._door.schema(own.argument):
                    print(f"{name}  {type_}")  # noqa: T201
            case _:
                print(_HELP)  # noqa: T201
                for name, help_ in COMMANDS.items():
                    print(f"  .{name:<8}{help_}")  # noqa: T201

    def _columns(self, table: str) -> list[str]:
        """For completion, where an error would only be in the way."""
        try:
            return [name for name, _ in self._door.schema(table)]
        except GristmillError:
            return []


def _keys() -> KeyBindings:
    """Enter runs what is complete, and begins a new line of what is not."""
    keys = KeyBindings()

    @Condition
    def complete() -> bool:
        from prompt_toolkit.application import get_app

        return is_complete(get_app().current_buffer.text)

    @keys.add("enter", filter=complete)
    def run(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    return keys


def _history() -> History:
    """Kept between sessions in the user's state folder; in memory where that cannot be written."""
    try:
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "gristmill"
        state.mkdir(parents=True, exist_ok=True)
        (state / "history").touch(mode=0o600)
    except (OSError, RuntimeError):  # RuntimeError: nobody knows where this user is at home
        return InMemoryHistory()
    return FileHistory(str(state / "history"))
