"""Which files travel with a script whose functions go as source."""

import sys

import pytest

import gristmill as gm
from gristmill.api.modules import import_root, module_name, source_files
from gristmill.errors import GristmillError, InvalidPlan
from gristmill.plan.manifest import load_manifest


@pytest.fixture
def folder(tmp_path):
    def write(**texts: str):
        for name, text in texts.items():
            file = tmp_path / (name.replace("__", "/") + ".py")
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        return tmp_path

    return write


def test_modules_beside_the_script_come_along_and_those_they_import(folder):
    root = folder(job="import json, near\n", near="from far import x\n", far="x = 1\n", unrelated="")
    assert list(source_files(root / "job.py")) == ["job.py", "near.py", "far.py"]


def test_modules_that_import_each_other_come_once(folder):
    root = folder(job="import near\n", near="import job\n")
    assert list(source_files(root / "job.py")) == ["job.py", "near.py"]


def test_of_a_package_the_modules_that_are_imported(folder):
    root = folder(
        job="from text import split\n", text__split="from .rules import RULE\n", text__rules="", text__more=""
    )
    (root / "text" / "__init__.py").write_text("")
    assert set(source_files(root / "job.py")) == {"job.py", "text/__init__.py", "text/split.py", "text/rules.py"}


def test_imports_inside_functions_count(folder):
    root = folder(job="def f(k, v):\n    import late\n    yield k, v\n", late="")
    assert list(source_files(root / "job.py")) == ["job.py", "late.py"]


def test_a_module_of_a_package_is_named_from_above_it(folder):
    root = folder(reports__daily="")
    (root / "reports" / "__init__.py").write_text("")
    daily = root / "reports" / "daily.py"
    assert import_root(daily) == root
    assert module_name(daily) == "reports.daily"
    assert module_name(root / "reports" / "__init__.py") == "reports"
    assert set(source_files(daily)) == {"reports/daily.py", "reports/__init__.py"}


def test_a_script_whose_name_is_no_module_gets_one(folder):
    root = folder(job="")
    script = (root / "job.py").rename(root / "2-word count.py")
    assert module_name(script) == "_2_word_count"
    assert list(source_files(script)) == ["_2_word_count.py"]


def test_a_module_that_is_not_python_is_named(folder):
    root = folder(job="import near\n", near="x = = 1\n")
    with pytest.raises(InvalidPlan) as caught:
        source_files(root / "job.py")
    assert caught.value.place == f"{root / 'near.py'}:1"


def test_a_manifest_of_a_script_runs_where_only_its_code_is(folder, tmp_path, monkeypatch):
    root = folder(
        shouted_job="import shouted_words\n\ndef loud(name, line):\n    yield shouted_words.loud(line), 1\n",
        shouted_words="def loud(text):\n    return text.upper()\n",
    )
    data = tmp_path / "in.txt"
    data.write_text("a\nb\n")
    monkeypatch.syspath_prepend(str(root))
    import shouted_job

    manifest = gm.Job("loud", input=gm.text(str(data)), map=shouted_job.loud).manifest()
    for name in ("shouted_job", "shouted_words"):
        (root / f"{name}.py").unlink()
        del sys.modules[name]
    assert [row["key"] for row in gm.run(load_manifest(manifest)).rows()] == ["A", "B"]


def test_a_script_that_runs_its_job_when_imported_is_told_so(folder, tmp_path, monkeypatch):
    data = tmp_path / "in.txt"
    data.write_text("a\n")
    job = f"gm.Job('j', input=gm.text({str(data)!r}), map=eager)"
    root = folder(
        eager_job=f"import gristmill as gm\n\ndef eager(name, line):\n    yield line, 1\n\njob = {job}\ngm.run(job)\n"
    )
    monkeypatch.syspath_prepend(str(root))
    import eager_job

    manifest = eager_job.job.manifest()
    (root / "eager_job.py").unlink()
    del sys.modules["eager_job"]
    with pytest.raises(GristmillError, match="runs a job when it is imported"):
        gm.run(load_manifest(manifest))
