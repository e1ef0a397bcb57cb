"""What a job refuses, or takes, before anything runs."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gristmill as gm
from gristmill.errors import InvalidPlan


def words(name: str, line: str) -> Iterator[tuple[str, int]]:
    for word in line.split():
        yield word, 1


def total(word: str, counts: Iterator[int]) -> Iterator[tuple[str, int]]:
    yield word, sum(counts)


def _count(name: str, uri: str = "some.txt") -> gm.Job:
    return gm.Job(name, input=gm.text(uri), map=words, reduce=total)


def test_two_inputs_from_different_jobs_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidPlan, match="two different jobs are named 'wc'"):
        gm.Job("both", input={"a": _count("wc", "a.txt"), "b": _count("wc", "b.txt")}, reduce=total)


def test_jobs_that_read_each_other_twice_over_are_looked_at_once() -> None:
    one, other = _count("one0"), _count("other0")
    started_s = time.monotonic()
    for number in range(1, 40):
        inputs = {"a": one, "b": other}
        one, other = (gm.Job(f"{name}{number}", input=inputs, reduce=total) for name in ("one", "other"))
    assert len(one.chain().jobs) == 79
    assert time.monotonic() - started_s < 30


@pytest.mark.parametrize("given", [{"key": "word"}, {"sort": "word"}])
def test_a_string_is_no_list_of_columns(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidPlan, match="is a list of columns, not 'word'"):
        gm.Job("j", input=gm.parquet("some.parquet"), reduce=total, **given)


def test_a_string_is_no_list_of_folders() -> None:
    with pytest.raises(InvalidPlan, match="partition_by is a list of columns, not 'day'"):
        gm.output("out", partition_by="day")


def test_a_function_may_have_defaults() -> None:
    def with_default(name: str, line: str = "", times: int = 1) -> Iterator[tuple[str, int]]:
        yield line, times

    gm.Job("j", input=gm.text("some.txt"), map=with_default, reduce=total)


@pytest.mark.parametrize("function", [lambda line: [], lambda name, line, extra: [], lambda *, name, line: []])
def test_a_function_that_cannot_take_a_key_and_a_value_is_refused(function: Any) -> None:
    with pytest.raises(InvalidPlan, match=r"the function takes \(.*it will be called with two arguments"):
        gm.Job("j", input=gm.text("some.txt"), map=function, reduce=total)


def test_no_workers_are_refused(tmp_path: Path) -> None:
    (tmp_path / "line.txt").write_text("a b\n")
    with pytest.raises(InvalidPlan, match="0 workers cannot run anything"):
        gm.run(_count("wc", str(tmp_path / "line.txt")), workers=0, force_distributed=True)


def test_a_reader_keeps_the_rows_of_a_result_that_nobody_holds(tmp_path: Path) -> None:
    (tmp_path / "line.txt").write_text("a b\n")
    reader = gm.run(_count("wc", str(tmp_path / "line.txt"))).reader()
    gc.collect()
    assert reader.read_all().num_rows == 2


def test_a_local_folder_with_too_long_a_path_for_sockets_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("deep" * 20)
    folder.mkdir()
    monkeypatch.setenv("GRISTMILL_LOCAL_DIR", str(folder))
    (tmp_path / "line.txt").write_text("a b\n")
    with pytest.raises(InvalidPlan, match="GRISTMILL_LOCAL_DIR to a shorter path"):
        gm.run(_count("wc", str(tmp_path / "line.txt")), force_distributed=True)
