"""Where a job's source may come from, and what is wrong with it."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from gristmill.errors import GristmillError
from gristmill.plan.fragment import Code, CodeFile
from gristmill.plan.job import JobPlan
from gristmill.storage.stores import Stores
from gristmill_worker.code import with_code

FILES = {"job.py": b"def f(k, v): ...\n", "lib/util.py": b"x = 1\n"}
INLINE = (CodeFile("job.py", "def f(k, v): ...\n"), CodeFile("lib/util.py", "x = 1\n"))


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in {**FILES, "lib/__pycache__/util.pyc": b"\x00\xff"}.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in FILES.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _job(folder: Path, name: str, content: bytes, sha256: str = "") -> JobPlan:
    (folder / name).write_bytes(content)
    code = Code(uri=str(folder / name), sha256=sha256 or hashlib.sha256(content).hexdigest(), requirements=("six",))
    return JobPlan("job", (), code=code)


@pytest.mark.parametrize(("name", "content"), [("code.zip", _zip()), ("code.tar.gz", _tar())])
def test_an_archive_becomes_inline_files(tmp_path: Path, name: str, content: bytes) -> None:
    code = with_code(_job(tmp_path, name, content), {}, Stores()).code
    assert code.inline == INLINE
    assert (code.uri, code.requirements) == ("", ("six",))


def test_one_source_file_keeps_its_name(tmp_path: Path) -> None:
    code = with_code(_job(tmp_path, "job.py", FILES["job.py"]), {}, Stores()).code
    assert code.inline == INLINE[:1]


def test_a_config_map_becomes_inline_files() -> None:
    job = JobPlan("job", (), code=Code(config_map="code"))
    assert with_code(job, FILES, Stores()).code.inline == INLINE


def test_code_that_is_inline_or_in_an_image_stays_as_it_is() -> None:
    for code in (Code(inline=INLINE), Code(image="registry/image:tag"), Code()):
        job = JobPlan("job", (), code=code)
        assert with_code(job, {}, Stores()) == job


@pytest.mark.parametrize(
    ("name", "content", "sha256", "said"),
    [
        ("job.py", b"x", "0" * 64, "SHA-256"),
        ("code.zip", b"not a zip", "", "not a zip"),
        ("code.tar.gz", b"not a tar", "", "not a tar.gz"),
        ("job.py", b"\xff\xfe", "", "not UTF-8"),
    ],
)
def test_code_that_cannot_be_used_is_refused(tmp_path: Path, name: str, content: bytes, sha256: str, said: str) -> None:
    with pytest.raises(GristmillError, match=said):
        with_code(_job(tmp_path, name, content, sha256), {}, Stores())


def test_an_empty_config_map_is_refused_by_name() -> None:
    with pytest.raises(GristmillError, match="'code' holds no source files"):
        with_code(JobPlan("job", (), code=Code(config_map="code")), {}, Stores())
