"""Functions that misbehave: the error names file, record and the line of the function, and the executor lives on."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from plans import batches, columns, function, job, pairs, pylists, python, rows, text
from sequential import run_job

import gristmill
import gristmill as gm
from gristmill.errors import FragmentError, GristmillError, TypeConflict
from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.fragment import PythonFragment, PythonFunction


def words(name: str, line: str) -> Any:
    for word in line.split():
        yield word, 1


def total(key: Any, values: Any) -> Any:
    yield key, sum(values)


def raises(name: str, line: str) -> Any:
    if line == "bad":
        raise ValueError("cannot do this one")
    yield line, 1


def deep(name: str, line: str) -> Any:
    yield _deeper(line), 1


def _deeper(line: str) -> str:
    if line == "bad":
        return {}["missing"]  # type: ignore[misc]
    return line


def recursive(name: str, line: str) -> Any:
    return recursive(name, line)


def exits(name: str, line: str) -> Any:
    sys.exit(3)


def interrupts(name: str, line: str) -> Any:
    raise KeyboardInterrupt


def returns_none(name: str, line: str) -> None:
    return None


def returns_a_number(name: str, line: str) -> Any:
    return 5


def yields_text(name: str, line: str) -> Any:
    yield "ab"


def yields_long_text(name: str, line: str) -> Any:
    yield "abc"


def yields_a_row(name: str, line: str) -> Any:
    yield {"a": 1, "b": 2}


def yields_a_triple(name: str, line: str) -> Any:
    yield 1, 2, 3


def too_few_arguments(name: str) -> Any:
    yield name, 1


def mixed_keys(name: str, line: str) -> Any:
    yield (1 if line == "bad" else line), 1


def mixed_values(name: str, line: str) -> Any:
    yield line, ("x" if line == "bad" else 1)


def unsupported(name: str, line: str) -> Any:
    yield line, (object() if line == "bad" else None)


def set_as_key(name: str, line: str) -> Any:
    yield {line}, 1


@pytest.fixture
def lines(tmp_path: Path) -> Any:
    """Two files; the record 2 of the second is bad."""
    return text(tmp_path / "in", "a\nb\n", "c\nd\nbad\ne\n")


def failure(tmp_path: Path, source: Any, map_: Any, reduce: Any = None, **options: Any) -> GristmillError:
    """The error of the job."""
    with pytest.raises(GristmillError) as caught:
        run_job(job(source, map_, reduce, **options), tmp_path)
    return caught.value


COMBINED = {"reduce": python(total), "combine": python(total), "partitions": 2}


@pytest.mark.parametrize("options", [{}, COMBINED], ids=["map only", "combined"])
def test_an_exception_names_file_record_and_line(tmp_path: Path, lines: Any, options: Any) -> None:
    error = failure(tmp_path, lines, python(raises), **options)
    assert isinstance(error, FragmentError)
    assert "001.txt, record 2, raises" in error.place
    assert "ValueError: cannot do this one" in error.reason
    assert f"{__file__}:{raises.__code__.co_firstlineno + 2} in raises" in error.reason
    assert error.file.endswith("001.txt")
    assert error.record == 2


def test_the_users_frames_are_shown_and_the_engines_are_not(tmp_path: Path, lines: Any) -> None:
    error = failure(tmp_path, lines, python(deep))
    assert "in deep" in error.remedy
    assert "in _deeper" in error.remedy
    assert str(Path(gristmill.__file__).parent) not in error.remedy


def test_recursion_without_end_is_told_briefly(tmp_path: Path, lines: Any) -> None:
    error = failure(tmp_path, lines, python(recursive))
    assert "RecursionError" in error.reason
    assert "more calls" in error.remedy
    assert len(str(error)) < 3000


def test_sys_exit_is_an_error_of_the_function(tmp_path: Path, lines: Any) -> None:
    error = failure(tmp_path, lines, python(exits))
    assert "sys.exit(3)" in error.reason
    assert error.record == 0


def test_a_keyboard_interrupt_counts_as_the_functions_where_no_ctrl_c_arrives(tmp_path: Path, lines: Any) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            run_job(job(lines, python(interrupts)), tmp_path / "calling process")
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        assert "KeyboardInterrupt" in failure(tmp_path, lines, python(interrupts)).reason
    finally:
        signal.signal(signal.SIGINT, before)


WRONG = [
    (returns_none, "returned nothing (None)", "(key, value) pairs"),
    (returns_a_number, "returned a single int", "(key, value) pairs"),
    (yields_text, "gave 'ab' (str)", "(key, value) pairs"),
    (yields_long_text, "gave 'abc' (str)", "(key, value) pairs"),
    (yields_a_row, "gave {'a': 1, 'b': 2} (dict)", "(key, value) pairs"),
    (yields_a_triple, "gave (1, 2, 3) (tuple)", "(key, value) pairs"),
    (too_few_arguments, "takes 1 positional argument but 2 were given", ""),
]


@pytest.mark.parametrize("options", [{}, COMBINED], ids=["map only", "combined"])
@pytest.mark.parametrize(("wrong", "got", "expected"), WRONG, ids=[each[0].__name__ for each in WRONG])
def test_the_wrong_thing_given_says_what_and_what_is_expected(
    tmp_path: Path, lines: Any, wrong: Callable[..., Any], got: str, expected: str, options: Any
) -> None:
    error = failure(tmp_path, lines, python(wrong), **options)
    assert got in str(error)
    assert expected in str(error)
    assert ".txt, record " in error.place


def test_rows_that_are_no_dicts_are_told(tmp_path: Path, lines: Any) -> None:
    error = failure(tmp_path, lines, rows(words))
    assert "gave ('a', 1) (tuple)" in error.reason
    assert "dicts" in error.remedy


def test_a_batch_function_must_give_tables(tmp_path: Path, lines: Any) -> None:
    error = failure(tmp_path, lines, batches(lambda batch: None))
    assert "gave None" in error.reason
    assert "rows 0 to 1" in error.place


@pytest.mark.parametrize("wrong", [mixed_values, unsupported])
@pytest.mark.parametrize("options", [{}, COMBINED], ids=["map only", "combined"])
def test_a_value_that_fits_no_column_names_its_record(
    tmp_path: Path, lines: Any, wrong: Callable[..., Any], options: Any
) -> None:
    error = failure(tmp_path, lines, python(wrong), **options)
    assert isinstance(error, TypeConflict)
    assert "001.txt, record 2" in error.place
    assert error.record == 2


@pytest.mark.parametrize("options", [{}, COMBINED], ids=["map only", "combined"])
def test_keys_of_two_types_name_the_record(tmp_path: Path, lines: Any, options: Any) -> None:
    error = failure(tmp_path, lines, python(mixed_keys), **options)
    assert isinstance(error, TypeConflict)
    assert error.record == 2


def test_a_key_that_cannot_be_hashed_is_a_conflict(tmp_path: Path, lines: Any) -> None:
    assert "set" in str(failure(tmp_path, lines, python(set_as_key), **COMBINED))


@pytest.mark.parametrize(("one", "other"), [(True, 1), (1, True), (1.0, True), (True, 1.0)])
def test_true_and_one_are_not_one_key(tmp_path: Path, lines: Any, one: Any, other: Any) -> None:
    def keys(name: str, line: str) -> Any:
        yield (other if line == "d" else one), 1

    assert isinstance(failure(tmp_path, lines, python(keys), **COMBINED), TypeConflict)


@pytest.mark.parametrize("options", [{}, COMBINED], ids=["map only", "combined"])
def test_a_type_that_goes_wrong_late_names_its_record(tmp_path: Path, options: Any) -> None:
    source = text(tmp_path / "in", "".join(f"{n}\n" for n in range(100_000)) + "late\n")

    def late(name: str, line: str) -> Any:
        yield (line if line == "late" else int(line)), 1

    error = failure(tmp_path, source, python(late), **options)
    assert isinstance(error, TypeConflict)
    assert error.record == 100_000


def test_a_declared_type_is_held_to(tmp_path: Path, lines: Any) -> None:
    error = failure(tmp_path, lines, python(mixed_values, schema=columns(key="VARCHAR", value="BIGINT")))
    assert "declared type int64" in error.reason
    assert error.record == 2


def test_a_reduce_that_raises_names_the_group(tmp_path: Path, lines: Any) -> None:
    def picky(key: Any, values: Any) -> Any:
        if key == "bad":
            raise ValueError("no")
        yield key, sum(values)

    error = failure(tmp_path, lines, python(words), python(picky), partitions=1)
    assert "group 2 (key 'bad'), " in error.place
    assert error.file == "job reduce#0"
    assert error.record == 2


def test_a_combine_must_keep_key_and_type(tmp_path: Path, lines: Any) -> None:
    source = text(tmp_path / "same", "a\n" * 10)
    other_key = python(lambda key, values: [("z", sum(values))])
    error = failure(tmp_path, source, python(words), python(total), combine=other_key, partitions=1)
    assert "gave the key 'z'" in error.reason
    mean = python(lambda key, values: [(key, sum(values) / 2)])
    error = failure(tmp_path, source, python(words), python(total), combine=mean, partitions=1)
    assert isinstance(error, TypeConflict)
    assert "key 'a'" in error.place
    sizes = python(lambda key, values: [(key, (1, "x"))])
    mapped = python(lambda name, line: [(line, (1, 2))])
    error = failure(tmp_path, source, mapped, sizes, combine=sizes, partitions=1)
    assert isinstance(error, TypeConflict)


def test_a_combine_of_stored_pairs_is_checked_too(tmp_path: Path) -> None:
    source = pairs(tmp_path / "pairs", pa.table({"key": ["a", "a"], "value": [1, 2]}))
    mean = python(lambda key, values: [(key, sum(values) / 2)])
    assert isinstance(failure(tmp_path, source, None, python(total), combine=mean, partitions=1), TypeConflict)


def test_a_partitioner_out_of_range_is_told(tmp_path: Path, lines: Any) -> None:
    error = failure(
        tmp_path, lines, python(words), python(total), partitions=2, partition=ExchangeKind.CUSTOM,
        partitioner=function(lambda key, partitions: 7),
    )  # fmt: skip
    assert "it gave 7" in error.reason
    assert "from 0 to 1" in error.remedy


def test_records_on_the_skip_list_are_left_out_and_reported(tmp_path: Path, lines: Any) -> None:
    bad = failure(tmp_path / "first", lines, python(raises))
    ran = run_job(job(lines, python(raises)), tmp_path / "again", skip=((bad.file, bad.record),))
    assert [key for key, _ in pylists(ran.table)] == ["a", "b", "c", "d", "e"]
    assert [(each.file, each.record) for result in ran.results for each in result.quarantined] == [
        (bad.file, bad.record)
    ]


def test_groups_on_the_skip_list_are_left_out_and_reported(tmp_path: Path, lines: Any) -> None:
    plan = job(lines, python(words), python(total), partitions=1)
    ran = run_job(plan, tmp_path, skip=(("job reduce#0", 1), ("job reduce#0", 4)))
    assert [key for key, _ in pylists(ran.table)] == ["a", "bad", "c", "e"]
    assert [each.record for result in ran.results for each in result.quarantined] == [1, 4]


def test_records_of_a_later_range_are_named_by_its_start(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "".join(f"{n:05}\n" for n in range(1000)) + "bad\n", split_bytes=2000)
    error = failure(tmp_path / "first", source, python(raises))
    assert "@" in error.file
    ran = run_job(job(source, python(raises)), tmp_path / "again", skip=((error.file, error.record),))
    assert ran.table.num_rows == 1000


def test_prints_are_kept_and_bounded(tmp_path: Path, lines: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def chatty(name: str, line: str) -> Any:
        print("saw", line)
        print("x" * 5000, file=sys.stderr)
        yield line, 1

    ran = run_job(job(lines, python(chatty)), tmp_path)
    assert "saw" in ran.results[0].printed
    assert len(ran.results[0].printed) <= 8192
    assert capsys.readouterr().out == ""


def forking(calls: Path, function_: Callable[..., Any], *, generator: bool) -> Callable[..., Any]:
    """A function that notes each call, forks, and gives the same in both processes."""

    def called(*given: Any) -> Any:
        with calls.open("a") as file:
            file.write("called\n")
        os.fork()
        return function_(*given)

    def generated(*given: Any) -> Any:
        yield from called(*given)

    return generated if generator else called


@pytest.mark.parametrize("generator", [False, True], ids=["returns", "yields"])
@pytest.mark.parametrize(
    ("forks", "times"), [("map", 6), ("map before combine", 6), ("combine", 3), ("reduce", 3), ("batches", 1)]
)
def test_a_forked_copy_ends_with_the_call_that_made_it(
    tmp_path: Path, forks: str, times: int, *, generator: bool
) -> None:
    lines = text(tmp_path, "a\nb\nc\na\nb\nc\n")
    calls = tmp_path / "calls"

    def pair(name: str, line: str) -> Any:
        return [(line, 1)]

    def add(key: Any, values: Any) -> Any:
        return [(key, sum(values))]

    def as_it_is(batch: pa.RecordBatch) -> Any:
        return [batch]

    ways: dict[str, Any] = {
        "map": {"map_": python(forking(calls, pair, generator=generator))},
        "map before combine": {"map_": python(forking(calls, pair, generator=generator)), "combine": python(add)},
        "combine": {"map_": python(pair), "combine": python(forking(calls, add, generator=generator))},
        "reduce": {"map_": python(pair), "reduce": python(forking(calls, add, generator=generator))},
        "batches": {"map_": batches(forking(calls, as_it_is, generator=generator))},
    }
    options: dict[str, Any] = {"reduce": None if forks == "batches" else python(add), "partitions": 1, **ways[forks]}
    ran = run_job(job(lines, options.pop("map_"), **options), tmp_path)
    assert calls.read_text().count("called") == times
    if forks != "batches":
        assert sorted(pylists(ran.table)) == [("a", 2), ("b", 2), ("c", 2)]


def test_a_forked_copy_may_raise(tmp_path: Path, lines: Any) -> None:
    def forks(name: str, line: str) -> Any:
        if os.fork() == 0:
            raise ValueError("in the copy")
        return [(line, 1)]

    assert run_job(job(lines, python(forks)), tmp_path).table.num_rows == 6


def test_an_error_in_a_module_at_import_is_the_users(tmp_path: Path, lines: Any) -> None:
    from gristmill.plan.fragment import Code, CodeFile

    code = Code(inline=(CodeFile("broken_module.py", "x = 1\nraise RuntimeError('at import')\n"),))
    fragment = PythonFragment(PythonFunction("broken_module:f"))
    error = failure(tmp_path, lines, fragment, code=code)
    assert "RuntimeError: at import" in error.reason
    assert "broken_module.py:2" in error.reason


def test_a_function_that_is_not_there_is_told_with_the_nearest_name(tmp_path: Path, lines: Any) -> None:
    from gristmill.plan.fragment import Code, CodeFile

    code = Code(inline=(CodeFile("some_module.py", "def words(name, line):\n    yield line, 1\n"),))
    error = failure(tmp_path, lines, PythonFragment(PythonFunction("some_module:word")), code=code)
    assert "there is no 'word'" in error.reason
    assert "'words'" in error.remedy
    error = failure(tmp_path, lines, PythonFragment(PythonFunction("no_such_module_here:f")))
    assert "no module 'no_such_module_here'" in error.reason


def test_code_by_name_runs_from_the_jobs_files(tmp_path: Path, lines: Any) -> None:
    from gristmill.plan.fragment import Code, CodeFile

    code = Code(inline=(
        CodeFile("wordcount_code.py", "from wordcount_parts.split import split\n\ndef words(name, line):\n"
                 "    for word in split(line):\n        yield word, 1\n"),
        CodeFile("wordcount_parts/split.py", "def split(line):\n    return line.split()\n"),
    ))  # fmt: skip
    plan = job(lines, PythonFragment(PythonFunction("wordcount_code:words")), code=code)
    assert run_job(plan, tmp_path).table.num_rows == 6


def test_a_name_that_no_output_has_is_told(tmp_path: Path, lines: Any) -> None:
    error = failure(tmp_path, lines, python(lambda name, line: [gm.to("elsewhere", (line, 1))]))
    assert "gm.to('elsewhere'" in error.reason
