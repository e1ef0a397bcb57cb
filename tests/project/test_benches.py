"""Benches run by hand: what they import of the project is there, so that a rename does not leave one behind."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCHES = sorted((Path(__file__).resolve().parents[2] / "bench").glob("*.py"))


@pytest.mark.parametrize("bench", BENCHES, ids=lambda path: path.stem)
def test_what_a_bench_imports_of_the_project_is_there(bench: Path) -> None:
    for module, name in imported(bench):
        assert hasattr(importlib.import_module(module), name) or importlib.import_module(f"{module}.{name}")


def imported(bench: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of each ``from gristmill... import name``."""
    for node in ast.walk(ast.parse(bench.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gristmill"):
            yield from ((str(node.module), alias.name) for alias in node.names)
