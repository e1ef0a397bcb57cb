"""Logs of tasks in storage: bounded, one file a task, attempts in order; read as lines while they grow."""

from __future__ import annotations

from pathlib import Path

import pytest

from gristmill.errors import FragmentError, InvalidPlan
from gristmill.ids import AttemptId, TaskId
from gristmill.kernel.task_log import FIRST_CHARACTERS, LAST_CHARACTERS, TaskLog, log_name, task_of_log
from gristmill.storage.stores import Stores
from gristmill_worker.task_logs import TaskLogs

STORES = Stores()


def _attempt(task: str, number: int = 0) -> AttemptId:
    return AttemptId(TaskId.parse(task), number)


def _keep(folder: Path, task: str, text: str, number: int = 0, error: FragmentError | None = None) -> None:
    log = TaskLog()
    log.write(text)
    log.keep(str(folder), _attempt(task, number), error, STORES)


@pytest.mark.parametrize("task", ["q-1/reduce#3", "wordcount/map/books#12", "j/write/bad#0"])
def test_a_task_and_the_name_of_its_log_turn_into_each_other(task: str) -> None:
    assert task_of_log(log_name(TaskId.parse(task))) == task


def test_the_log_of_reduce_3_is_3_log() -> None:
    assert log_name(TaskId.parse("q-1/reduce#3")) == "q-1/reduce/3.log"


def test_a_task_that_says_nothing_has_no_log(tmp_path: Path) -> None:
    _keep(tmp_path, "j/reduce#0", "")
    assert list(tmp_path.iterdir()) == []


def test_attempts_of_a_task_follow_each_other_with_their_errors(tmp_path: Path) -> None:
    _keep(tmp_path, "j/reduce#0", "first", error=FragmentError("broke", place="here"))
    _keep(tmp_path, "j/reduce#0", "second\n", number=1)
    text = (tmp_path / "j/reduce/0.log").read_text()
    assert text == "first\nhere: broke\n--- attempt 1 ---\nsecond\n"


def test_the_middle_of_what_is_too_long_is_left_out() -> None:
    log = TaskLog()
    lines = [f"{number:09}\n" for number in range(100_000)]
    for line in lines:
        log.write(line)
    assert len(log.text) < FIRST_CHARACTERS + LAST_CHARACTERS + 100
    assert log.text.startswith(lines[0])
    assert log.text.endswith(lines[-1])
    assert "characters left out" in log.text


def test_lines_come_once_and_each_with_its_task(tmp_path: Path) -> None:
    logs = TaskLogs(str(tmp_path), STORES)
    _keep(tmp_path, "j/map/in#0", "a\nb\n")
    assert logs.news() == ["j/map/in#0  a", "j/map/in#0  b"]
    _keep(tmp_path, "j/map/in#1", "c\n")
    _keep(tmp_path, "j/map/in#0", "d\n", number=1)
    assert logs.news() == ["j/map/in#0  --- attempt 1 ---", "j/map/in#0  d", "j/map/in#1  c"]
    assert logs.news() == []


def test_the_log_of_one_task_has_its_lines_alone(tmp_path: Path) -> None:
    _keep(tmp_path, "j/map/in#0", "a\n")
    _keep(tmp_path, "j/map/in#1", "b\n")
    assert TaskLogs(str(tmp_path), STORES, "j/map/in#1").news() == ["b"]
    with pytest.raises(InvalidPlan, match="is no task"):
        TaskLogs(str(tmp_path), STORES, "j/map/in")
