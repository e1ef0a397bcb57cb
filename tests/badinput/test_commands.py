"""Wrong words on the command line that were once taken for something else, or told in another's words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MANIFEST = """
apiVersion: gristmill.dev/v1alpha1
kind: MapReduceJob
metadata: {name: copy}
spec:
  input: [{name: rows, uri: t.csv, format: csv}]
"""
WRONG = [
    (("sql", "SELECT 1", "--to", ""), 2, "--to: the URI is empty"),
    (("sql", "SELECT 1", "--mode", "overwrite"), 2, "--mode: is for rows that are written"),
    (("sql", "SELECT * FROM t", "--table", "t=folder"), 3, "folder: the folder holds no file"),
    (("sql", "SELECT 1", "--to", "t.csv"), 3, "t.csv: the output is a file"),
    (("sql", "SELECT 1", "--to", "/proc/x"), 3, "error: file:///proc/x: "),
    (("sweep", ""), 2, "the URI is empty"),
    (("run", "job.yaml", "--job", "copy"), 2, "--job: is for Python files"),
    (("run", "typo.yaml"), 2, "schema of input rows, column 'k': 'INTEEGER' is not a type"),
    (("run", "code.yaml"), 4, "import of mine: SyntaxError"),
]


@pytest.mark.parametrize(("words", "code", "said"), WRONG, ids=[" ".join(words) for words, _, _ in WRONG])
def test_a_wrong_word_is_refused_in_two_lines(
    gristmill: Callable[..., Any], tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    (tmp_path / "t.csv").write_text("k,v\n1,a\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "job.yaml").write_text(MANIFEST)
    typed = "format: csv, schema: [{name: k, type: INTEEGER}, {name: v, type: VARCHAR}]"
    (tmp_path / "typo.yaml").write_text(MANIFEST.replace("format: csv", typed))
    code_of = "  code: {inline: {mine.py: 'def words(:'}}\n  map: {python: 'mine:words'}\n"
    (tmp_path / "code.yaml").write_text(MANIFEST + code_of)
    ended = gristmill(*words, "-q") if words[0] != "sweep" else gristmill(*words)
    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr
    assert ended.stderr.startswith("error: ")
    assert len(ended.stderr.splitlines()) <= 2
