"""Which job a file holds, and what is said about files that hold none."""

import pytest

from gristmill.errors import FragmentError, InputError, InvalidPlan
from gristmill_cli.jobfile import load

ONE = """
import gristmill as gm
from beside import words
{name} = gm.Job("counted", input=gm.text("*.txt"), map=words)
"""
TWO = """
import gristmill as gm
first = gm.Job("one", input=gm.text("*.txt"))
second = gm.Job("two", input=first)
"""


@pytest.fixture
def job_py(tmp_path):
    (tmp_path / "beside.py").write_text("def words(file, line):\n    yield line, 1\n")

    def write(text: str):
        path = tmp_path / "jobs.py"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("name", ["job", "anything"])
def test_the_only_job_is_taken_whatever_its_name(job_py, name):
    assert [job.name for job in load(job_py(ONE.format(name=name))).jobs] == ["counted"]


def test_the_variable_job_is_taken_among_several(job_py):
    assert load(job_py(TWO + "job = second\n")).result_job.name == "two"


def test_a_job_is_named_by_its_variable_or_its_own_name(job_py):
    assert load(job_py(TWO), "first").result_job.name == "one"
    assert [job.name for job in load(job_py(TWO), "two").jobs] == ["one", "two"]


def test_several_jobs_without_a_choice_are_listed(job_py):
    with pytest.raises(InvalidPlan, match="first, second"):
        load(job_py(TWO))


def test_a_wrong_name_brings_the_nearest(job_py):
    with pytest.raises(InvalidPlan) as caught:
        load(job_py(TWO), "secnd")
    assert "second" in caught.value.remedy


def test_a_file_without_a_job_is_refused(job_py):
    with pytest.raises(InvalidPlan, match="defines no job"):
        load(job_py("x = 1\n"))


def test_an_exception_names_the_line_of_the_file(job_py):
    path = job_py("def f():\n    return 1 / 0\n\nf()\n")
    with pytest.raises(FragmentError, match="ZeroDivisionError") as caught:
        load(path)
    assert caught.value.place == f"{path}:2"


def test_a_syntax_error_names_its_line(job_py):
    path = job_py("x = 1\nx = = 2\n")
    with pytest.raises(FragmentError) as caught:
        load(path)
    assert caught.value.place == f"{path}:2"


def test_a_script_that_exits_is_told_so(job_py):
    with pytest.raises(FragmentError, match="SystemExit"):
        load(job_py("import sys\nsys.exit(3)\n"))


def test_a_missing_file_and_an_unknown_suffix(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        load(tmp_path / "none.py")
    (tmp_path / "job.txt").write_text("x")
    with pytest.raises(InvalidPlan, match="not a job"):
        load(tmp_path / "job.txt")


def test_files_of_a_manifest_are_found_beside_it(tmp_path):
    (tmp_path / "mine.py").write_text("def f(key, value):\n    yield key, value\n")
    (tmp_path / "job.yaml").write_text(
        "apiVersion: gristmill.dev/v1alpha1\nkind: MapReduceJob\nmetadata: {name: j}\n"
        'spec: {code: {files: [mine.py]}, input: [{uri: "*.txt", format: text}], map: {python: "mine:f"}}\n'
    )
    (job,) = load(tmp_path / "job.yaml").jobs
    assert job.code.inline[0].path == "mine.py"
