"""The table of docs/semantics.md: every test that it names exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_promise_of_the_page_names_tests_that_exist() -> None:
    named = re.findall(r"`(tests/[a-z_/]+\.py)::(test_\w+)`", (ROOT / "docs" / "semantics.md").read_text())
    assert len(named) > 40
    assert [(file, test) for file, test in named if f"def {test}(" not in (ROOT / file).read_text()] == []


def test_every_test_of_a_promise_stands_on_the_page() -> None:
    page = (ROOT / "docs" / "semantics.md").read_text()
    here = [path for path in (ROOT / "tests" / "semantics").glob("test_*.py") if path.name != Path(__file__).name]
    tests = [name for path in here for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)]
    assert [test for test in tests if f"::{test}`" not in page] == []
