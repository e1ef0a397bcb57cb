"""The prompt of ``gristmill sql``: what a line means, what completes, and a session at a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from gristmill_cli.prompt.completion import SqlCompleter
from gristmill_cli.prompt.session import COMMANDS
from gristmill_cli.prompt.statements import Asked, asked, command, is_complete, split, view_of

PATIENCE_S = 60.0


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("", True),
        (".tables", True),
        ("SELECT 1", False),
        ("SELECT 1;", True),
        ("SELECT ';", False),
        ("SELECT ';';", True),
        ("SELECT 1 -- no; end", False),
        ("SELECT 1 -- no; end\n;", True),
        ("SELECT /* ; */ 1", False),
        ('SELECT 1 AS "a;b"', False),
        ("SELECT $$a;b$$", False),
        ("SELECT 1; SELECT 2", False),
        ("SELECT 1; -- note", True),
        ("-- only a note", True),
        (r"SELECT E'it\'s; ok'", False),
    ],
)
def test_enter_runs_what_is_complete(text: str, complete: bool) -> None:
    assert is_complete(text) is complete


@given(
    st.lists(st.sampled_from(["SELECT 1", "SELECT ';'", 'SELECT ";"', "SELECT $a$;$a$", "SELECT /*;*/ 2"]), max_size=5)
)
def test_statements_come_apart_at_the_semicolons_between_them(statements: list[str]) -> None:
    assert split("; ".join([*statements, ""])) == (statements, " " if statements else "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1", (Asked.ROWS, "SELECT 1")),
        ("EXPLAIN SELECT 1", (Asked.PLAN, "SELECT 1")),
        (" explain  analyze\nSELECT 1", (Asked.ANALYSIS, "SELECT 1")),
        ("-- why\nEXPLAIN SELECT 1", (Asked.PLAN, "SELECT 1")),
        ("SELECT explain FROM t", (Asked.ROWS, "SELECT explain FROM t")),
    ],
)
def test_explain_before_a_query_asks_for_its_plan(text: str, expected: tuple[Asked, str]) -> None:
    assert asked(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE VIEW v AS SELECT 1", ("v", "SELECT 1")),
        ('create or replace temp view "a ""b" as\nSELECT 1', ('a "b', "SELECT 1")),
        ("/* of use */ CREATE VIEW v AS SELECT 1", ("v", "SELECT 1")),
        ("CREATE TABLE t AS SELECT 1", None),
        ("SELECT 'CREATE VIEW v AS SELECT 1'", None),
    ],
)
def test_views_are_told_from_queries(text: str, expected: tuple[str, str] | None) -> None:
    assert view_of(text) == expected


def test_a_line_with_a_dot_is_a_command() -> None:
    found = command(" .schema orders;")
    assert found is not None
    assert (found.name, found.argument) == ("schema", "orders")
    assert command("SELECT .5") is None


@pytest.mark.parametrize(
    ("text", "among"),
    [
        (".ta", ".tables"),
        (".schema or", "orders"),
        ("SELECT * FROM or", "orders"),
        ("SELECT orders.cu", "custkey"),
        ("SELECT o.cu FROM orders o", "custkey"),
        ("SELECT cu FROM orders", "custkey"),
        ("sel", "SELECT"),
        ("SELECT date_tr", "date_trunc"),
        ("SELECT max(orders.cu", "custkey"),
    ],
)
def test_what_completes(text: str, among: str) -> None:
    completer = SqlCompleter(lambda: ["orders"], lambda _: ["orderkey", "custkey", "odd name"], COMMANDS)
    cursor = re.search(r"(cu)(?= FROM)", text)
    document = Document(text, cursor.end() if cursor else len(text))
    assert among in [found.text for found in completer.get_completions(document, CompleteEvent())]


def test_names_that_are_no_words_complete_in_quotes() -> None:
    completer = SqlCompleter(lambda: ["orders"], lambda _: ["odd name"], COMMANDS)
    document = Document("SELECT orders.od")
    assert [found.text for found in completer.get_completions(document, CompleteEvent())] == ['"odd name"']


class Terminal:
    """``gristmill sql`` at a pseudo-terminal."""

    def __init__(self, tmp_path: Path, *arguments: str) -> None:
        self._main, other = pty.openpty()
        command_line = [str(Path(sys.executable).with_name("gristmill")), "sql", *arguments]
        env = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "TERM": "xterm", "COLUMNS": "100"}
        self.process = subprocess.Popen(command_line, stdin=other, stdout=other, stderr=other, env=env, cwd=tmp_path)
        os.close(other)
        os.set_blocking(self._main, False)
        self.shown = ""

    def until(self, text: str) -> None:
        """Waits until ``text`` was shown after what was waited for before."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.shown:
            assert time.monotonic() < deadline, f"{text!r} did not come: {self.shown}"
            assert self.process.poll() is None, f"the prompt ended: {self.shown}"
            try:
                raw = os.read(self._main, 1 << 16).decode(errors="replace")
            except BlockingIOError:
                time.sleep(0.02)
            else:
                self.shown += re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", raw)
        self.shown = self.shown.partition(text)[2]

    def type(self, text: str) -> None:
        os.write(self._main, text.encode())


def test_a_session_runs_queries_shows_errors_and_goes_on(tmp_path: Path) -> None:
    pq.write_table(pa.table({"city": ["Oslo", "Bergen"], "n": [3, 4]}), tmp_path / "t.parquet")
    terminal = Terminal(tmp_path, "--table", "t=t.parquet", "-q", "-o", "csv", "-p", "least=4")
    terminal.until("sql>")
    terminal.type("SELECT sum(n) AS total\r")
    terminal.type("FROM t;\r")
    terminal.until("total\r\n7")
    terminal.until("sql>")
    terminal.type("SELECT city FROM t WHERE n >= $least;\r")
    terminal.until("city\r\nBergen")
    terminal.until("sql>")
    terminal.type("SELECT nn FROM t;\r")
    terminal.until("error:")
    terminal.until("sql>")
    terminal.type(".schema t\r")
    terminal.until("city  VARCHAR")
    terminal.until("sql>")
    terminal.type("CREATE VIEW big AS SELECT * FROM t WHERE n > 3;\r")
    terminal.until("sql>")
    terminal.type("SELECT city FROM big;\r")
    terminal.until("city\r\nBergen")
    terminal.until("sql>")
    terminal.type("EXPLAIN ANALYZE SELECT n FROM t;\r")
    terminal.until("2 rows")
    terminal.until("sql>")
    terminal.type("\x04")
    assert terminal.process.wait(PATIENCE_S) == 0
    assert "SELECT nn FROM t;" in (tmp_path / "state" / "gristmill" / "history").read_text()
