"""What users' functions do wrong: each ends in a message with file, record and function line, and nothing hangs."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import gristmill as gm
from gristmill.errors import GristmillError

HERE = Path(__file__).name


def _run(books: Path, function: Callable[..., Any], *, spread: bool, memory: str = "512MiB", **options: Any) -> Any:
    job = gm.Job("bad", input=gm.text(str(books / "book00.txt")), map=function, partitions=2, key=["key"], **options)
    return gm.run(job, workers=2, memory=memory, force_distributed=spread)


def raises(name: str, line: str) -> Iterator[tuple[str, int]]:
    raise KeyError("no such thing")
    yield line, 1


def exits(name: str, line: str) -> Iterator[tuple[str, int]]:
    sys.exit(3)
    yield line, 1


def returns_a_number(name: str, line: str) -> int:
    return len(line)


def yields_no_pair(name: str, line: str) -> Iterator[Any]:
    yield line


@pytest.mark.parametrize("spread", [False, True], ids=["inline", "workers"])
@pytest.mark.parametrize(
    ("function", "words"),
    [
        (raises, ["KeyError", "no such thing", HERE]),
        (exits, ["sys.exit", HERE]),
        (returns_a_number, ["int"]),
        (yields_no_pair, ["pair"]),
    ],
)
def test_the_message_names_file_record_and_what_happened(
    books: Path, function: Callable[..., Any], words: list[str], *, spread: bool
) -> None:
    with pytest.raises(GristmillError) as caught:
        _run(books, function, spread=spread)
    message = str(caught.value)
    assert "book00.txt" in message
    for word in words:
        assert word in message


def crashes(name: str, line: str) -> Iterator[tuple[str, int]]:
    ctypes.string_at(0)
    yield line, 1


def vanishes(name: str, line: str) -> Iterator[tuple[str, int]]:
    os._exit(7)
    yield line, 1


@pytest.mark.parametrize(("function", "words"), [(crashes, ["SIGSEGV"]), (vanishes, ["exit status 7"])])
def test_a_process_that_dies_is_named_with_how_it_died(
    books: Path, function: Callable[..., Any], words: list[str]
) -> None:
    with pytest.raises(GristmillError) as caught:
        _run(books, function, spread=True)
    for word in words:
        assert word in str(caught.value)


def hoards(name: str, line: str) -> Iterator[tuple[str, int]]:
    held = []
    while True:
        held.append(bytearray(4 << 20))
        yield line, len(held)


def test_a_function_that_takes_ten_times_its_memory_is_stopped(books: Path) -> None:
    with pytest.raises(GristmillError, match=r"memory|MiB"):
        _run(books, hoards, spread=True)


def never_ends(name: str, line: str) -> Iterator[tuple[str, int]]:
    time.sleep(3600)
    yield line, 1


def test_a_function_that_never_ends_is_timed_out(books: Path) -> None:
    with pytest.raises(GristmillError, match=r"longer|timeout|time"):
        _run(books, never_ends, spread=True, task_timeout_s=0.5)


@pytest.mark.parametrize("spread", [False, True], ids=["inline", "workers"])
def test_a_job_that_misses_its_deadline_is_ended_and_says_so(books: Path, *, spread: bool) -> None:
    def dawdles(name: str, line: str) -> Iterator[tuple[str, int]]:
        time.sleep(0.01)
        yield line, 1

    with pytest.raises(GristmillError, match="job 'bad': it had not finished after its deadline of 1s"):
        _run(books, dawdles, spread=spread, deadline_s=1.0)


def forks(name: str, line: str) -> Iterator[tuple[str, int]]:
    if os.fork() == 0:
        return
    os.wait()
    yield line, 1


def test_a_function_that_forks_gives_each_record_once(books: Path) -> None:
    first = (books / "book00.txt").read_text().splitlines()[:20]
    (books / "book00.txt").write_text("\n".join(first) + "\n")
    assert len(_run(books, forks, spread=True)) == 20


def prints(name: str, line: str) -> Iterator[tuple[str, int]]:
    print("a word from the map", file=sys.stderr)
    yield line, 1


@pytest.mark.parametrize("spread", [False, True], ids=["inline", "workers"])
def test_prints_disturb_nothing(books: Path, *, spread: bool) -> None:
    assert len(_run(books, prints, spread=spread)) == 400


def fails_on_three(name: str, line: str) -> Iterator[tuple[str, int]]:
    if line in ("poison",):
        raise ValueError("cannot digest")
    yield line, 1


@pytest.mark.parametrize("spread", [False, True], ids=["inline", "workers"])
def test_records_that_always_fail_are_skipped_when_allowed_and_named(tmp_path: Path, *, spread: bool) -> None:
    (tmp_path / "in.txt").write_text("good\npoison\nfine\npoison\n")
    job = gm.Job(
        "skips",
        input=gm.text(str(tmp_path / "in.txt")),
        map=fails_on_three,
        key=["key"],
        skip_records=2,
        output=str(tmp_path / "out"),
    )
    result = gm.run(job, workers=1, memory="512MiB", force_distributed=spread)
    assert sorted(row["key"] for row in result.rows()) == ["fine", "good"]
    assert sorted(record.record for record in result.quarantined) == [1, 3]
    named = next((tmp_path / "out" / "_gristmill" / "quarantine").glob("*.jsonl")).read_text()
    assert "cannot digest" in named
    assert "in.txt" in named


def test_a_task_may_leave_out_as_many_records_as_the_job_allows(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("poison\n" * 60 + "good\n")
    job = gm.Job("skips", input=gm.text(str(tmp_path / "in.txt")), map=fails_on_three, key=["key"], skip_records=60)
    result = gm.run(job)
    assert [row["key"] for row in result.rows()] == ["good"]
    assert len(result.quarantined) == 60


def test_one_bad_record_more_than_allowed_fails_the_job(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("good\npoison\nfine\npoison\n")
    job = gm.Job("skips", input=gm.text(str(tmp_path / "in.txt")), map=fails_on_three, key=["key"], skip_records=1)
    with pytest.raises(GristmillError, match="cannot digest"):
        gm.run(job)


def test_a_failed_job_leaves_no_output(books: Path, tmp_path: Path) -> None:
    with pytest.raises(GristmillError):
        _run(books, raises, spread=True, output=str(tmp_path / "out"))
    assert list((tmp_path / "out").rglob("part-*")) == []
    assert not (tmp_path / "out" / "_SUCCESS").exists()


def test_a_function_with_the_wrong_arguments_is_refused_before_anything_runs(books: Path) -> None:
    def one(line: str) -> Iterator[tuple[str, int]]:
        yield line, 1

    with pytest.raises(GristmillError, match=r"takes \(line\), it will be called with two"):
        gm.Job("bad", input=gm.text(str(books / "*.txt")), map=one)


def test_what_cannot_be_sent_to_workers_is_refused_with_its_reason(books: Path) -> None:
    import threading

    lock = threading.Lock()

    def locked(name: str, line: str) -> Iterator[tuple[str, int]]:
        with lock:
            yield line, 1

    with pytest.raises(GristmillError, match="cannot be sent to workers"):
        gm.Job("bad", input=gm.text(str(books / "*.txt")), map=locked).chain()


def test_a_function_may_use_what_its_file_defines_after_the_job(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("a b\n")
    script = tmp_path / "script.py"
    script.write_text(
        "import gristmill as gm\n"
        "def words(name, line):\n    yield from later(line)\n"
        f"job = gm.Job('late', input=gm.text({str(tmp_path / 'in.txt')!r}), map=words, key=['key'])\n"
        "def later(line):\n    yield line, SUFFIX\n"
        "SUFFIX = 'later'\n"
        "print(gm.run(job, workers=1, memory='512MiB', force_distributed=True).rows())\n"
    )
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert ran.stdout == "[{'key': 'a b', 'value': 'later'}]\n", ran.stderr
