"""Commands: JSON lines in and out, values exact, groups framed, and failures that say what the program said."""

from __future__ import annotations

import datetime as dt
import json
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from plans import columns, command, job, pairs, parquet, pylists, python, script, text
from sequential import run_job

from gristmill.errors import FragmentError, GristmillError, TypeConflict
from gristmill.plan.fragment import Code, CodeFile
from gristmill.plan.job import JobInput, JobPlan

ECHO_LINES = "import json,sys\nfor n, line in enumerate(sys.stdin):\n print(json.dumps({'n': n, 'line': line.strip()}))"


def failure(tmp_path: Path, plan: JobPlan) -> GristmillError:
    """The error of the job."""
    with pytest.raises(GristmillError) as caught:
        run_job(plan, tmp_path)
    return caught.value


def received(tmp_path: Path, plan: JobPlan) -> list[object]:
    """What the echoing command got on stdin."""
    return [json.loads(line) for _, line in pylists(run_job(plan, tmp_path).table)]


def test_lines_come_as_key_and_value(tmp_path: Path) -> None:
    source = text(tmp_path / "in", 'a\nb "q"\n')
    assert [each["value"] for each in received(tmp_path, job(source, script(ECHO_LINES)))] == ["a", 'b "q"']


def test_rows_come_as_objects(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in", pa.table({"a": [1, None], "b": ["x", "y"]}))
    assert received(tmp_path, job(source, script(ECHO_LINES))) == [{"a": 1, "b": "x"}, {"a": None, "b": "y"}]


def test_values_that_json_lacks_are_strings_and_integers_have_all_digits(tmp_path: Path) -> None:
    table = pa.table(
        {
            "big": pa.array([2**63 - 1]),
            "decimal": pa.array([Decimal("1.50")]),
            "nan": pa.array([float("nan")]),
            "bytes": pa.array([b"\x00\xff"]),
            "day": pa.array([dt.date(2024, 2, 29)]),
            "time": pa.array([dt.datetime(2024, 2, 29, 1, 2, 3)]),
            "list": pa.array([[1.5, float("inf")]]),
        }
    )
    (row,) = received(tmp_path, job(parquet(tmp_path / "in", table), script(ECHO_LINES)))
    assert row == {
        "big": 2**63 - 1, "decimal": "1.50", "nan": "NaN", "bytes": "AP8=", "day": "2024-02-29",
        "time": "2024-02-29T01:02:03", "list": [1.5, "Infinity"],
    }  # fmt: skip


def test_declared_values_come_back_exact(tmp_path: Path) -> None:
    schema = columns(
        big="BIGINT", decimal="DECIMAL(10,2)", nan="DOUBLE", bytes="BLOB", day="DATE", time="TIMESTAMP",
        pair="STRUCT(_0 BIGINT, _1 VARCHAR)", list="DOUBLE[]",
    )  # fmt: skip
    answer = {
        "big": 2**63 - 1, "decimal": "1.50", "nan": "NaN", "bytes": "AP8=", "day": "2024-02-29",
        "time": "2024-02-29T01:02:03", "pair": [1, "x"], "list": [1.5, "Infinity"],
    }  # fmt: skip
    source = text(tmp_path / "in", "x\n")
    program = script(f"import sys\nsys.stdin.read()\nprint({json.dumps(answer)!r})", schema)
    (row,) = run_job(job(source, program), tmp_path).table.to_pylist()
    assert row["big"] == 2**63 - 1
    assert row["decimal"] == Decimal("1.50")
    assert str(row["nan"]) == "nan"
    assert row["bytes"] == b"\x00\xff"
    assert row["day"] == dt.date(2024, 2, 29)
    assert row["time"] == dt.datetime(2024, 2, 29, 1, 2, 3)
    assert row["pair"] == {"_0": 1, "_1": "x"}
    assert row["list"] == [1.5, float("inf")]


def test_groups_are_framed_by_a_line_with_their_key(tmp_path: Path) -> None:
    source = pairs(tmp_path / "in", pa.table({"key": ["b", "a", "b"], "value": [1, 2, 3]}))
    plan = job(source, None, script(ECHO_LINES), partitions=1)
    assert received(tmp_path, plan) == [{"key": "a"}, {"value": 2}, {"key": "b"}, {"value": 1}, {"value": 3}]


def test_groups_of_several_inputs_name_the_input(tmp_path: Path) -> None:
    left = parquet(tmp_path / "l", pa.table({"k": [1]}))
    right = parquet(tmp_path / "r", pa.table({"k": [1], "v": ["x"]}))
    inputs = (JobInput("l", left, None, ("k",)), JobInput("r", right, None, ("k",)))
    plan = JobPlan("both", inputs, reduce=script(ECHO_LINES), partitions=1)
    assert received(tmp_path, plan) == [
        {"key": 1}, {"input": "l", "value": {"k": 1}}, {"input": "r", "value": {"k": 1, "v": "x"}},
    ]  # fmt: skip


def test_word_count_as_two_programs_of_the_jobs_code(tmp_path: Path) -> None:
    code = Code(inline=(
        CodeFile("mapper.py", "import json,sys\nfor line in sys.stdin:\n"
                 "  for word in json.loads(line)['value'].split():\n"
                 "    print(json.dumps({'key': word, 'value': 1}))\n"),
        CodeFile("reducer.py", "import json,sys\nkey, total = None, 0\ndef out():\n"
                 "  if key is not None: print(json.dumps({'key': key, 'value': total}))\n"
                 "for line in sys.stdin:\n  r = json.loads(line)\n"
                 "  if 'key' in r:\n    out(); key, total = r['key'], 0\n  else:\n    total += r['value']\nout()\n"),
    ))  # fmt: skip
    source = text(tmp_path / "in", "a b a\n" * 1000)
    plan = job(
        source, command(sys.executable, "mapper.py"), command(sys.executable, "reducer.py"), code=code, partitions=2
    )
    assert sorted(pylists(run_job(plan, tmp_path).table)) == [("a", 2000), ("b", 1000)]


def test_full_pipes_do_not_block(tmp_path: Path) -> None:
    source = text(tmp_path / "in", ("x" * 1000 + "\n") * 3000)
    chatty = (
        "import json,sys\nfor line in sys.stdin:\n sys.stderr.write('e' * 500 + '\\n')\n"
        " r = json.loads(line)\n print(json.dumps({'a': r['value'] * 2}))"
    )
    assert run_job(job(source, script(chatty)), tmp_path).table.num_rows == 3000
    all_first = (
        "import json,sys\nprint('\\n'.join(json.dumps({'a': 'y' * 1000}) for _ in range(2000)))\nsys.stdout.flush()\n"
        "sys.stdin.read()"
    )
    assert run_job(job(source, script(all_first)), tmp_path / "2").table.num_rows == 2000


def test_a_program_that_fails_is_quoted(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "a\n")
    error = failure(tmp_path, job(source, script("import sys\nsys.stderr.write('no such flight\\n')\nsys.exit(3)")))
    assert isinstance(error, FragmentError)
    assert "status 3" in error.reason
    assert "no such flight" in error.remedy


def test_a_program_ended_by_a_signal_is_told(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "a\n")
    error = failure(tmp_path, job(source, script("import os,signal\nos.kill(os.getpid(), signal.SIGKILL)")))
    assert "signal 9" in error.reason


def test_a_program_that_stops_reading_is_told(tmp_path: Path) -> None:
    source = text(tmp_path / "in", ("x" * 1000 + "\n") * 3000)
    error = failure(tmp_path, job(source, script("import sys\nsys.stdin.readline()\nsys.stdin.close()")))
    assert "closed its input" in error.reason


@pytest.mark.parametrize(("line", "what"), [("oops", "not JSON"), ("[1]", "a list, not an object")])
def test_a_bad_line_is_quoted_with_its_number(tmp_path: Path, line: str, what: str) -> None:
    source = text(tmp_path / "in", "a\n")
    program = script(f"import sys\nsys.stdin.read()\nprint('{{\"a\": 1}}')\nprint({line!r})")
    error = failure(tmp_path, job(source, program))
    assert f"line 2 of its output is {what}" in error.reason
    assert line in error.reason


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    error = failure(tmp_path, job(text(tmp_path / "in", "a\n"), command("./no-such-program")))
    assert "cannot be started: No such file" in error.reason


def test_values_against_the_declared_schema_are_conflicts(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "a\n")
    program = script('import sys\nsys.stdin.read()\nprint(\'{"a": "x"}\')', columns(a="BIGINT"))
    assert isinstance(failure(tmp_path, job(source, program)), TypeConflict)
    strange = script("import sys\nsys.stdin.read()\nprint('{\"b\": 1}')", columns(a="BIGINT"))
    assert "'b'" in failure(tmp_path / "2", job(source, strange)).reason


def test_what_it_writes_to_stderr_is_in_the_result(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "a\n")
    ran = run_job(job(source, script("import sys\nsys.stderr.write('hello')\nsys.stdin.read()")), tmp_path)
    assert ran.results[0].printed == "hello"


def test_an_empty_input_starts_the_program_all_the_same(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "a\n")
    none = python(lambda name, line: [])
    count = script("import sys,json\nprint(json.dumps({'n': len(sys.stdin.readlines())}))", columns(n="BIGINT"))
    assert pylists(run_job(job(source, none, count, partitions=2), tmp_path).table) == [(0,), (0,)]


def test_a_combine_may_be_a_program(tmp_path: Path) -> None:
    summing = (
        "import json,sys\nkey, total = None, 0\ndef out():\n"
        "  if key is not None: print(json.dumps({'key': key, 'value': total}))\n"
        "for line in sys.stdin:\n  r = json.loads(line)\n"
        "  if 'key' in r:\n    out(); key, total = r['key'], 0\n  else:\n    total += r['value']\nout()"
    )
    source = pairs(tmp_path / "in", pa.table({"key": ["a", "b"] * 50, "value": [1] * 100}))
    ran = run_job(job(source, None, script(summing), combine=script(summing), partitions=1), tmp_path)
    assert pylists(ran.table) == [("a", 50), ("b", 50)]
    assert ran.results[0].rows_out == 2
