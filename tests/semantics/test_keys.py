"""Keys compare, group, sort and partition as in DuckDB, for Python functions, SQL and joins alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gristmill as gm
from gristmill.errors import TypeConflict

Grouped = Callable[[Sequence[Any]], list[tuple[str, list[int]]]]
NAN = float("nan")


def test_null_is_one_group_and_last(grouped: Grouped) -> None:
    assert grouped([None, "b", None, "a"]) == [("'a'", [3]), ("'b'", [1]), ("None", [0, 2])]


def test_nan_is_one_group_and_greater_than_every_number(grouped: Grouped) -> None:
    keys = [NAN, math.inf, -NAN, 0.5, None]
    assert grouped(keys) == [("0.5", [3]), ("inf", [1]), ("nan", [0, 2]), ("None", [4])]


def test_minus_zero_is_zero(grouped: Grouped) -> None:
    ((_, rows),) = grouped([-0.0, 0.0, 0])
    assert rows == [0, 1, 2]


def test_strings_sort_by_utf8_bytes(grouped: Grouped) -> None:
    words = ["z", "Z", "ä", "a", "", "😀", "\uffff", "a\0", "aa"]
    assert [key for key, _ in grouped(words)] == [repr(word) for word in sorted(words, key=str.encode)]


def test_nested_keys_group_by_their_parts(grouped: Grouped) -> None:
    keys = [(1, None), (1, NAN), (1, None), (1, -NAN), (0, 5.0)]
    assert grouped(keys) == [("(0, 5.0)", [4]), ("(1, nan)", [1, 3]), ("(1, None)", [0, 2])]


@pytest.mark.parametrize("spread", [False, True], ids=["inline", "workers"])
def test_equal_keys_meet_whatever_partition_they_come_from(
    tmp_path: Path, workers: dict[str, Any], *, spread: bool
) -> None:
    """NULL, all NaN and both zeros are each one group over many partitions, and SQL finds the same groups."""
    odd = [None, NAN, -NAN, 0.0, -0.0, 1.5]
    table = pa.table({"k": pa.array(odd * 20, pa.float64()), "n": range(120)})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=10)

    def give(key: Any, row: dict[str, Any]) -> Iterator[tuple[Any, int]]:
        yield row["k"], 1

    def count(key: Any, values: Iterator[int]) -> Iterator[dict[str, Any]]:
        yield {"k": repr(abs(key)) if key is not None else "None", "n": sum(values)}

    job = gm.Job("odd", input=gm.parquet(tmp_path / "t.parquet", map=give), reduce=count, rows=True, partitions=8)
    options = workers if spread else {}
    by_python = {(row["k"], row["n"]) for row in gm.run(job, **options).rows()}
    query = gm.sql(
        "SELECT k, count(*) AS n FROM t GROUP BY k", tables={"t": tmp_path / "t.parquet"}, partitions=8, **options
    )
    by_sql = {(repr(abs(row["k"])) if row["k"] is not None else "None", row["n"]) for row in query.rows()}
    assert by_python == by_sql == {("None", 20), ("nan", 40), ("0.0", 40), ("1.5", 20)}


@pytest.mark.parametrize("descending", [False, True])
def test_nulls_come_last_in_either_direction_unless_asked(seed: gm.Input, *, descending: bool) -> None:
    def give(name: str, line: str) -> Iterator[tuple[float | None, int]]:
        return iter([(2.0, 0), (None, 0), (NAN, 0), (-1.0, 0)])

    def run(*, nulls_first: bool) -> list[str]:
        term = (gm.desc if descending else gm.asc)("key", nulls_first=nulls_first)
        job = gm.Job("sorted", input=seed, map=give, partition="range", sort=[term], partitions=3)
        return [str(key) for key in gm.run(job).arrow()["key"].to_pylist()]

    numbers = ["nan", "2.0", "-1.0"] if descending else ["-1.0", "2.0", "nan"]
    assert run(nulls_first=False) == [*numbers, "None"]
    assert run(nulls_first=True) == ["None", *numbers]


JOINS = [
    (pa.array([1, 2, 3], pa.int32()), pa.array([1.0, 2.5, 3.0])),
    (pa.array([1, 2, 3], pa.int64()), pa.array([1, 200, 3], pa.uint64())),
    (pa.array([1, 2, 3], pa.int8()), pa.array([Decimal("1.00"), Decimal("2.50"), Decimal("3.00")])),
    (pa.array([18262, 1, 2], pa.date32()), pa.array([18262 * 86_400_000_000, 5, 6], pa.timestamp("us"))),
]


@pytest.mark.parametrize(("left", "right"), JOINS, ids=["int-double", "signed-unsigned", "int-decimal", "date-time"])
def test_keys_of_a_join_are_cast_to_their_common_type(
    tmp_path: Path, workers: dict[str, Any], left: pa.Array, right: pa.Array
) -> None:
    pq.write_table(pa.table({"k": left, "l": [10, 20, 30]}), tmp_path / "l.parquet")
    pq.write_table(pa.table({"k": right, "r": [1, 2, 3]}), tmp_path / "r.parquet")
    tables = {"l": tmp_path / "l.parquet", "r": tmp_path / "r.parquet"}
    duck = pa.table({"k": left, "l": [10, 20, 30]}), pa.table({"k": right, "r": [1, 2, 3]})
    query = "SELECT l.l, r.r FROM l JOIN r ON l.k = r.k ORDER BY l.l"
    assert gm.sql(query, tables=tables, partitions=8, **workers).rows() == duckdb_rows(query, l=duck[0], r=duck[1])


def duckdb_rows(query: str, **tables: pa.Table) -> list[dict[str, Any]]:
    import duckdb

    con = duckdb.connect()
    for name, table in tables.items():
        con.register(name, table)
    return con.sql(query).to_arrow_table().to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("reduce", ["python", "sql"])
def test_keys_of_two_inputs_meet_in_one_group_when_their_types_unify(tmp_path: Path, reduce: str) -> None:
    pq.write_table(pa.table({"k": pa.array([1, 2], pa.int32()), "v": ["one", "two"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"k": [1.0, 2.0], "v": ["uno", "due"]}), tmp_path / "b.parquet")

    def both(key: Any, values: Iterator[gm.Tagged]) -> Iterator[dict[str, Any]]:
        yield {"v": "+".join(value.value["v"] for value in values)}

    in_sql = gm.sql_fragment("SELECT a.v || '+' || b.v AS v FROM a JOIN b USING (k)")
    job = gm.Job(
        "meet",
        input={name: gm.parquet(tmp_path / f"{name}.parquet", key=["k"]) for name in ("a", "b")},
        reduce=both if reduce == "python" else in_sql,
        rows=reduce == "python",
        partitions=8,
    )
    assert sorted(row["v"] for row in gm.run(job).rows()) == ["one+uno", "two+due"]


@pytest.mark.parametrize("partition", ["hash", "range"])
def test_keys_of_inputs_that_only_overlap_meet_in_one_partition(
    tmp_path: Path, workers: dict[str, Any], partition: str
) -> None:
    """By range too, where each input has other bounds of its own, and other names; parts are in total order then."""
    pq.write_table(pa.table({"left": pa.array(range(100), pa.int32())}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"right": [float(n) for n in range(80, 180)]}), tmp_path / "b.parquet")

    def both(key: Any, values: Iterator[gm.Tagged]) -> Iterator[dict[str, Any]]:
        yield {"k": int(key), "from": "".join(value.input for value in values)}

    names = {"a": "left", "b": "right"}
    inputs = {name: gm.parquet(tmp_path / f"{name}.parquet", key=[key]) for name, key in names.items()}
    job = gm.Job("meet", input=inputs, reduce=both, rows=True, partition=partition, partitions=4)
    for options in ({}, workers):
        rows = [(row["k"], row["from"]) for row in gm.run(job, **options).rows()]
        wanted = [(n, "ab" if 80 <= n < 100 else "a" if n < 100 else "b") for n in range(180)]
        assert (rows if partition == "range" else sorted(rows)) == wanted


def test_true_and_one_are_told_apart_by_the_type_of_the_column(grouped: Grouped, seed: gm.Input) -> None:
    assert grouped([True, False, True]) == [("False", [1]), ("True", [0, 2])]
    assert grouped([1, 0, 1]) == [("0", [1]), ("1", [0, 2])]
    assert grouped([1, 1.0, 2]) == [("1.0", [0, 1]), ("2.0", [2])]
    with pytest.raises(TypeConflict):
        grouped([True, 1])


def test_true_and_one_of_two_tasks_are_a_conflict_too(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("bool\n")
    (tmp_path / "b.txt").write_text("int\n")

    def give(name: str, line: str) -> Any:
        yield (True if line == "bool" else 1), line

    def first(key: Any, values: Any) -> Any:
        yield key, next(values)

    inputs = {name: gm.text(str(tmp_path / f"{name}.txt")) for name in ("a", "b")}
    with pytest.raises(TypeConflict, match="BOOLEAN") as caught:
        gm.run(gm.Job("mixed", input=inputs, map=give, reduce=first, partitions=2))
    assert "BIGINT" in str(caught.value)


def test_the_partition_hash_is_the_documented_one_and_stands_in_the_manifest(seed: gm.Input, tmp_path: Path) -> None:
    """Any program can tell where the rows of a key lie."""

    def give(name: str, line: str) -> Iterator[tuple[str, int]]:
        for number in range(40):
            yield f"word number {number}", 1

    def total(word: str, counts: Iterator[int]) -> Iterator[tuple[str, int]]:
        yield word, sum(counts)

    out = tmp_path / "out"
    manifest = gm.run(gm.Job("wc", input=seed, map=give, reduce=total, partitions=5, output=str(out))).manifest
    assert (manifest.hash, manifest.keys, manifest.partitions) == ("gm1", ("key",), 5)
    for part in manifest.parts:
        for word in pq.read_table(out / part.path)["key"].to_pylist():
            assert gm1_of_text(word) % 5 == part.partition


def gm1_of_text(text: str) -> int:
    """As docs/semantics.md has it."""
    golden, mask = 0x9E3779B97F4A7C15, (1 << 64) - 1

    def mix(z: int) -> int:
        z ^= z >> 30
        z = z * 0xBF58476D1CE4E5B9 & mask
        z ^= z >> 27
        z = z * 0x94D049BB133111EB & mask
        return z ^ (z >> 31)

    data = text.encode()
    h = mix(len(data) * golden + 0x7465787474657874 & mask)
    for at in range(0, len(data), 8):
        word = int.from_bytes(data[at : at + 8].ljust(8, b"\0"), "big")
        h = mix(h * golden + word & mask)
    return h
