"""Ids print as short paths and parse back from them."""

import pytest

from gristmill.ids import Side, StageId, TaskId


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        (StageId("j", Side.MAP, "books"), "j/map/books"),
        (StageId("j", Side.REDUCE), "j/reduce"),
        (StageId("j", Side.WRITE), "j/write"),
        (StageId("j", Side.WRITE, "errors"), "j/write/errors"),
    ],
)
def test_a_stage_prints_without_an_empty_step_and_parses_back(stage, text):
    assert str(stage) == text
    assert StageId.parse(text) == stage
    assert TaskId.parse(f"{text}#3") == TaskId(stage, 3)
