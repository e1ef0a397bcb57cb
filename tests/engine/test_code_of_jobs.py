"""Each job's functions come from its own source, whatever other jobs or this process call their modules."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

import gristmill as gm
from gristmill.plan.job import ChainPlan
from gristmill.plan.manifest import load_manifest

JOB = """
apiVersion: gristmill.dev/v1alpha1
kind: MapReduceJob
metadata: {{name: {name}}}
spec:
  code:
    inline:
      marking.py: |
        def mark(file, line):
            from helper_of_{name} import MARK
            yield line, MARK

        def join(line, marks):
            from helper_of_{name} import MARK
            yield line + MARK, "".join(marks)
      helper_of_{name}.py: |
        MARK = "{mark}"
  input: [{source}]
  map: {{python: "marking:mark"}}
  reduce: {{python: "marking:join"}}
  partitions: 1
"""


@pytest.fixture
def line(tmp_path: Path) -> str:
    (tmp_path / "line.txt").write_text("a\n")
    return f"{{name: lines, uri: '{tmp_path}/line.txt', format: text}}"


def _marking(name: str, mark: str, source: str) -> str:
    return JOB.format(name=name, mark=mark, source=source)


def _rows(chain: ChainPlan, **options: bool) -> list[tuple[str, str]]:
    rows = gm.run(chain, workers=1, memory="512MiB", **options).rows()  # type: ignore[arg-type]
    return [(row["key"], row["value"]) for row in rows]


def test_a_changed_source_is_what_the_next_run_uses(line: str) -> None:
    assert _rows(load_manifest(_marking("job", "1", line))) == [("a1", "1")]
    assert _rows(load_manifest(_marking("job", "2", line))) == [("a2", "2")]


@pytest.mark.parametrize("spread", [False, True], ids=["inline", "workers"])
def test_modules_of_one_name_in_two_jobs_of_a_chain_do_not_meet(line: str, *, spread: bool) -> None:
    both = _marking("one", "1", line) + "---" + _marking("two", "2", "{name: lines, fromJob: one}")
    assert _rows(load_manifest(both), force_distributed=spread) == [("12", "2")]


def test_this_process_keeps_its_own_module_of_that_name(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = ModuleType("marking")
    monkeypatch.setitem(sys.modules, "marking", own)
    path = list(sys.path)
    assert _rows(load_manifest(_marking("job", "1", line))) == [("a1", "1")]
    assert sys.modules["marking"] is own
    assert sys.path == path
    assert "helper_of_job" not in sys.modules
