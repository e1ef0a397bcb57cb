"""Files that cannot be read: the message names the file, nothing is left behind, and the command ends with 3."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gristmill as gm
from gristmill.errors import GristmillError, InputError

WORKERS: dict[str, Any] = {"workers": 2, "memory": "512MiB", "force_distributed": True}
Read = Callable[..., gm.Input]


def whole_parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"n": list(range(10_000))}), sink, use_dictionary=False, compression="snappy")
    return sink.getvalue().to_pybytes()


def damaged_parquet() -> bytes:
    """Its footer is fine, its pages are not: only reading tells."""
    content = bytearray(whole_parquet())
    content[4:2000] = b"\xff" * 1996
    return bytes(content)


BAD = [
    (gm.parquet, "bad.parquet", b"", "empty"),
    (gm.parquet, "bad.parquet", b"n\n1\n", "not a Parquet file"),
    (gm.parquet, "bad.parquet", whole_parquet()[:-100], "truncated"),
    (gm.parquet, "bad.parquet", damaged_parquet(), ""),
    (gm.csv, "bad.csv", b"n,m\n1,2\n3\n", "columns"),
    (gm.json, "bad.jsonl", b'{"n": 1}\n{"n": \n', "JSON"),
    (gm.text, "bad.txt", b"fine\nb\xffd\n", "byte 6"),
    (gm.text, "bad.txt.gz", b"\x1f\x8b no more", "corrupt or truncated"),
    (gm.arrow, "bad.arrow", b"ARROW1\0\0 and no more", "not a whole Arrow"),
]


def count(key: Any, value: Any) -> Iterator[tuple[str, int]]:
    yield "rows", 1


@pytest.mark.parametrize("function", [True, False], ids=["python", "sql"])
@pytest.mark.parametrize(("read", "name", "content", "said"), BAD, ids=[f"{n}-{s or 'damaged'}" for _, n, _, s in BAD])
def test_a_file_that_cannot_be_read_is_named_and_nothing_is_left(
    tmp_path: Path, nothing_left_of: Callable[[Path], None], read: Read, name: str, content: bytes, said: str,
    *, function: bool,
) -> None:  # fmt: skip
    (tmp_path / name).write_bytes(content)
    work = count if function else gm.sql_fragment("SELECT * FROM input")
    job = gm.Job("reads", input=read(str(tmp_path / name)), map=work, output=str(tmp_path / "out"))
    with pytest.raises(InputError) as caught:
        gm.run(job)
    assert name in caught.value.place
    assert said in str(caught.value)
    assert "Traceback" not in str(caught.value)
    nothing_left_of(tmp_path / "out")


@pytest.mark.parametrize(("read", "name", "content"), [BAD[3][:3], BAD[6][:3]], ids=["parquet", "text"])
def test_workers_name_it_too(
    tmp_path: Path, nothing_left_of: Callable[[Path], None], read: Read, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    job = gm.Job("reads", input=read(str(tmp_path / name)), map=count, key=["key"], output=str(tmp_path / "out"))
    with pytest.raises(InputError) as caught:
        gm.run(job, **WORKERS)
    assert name in caught.value.place
    assert "Traceback" not in str(caught.value)
    nothing_left_of(tmp_path / "out")


def test_a_folder_a_pipe_and_a_broken_link_are_no_files_to_wait_for(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "link.txt").symlink_to(tmp_path / "nowhere")
    for name in ("folder", "pipe", "link"):
        with pytest.raises(GristmillError) as caught:
            gm.run(gm.Job("reads", input=gm.text(str(tmp_path / f"{name}.txt"))))
        assert f"{name}.txt" in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("x\n")
    (tmp_path / "secret.txt").chmod(0)
    with pytest.raises(GristmillError, match=r"[Pp]ermission") as caught:
        gm.run(gm.Job("reads", input=gm.text(str(tmp_path / "secret.txt"))))
    assert "secret.txt" in str(caught.value)


def test_files_of_two_schemas_are_refused_unless_they_are_to_be_unified(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": pa.array([1], pa.int32()), "a": ["x"]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"n": [2.5], "b": [True]}), tmp_path / "2.parquet")
    given = str(tmp_path / "*.parquet")
    with pytest.raises(InputError) as caught:
        gm.run(gm.Job("mixed", input=gm.parquet(given)))
    for word in ("1.parquet", "2.parquet", "'n'", "INTEGER", "DOUBLE"):
        assert word in str(caught.value)
    rows = gm.run(gm.Job("mixed", input=gm.parquet(given, unify=True))).rows()
    assert rows == [{"n": 1.0, "a": "x", "b": None}, {"n": 2.5, "a": None, "b": True}]


def test_a_query_over_a_bad_file_names_it(tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(damaged_parquet())
    for options in ({}, WORKERS):
        with pytest.raises(InputError) as caught:
            gm.sql("SELECT sum(n) FROM t", tables={"t": tmp_path / "bad.parquet"}, **options).arrow()
        assert "bad.parquet" in str(caught.value)
        assert "Traceback" not in str(caught.value)


MANIFEST = """
apiVersion: gristmill.dev/v1alpha1
kind: MapReduceJob
metadata: {{name: reads}}
spec:
  code:
    inline:
      code.py: |
        def count(key, value):
            yield "rows", 1
  input: [{{uri: "{uri}", format: {format}}}]
  map: {{python: "code:count"}}
  partitions: 2
  output: {{uri: "out/"}}
"""


@pytest.mark.parametrize(
    ("uri", "format_", "said"),
    [("bad.txt", "text", "bad.txt, byte 6"), ("damaged.parquet", "parquet", "damaged.parquet"),
     ("missing/*.parquet", "parquet", "missing")],
)  # fmt: skip
def test_the_command_ends_with_3(
    gristmill: Any, tmp_path: Path, nothing_left_of: Any, uri: str, format_: str, said: str
) -> None:
    (tmp_path / "bad.txt").write_bytes(b"fine\nb\xffd\n")
    (tmp_path / "damaged.parquet").write_bytes(damaged_parquet())
    (tmp_path / "job.yaml").write_text(MANIFEST.format(uri=uri, format=format_))
    done = gristmill("run", "job.yaml")
    assert done.returncode == 3, done.stderr
    assert said in done.stderr
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr
    nothing_left_of(tmp_path / "out")
    assert gristmill("sweep", "out/").returncode == 0
