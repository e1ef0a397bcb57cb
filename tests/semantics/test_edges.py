"""Edges: jobs without a map or a reduce, empty partitions, names of parts, lines at the ends of splits, values left
unread, combines that go wrong, commands, and memory://."""

from __future__ import annotations

import io
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gristmill as gm
from gristmill.errors import FragmentError, InputError, InvalidPlan, TypeConflict
from gristmill.plan.manifest import load_manifest

TIERS = pytest.mark.parametrize("spread", [False, True], ids=["inline", "workers"])


def upper(name: str, line: str) -> Iterator[tuple[str, str]]:
    yield name.rsplit("/", 1)[1], line.upper()


@TIERS
def test_no_reduce_gives_one_part_per_split_in_input_order(
    tmp_path: Path, cut: Any, workers: dict[str, Any], *, spread: bool
) -> None:
    for name, first in (("b", 0), ("a", 100)):
        (tmp_path / f"{name}.txt").write_text("".join(f"line {n}\n" for n in range(first, first + 100)))
    inputs = {"one": cut(gm.text(str(tmp_path / "b.txt")), 300), "two": cut(gm.text(str(tmp_path / "a.txt")), 500)}
    out = tmp_path / "out"
    result = gm.run(gm.Job("upper", input=inputs, map=upper, output=str(out)), **(workers if spread else {}))
    parts = result.manifest.parts
    assert [part.partition for part in parts] == list(range(len(parts)))
    assert len(parts) == sum(stage.tasks for stage in result.progress.stages if str(stage.stage).count("map")) > 3
    rows = [value for part in parts for value in pq.read_table(out / part.path)["value"].to_pylist()]
    assert rows == [f"LINE {n}" for n in range(200)]


def test_no_map_is_the_identity(tmp_path: Path) -> None:
    table = pa.table({"k": ["b", "a", "b"], "n": [1, 2, 3]})
    pq.write_table(table, tmp_path / "t.parquet")

    def rows_of(key: str, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        yield {"k": key, "rows": list(rows)}

    given = gm.parquet(tmp_path / "t.parquet", key=["k"])
    assert gm.run(gm.Job("same", input=given)).arrow().sort_by("n") == table.sort_by("n")
    rows = gm.run(gm.Job("groups", input=given, reduce=rows_of, rows=True, partitions=1)).rows()
    assert rows == [
        {"k": "a", "rows": [{"k": "a", "n": 2}]},
        {"k": "b", "rows": [{"k": "b", "n": 1}, {"k": "b", "n": 3}]},
    ]


def test_the_identity_of_text_is_its_pairs(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("one\ntwo\n")
    rows = gm.run(gm.Job("lines", input=gm.text(str(tmp_path / "in.txt")))).rows()
    assert [row["value"] for row in rows] == ["one", "two"]
    assert all(row["key"].endswith("/in.txt") for row in rows)


@TIERS
def test_an_empty_partition_is_a_part_with_schema_and_no_rows(
    tmp_path: Path, workers: dict[str, Any], *, spread: bool
) -> None:
    (tmp_path / "in.txt").write_text("only\n")

    def length(word: str, lines: Iterator[str]) -> Any:
        yield word, [len(line) for line in lines]

    out = tmp_path / "out"
    job = gm.Job("few", input=gm.text(str(tmp_path / "in.txt")), map=lambda name, line: [(line, line)], reduce=length,
                 partitions=4, output=str(out))  # fmt: skip
    manifest = gm.run(job, **(workers if spread else {})).manifest
    assert sorted(part.rows for part in manifest.parts) == [0, 0, 0, 1]
    schemas = {str(pq.read_schema(out / part.path).remove_metadata()) for part in manifest.parts}
    assert len(schemas) == 1
    assert pq.read_table(out).column_names == ["key", "value"]


def test_parts_are_named_by_partition_and_commit(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("a\nb\nc\n")
    job = gm.Job("named", input=gm.text(str(tmp_path / "in.txt")), map=upper, key=["value"], partitions=3,
                 output=str(tmp_path / "out"))  # fmt: skip
    manifest = gm.run(job).manifest
    assert [part.path for part in manifest.parts] == [f"part-{n:05}-{manifest.commit}.parquet" for n in range(3)]
    assert re.fullmatch(r"[0-9a-f]+", manifest.commit)
    found = {path.name for path in (tmp_path / "out").iterdir()}
    assert found == {part.path for part in manifest.parts} | {"_SUCCESS", "_gristmill"}


@pytest.mark.parametrize("split_bytes", [1, 3, 7, 1000])
def test_a_line_belongs_to_the_split_that_holds_its_first_byte(tmp_path: Path, cut: Any, split_bytes: int) -> None:
    """Cuts before, in and after line ends of both kinds lose no line and give none twice; empty lines are lines."""
    content = b"one\r\n\r\ntwo\n\n\xc3\xa4\xf0\x9f\x98\x80\r\nlast, \r inside\r\nno end"
    (tmp_path / "in.txt").write_bytes(content)
    job = gm.Job("lines", input=cut(gm.text(str(tmp_path / "in.txt")), split_bytes))
    wanted = ["one", "", "two", "", "ä😀", "last, \r inside", "no end"]
    assert gm.run(job).arrow()["value"].to_pylist() == wanted


@TIERS
def test_bad_utf8_is_an_error_with_file_and_offset(
    tmp_path: Path, cut: Any, workers: dict[str, Any], *, spread: bool
) -> None:
    content = b"fine\n" * 500 + b"caf\xe9\n" + b"fine\n" * 500
    (tmp_path / "bad.txt").write_bytes(content)
    job = gm.Job("lines", input=cut(gm.text(str(tmp_path / "bad.txt")), 700), map=upper)
    with pytest.raises(InputError) as caught:
        gm.run(job, **(workers if spread else {}))
    assert caught.value.place.endswith(f"bad.txt, byte {content.index(0xE9)}")
    assert "UTF-8" in str(caught.value)


def test_values_are_one_pass_and_what_is_left_unread_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("".join(f"{n % 3} {n}\n" for n in range(90)))

    def split(name: str, line: str) -> Iterator[tuple[str, int]]:
        key, number = line.split()
        yield key, int(number)

    def some(key: str, values: Iterator[int]) -> Iterator[dict[str, Any]]:
        if key == "0":
            return
        first = next(values)
        rest = list(values) if key == "2" else []
        yield {"key": key, "first": first, "rest": len(rest), "again": len(list(values)) if key == "2" else 0}

    given = gm.text(str(tmp_path / "in.txt"))
    rows = gm.run(gm.Job("some", input=given, map=split, reduce=some, rows=True, partitions=1)).rows()
    assert rows == [
        {"key": "1", "first": 1, "rest": 0, "again": 0},
        {"key": "2", "first": 2, "rest": 29, "again": 0},
    ]


@TIERS
@pytest.mark.parametrize("wrong", ["value", "key"])
def test_a_combine_that_changes_the_type_is_an_error(
    tmp_path: Path, workers: dict[str, Any], wrong: str, *, spread: bool
) -> None:
    (tmp_path / "in.txt").write_text("a\nb\na\n")

    def one(name: str, line: str) -> Iterator[tuple[str, int]]:
        yield line, 1

    def changed(key: str, values: Iterator[int]) -> Any:
        yield (key, str(sum(values))) if wrong == "value" else (len(key), sum(values))

    def total(key: str, values: Iterator[int]) -> Iterator[tuple[str, int]]:
        yield key, sum(values)

    job = gm.Job("changing", input=gm.text(str(tmp_path / "in.txt")), map=one, combine=changed, reduce=total)
    with pytest.raises((TypeConflict, FragmentError), match="combine"):
        gm.run(job, **(workers if spread else {}))


COUNT_IN_ANY_LANGUAGE = """
import json, sys
key, total = None, 0
def end():
    if key is not None:
        print(json.dumps({"key": key, "value": total}))
for line in sys.stdin:
    row = json.loads(line)
    if "key" in row:
        end()
        key, total = row["key"], 0
    else:
        total += row["value"]
end()
"""


@TIERS
def test_commands_get_and_give_json_lines_framed_by_group(
    tmp_path: Path, workers: dict[str, Any], *, spread: bool
) -> None:
    """Through a manifest; 64-bit integers keep all digits on the way in and out."""
    big = 2**62 + 1
    table = pa.table({"key": ["a", "b", "a"], "value": [big, -1, 1]})
    pq.write_table(table, tmp_path / "t.parquet")
    manifest = f"""
apiVersion: gristmill.dev/v1alpha1
kind: MapReduceJob
metadata: {{name: count}}
spec:
  code:
    inline:
      count.py: |
        {COUNT_IN_ANY_LANGUAGE.replace(chr(10), chr(10) + " " * 8)}
  input:
    - {{name: rows, uri: "{tmp_path}/t.parquet", format: pairs}}
  reduce: {{command: ["{sys.executable}", "count.py"]}}
  partitions: 1
  output: {{uri: "{tmp_path}/out/"}}
"""
    rows = gm.run(load_manifest(manifest), **(workers if spread else {})).rows()
    assert rows == [{"key": "a", "value": big + 1}, {"key": "b", "value": -1}]


def in_memory(name: str, table: pa.Table) -> str:
    """A Parquet file in this process's memory."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    fsspec.filesystem("memory").pipe(f"/{name}/t.parquet", buffer.getvalue())
    return f"memory://{name}/t.parquet"


def test_memory_works_inside_the_calling_process(tmp_path: Path) -> None:
    uri = in_memory("edges-in", pa.table({"k": ["a", "b", "a"], "n": [1, 2, 3]}))
    job = gm.Job("sums", input=gm.parquet(uri, key=["k"]), output="memory://edges-out",
                 reduce=gm.sql_fragment("SELECT k, sum(n) AS s FROM input GROUP BY k"), partitions=2)  # fmt: skip
    assert sorted((row["k"], int(row["s"])) for row in gm.run(job).rows()) == [("a", 4), ("b", 2)]
    again = gm.run(gm.Job("again", input=gm.parquet("memory://edges-out"))).rows()
    assert sorted(row["k"] for row in again) == ["a", "b"]


@pytest.mark.parametrize("where", ["input", "output", "side"])
def test_memory_is_refused_for_workers_before_one_starts(tmp_path: Path, workers: dict[str, Any], where: str) -> None:
    uri = in_memory("edges-refused", pa.table({"key": ["a"], "value": [1]}))
    (tmp_path / "in.txt").write_text("a\n")
    job = gm.Job(
        "refused",
        input=gm.pairs(uri) if where == "input" else gm.text(str(tmp_path / "in.txt")),
        side={"small": gm.parquet(uri)} if where == "side" else {},
        output="memory://edges-refused-out" if where == "output" else str(tmp_path / "out"),
    )
    started = time.monotonic()
    with pytest.raises(InvalidPlan, match=r"memory://.* of job 'refused': .*this process") as caught:
        gm.run(job, **workers)
    assert "force_distributed" in caught.value.remedy
    assert time.monotonic() - started < 1
