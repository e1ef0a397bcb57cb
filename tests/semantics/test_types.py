"""Types: a column keeps its logical type from job to job, whatever Arrow makes of it; Python values get one type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

import gristmill as gm
from gristmill.errors import TypeConflict

VALUES = {
    "HUGEINT": "170141183460469231731687303715884105727",
    "UHUGEINT": "340282366920938463463374607431768211455",
    "TIME WITH TIME ZONE": "'12:34:56+05:30'",
    "DECIMAL(38,3)": "12345678901234567890.125",
    "DECIMAL(9,4)": "-0.0001",
    "ENUM('small', 'large')": "'large'",
    "UUID": "'00000000-0000-0000-0000-00000000002a'",
    "INTERVAL": "INTERVAL '3 months 2 days'",
    "TIMESTAMP_NS": "'2020-02-29 12:00:00.123456789'",
    "STRUCT(t TIME WITH TIME ZONE, h HUGEINT[])": "{'t': '01:02:03+01', 'h': [1, NULL]}",
}


@pytest.mark.parametrize("stored", [False, True], ids=["passed on", "stored between"])
def test_logical_types_survive_two_chained_jobs(tmp_path: Path, seed: gm.Input, *, stored: bool) -> None:
    """Through a shuffle, a job, a second shuffle and a second job; and through the parts of the first."""
    columns = ", ".join(f"({value})::{type_} AS c{at}" for at, (type_, value) in enumerate(VALUES.items()))
    target = gm.output(str(tmp_path / "first"), format="arrow")  # Parquet has no intervals
    first = gm.Job("first", input=seed, map=gm.sql_fragment(f"SELECT n AS k, {columns} FROM range(4) t(n), input"),
                   key=["k"], reduce=gm.sql_fragment("SELECT * FROM input"), partitions=2,
                   output=target)  # fmt: skip
    if stored:
        gm.run(first)
    told = ", ".join(f"typeof(c{at}) AS t{at}, c{at}::VARCHAR AS v{at}" for at in range(len(VALUES)))
    given: Any = gm.arrow(str(tmp_path / "first"), key=["k"]) if stored else gm.from_job(first, key=["k"])
    second = gm.Job("second", input=given, reduce=gm.sql_fragment(f"SELECT {told} FROM input"), partitions=2)
    rows = gm.run(second).rows()
    wanted = [duckdb.sql(f"SELECT typeof(v), v::VARCHAR FROM (SELECT ({value})::{type_} AS v)").fetchall()[0]
              for type_, value in VALUES.items()]  # fmt: skip
    assert len(rows) == 4
    for row in rows:
        assert [(row[f"t{at}"], row[f"v{at}"]) for at in range(len(VALUES))] == wanted


@pytest.mark.parametrize("type_", [type_ for type_ in VALUES if type_ != "INTERVAL"])
def test_logical_types_survive_parquet_between_two_jobs(tmp_path: Path, seed: gm.Input, type_: str) -> None:
    made = gm.sql_fragment(f"SELECT ({VALUES[type_]})::{type_} AS v FROM input")
    gm.run(gm.Job("first", input=seed, map=made, output=str(tmp_path / "first")))
    told = gm.sql_fragment("SELECT typeof(v) AS t, v::VARCHAR AS v FROM input")
    rows = gm.run(gm.Job("second", input=gm.parquet(str(tmp_path / "first"), map=told))).rows()
    wanted = duckdb.sql(f"SELECT typeof(v) AS t, v::VARCHAR AS v FROM (SELECT ({VALUES[type_]})::{type_} AS v)")
    assert [tuple(row.values()) for row in rows] == wanted.fetchall()


def test_a_type_that_the_output_cannot_hold_names_the_column(tmp_path: Path, seed: gm.Input) -> None:
    made = gm.sql_fragment("SELECT 1 AS n, INTERVAL '1 month' AS pause FROM input")
    with pytest.raises(TypeConflict, match=r"Parquet cannot hold 'pause' \(INTERVAL\)"):
        gm.run(gm.Job("first", input=seed, map=made, output=str(tmp_path / "out")))


def test_an_enum_sorts_by_its_own_order_in_the_next_job(seed: gm.Input) -> None:
    sizes = gm.sql_fragment(
        "SELECT unnest(['large', 'small', 'middle'])::ENUM('small', 'middle', 'large') s FROM input"
    )
    made = gm.Job("made", input=seed, map=sizes, key=["s"], reduce=gm.sql_fragment("SELECT s FROM input"), partitions=3)
    ranked = gm.Job("ranked", input=made, partition="range", sort=["s"], partitions=2)
    assert gm.run(ranked).arrow()["s"].to_pylist() == ["small", "middle", "large"]


Typed = Callable[[list[Any]], tuple[str, list[Any]]]


@pytest.fixture
def typed(seed: gm.Input, tmp_path: Path) -> Typed:
    """What a column of these values becomes: its logical type in the manifest, and its values."""

    def run(values: list[Any]) -> tuple[str, list[Any]]:
        job = gm.Job("typed", input=seed, map=lambda name, line: [(0, value) for value in values],
                     output=str(tmp_path / "out"))  # fmt: skip
        result = gm.run(job)
        return next(c.type for c in result.manifest.schema if c.name == "value"), result.arrow()["value"].to_pylist()

    return run


def test_an_int_beside_a_float_is_a_double(typed: Typed) -> None:
    assert typed([1, 2.5, None]) == ("DOUBLE", [1.0, 2.5, None])


def test_an_int_over_64_bits_makes_the_column_a_decimal(typed: Typed) -> None:
    assert typed([1, 1 << 64]) == ("DECIMAL(38,0)", [1, 1 << 64])


def test_types_are_unified_over_all_tasks_when_a_stage_is_sealed(tmp_path: Path, workers: dict[str, Any]) -> None:
    """Tasks that saw only ints, only floats, only None: one column in all parts, and in the reducers."""
    for name, line in (("a", "1"), ("b", "2.5"), ("c", "none")):
        (tmp_path / f"{name}.txt").write_text(line + "\n")

    def parse(name: str, line: str) -> Any:
        yield line, None if line == "none" else float(line) if "." in line else int(line)

    inputs = {name: gm.text(str(tmp_path / f"{name}.txt")) for name in "abc"}
    for number, options in enumerate([{}, workers]):
        out = tmp_path / f"out{number}"
        result = gm.run(gm.Job("unified", input=inputs, map=parse, output=str(out)), **options)
        assert [column.type for column in result.manifest.schema] == ["VARCHAR", "DOUBLE"]
        assert {str(pq.read_schema(out / part.path).field("value").type) for part in result.manifest.parts} == {
            "double"
        }
        assert result.arrow()["value"].to_pylist() == [1.0, 2.5, None]


def test_a_tuple_is_a_struct_and_a_tuple_again_for_the_next_python_fragment(seed: gm.Input, tmp_path: Path) -> None:
    def give(name: str, line: str) -> Any:
        yield ("a", 1), (1.5, ("x", [1, 2]))

    def look(key: Any, values: Any) -> Any:
        yield repr(key), repr(list(values))

    first = gm.Job("first", input=seed, map=give, output=str(tmp_path / "first"))
    second = gm.Job("second", input=first, reduce=look, key=["key"], partitions=1)
    assert gm.run(second).rows() == [{"key": "('a', 1)", "value": "[(1.5, ('x', [1, 2]))]"}]
    stored = pq.read_table(tmp_path / "first").to_pylist()
    assert stored == [{"key": {"_0": "a", "_1": 1}, "value": {"_0": 1.5, "_1": {"_0": "x", "_1": [1, 2]}}}]


def test_annotations_and_schema_decide_the_type(seed: gm.Input, tmp_path: Path) -> None:
    def annotated(name: str, line: str) -> Iterator[tuple[str, float]]:
        yield "a", 1

    def plain(name: str, line: str) -> Any:
        yield "a", 1

    declared = {"key": "VARCHAR", "value": "DECIMAL(9,2)"}
    for number, (function, options, type_) in enumerate(
        [(annotated, {}, "DOUBLE"), (plain, {"map_schema": declared}, "DECIMAL(9,2)"), (plain, {}, "BIGINT")]
    ):
        job = gm.Job("t", input=seed, map=function, output=str(tmp_path / f"out{number}"), **options)
        assert gm.run(job).manifest.schema[1].type == type_


@pytest.mark.parametrize("spread", [False, True], ids=["inline", "workers"])
def test_what_cannot_be_unified_is_an_error_that_names_the_record(
    tmp_path: Path, workers: dict[str, Any], *, spread: bool
) -> None:
    (tmp_path / "in.txt").write_text("1\n2\nthree\n")

    def parse(name: str, line: str) -> Any:
        yield "k", int(line) if line.isdigit() else line

    job = gm.Job("mixed", input=gm.text(str(tmp_path / "in.txt")), map=parse, key=["key"], partitions=1)
    with pytest.raises(TypeConflict) as caught:
        gm.run(job, **(workers if spread else {}))
    message = str(caught.value)
    assert "in.txt" in message
    assert "record 2" in message
    assert "int" in message.lower()
    assert "str" in message or "VARCHAR" in message


def test_types_of_two_tasks_that_cannot_be_unified_name_column_and_both_types(tmp_path: Path, cut: Any) -> None:
    (tmp_path / "in.txt").write_text("1\n" * 50 + "x\n" * 50)

    def parse(name: str, line: str) -> Any:
        yield "k", int(line) if line.isdigit() else line

    given = cut(gm.text(str(tmp_path / "in.txt")), 100)
    for options in ({"key": ["key"], "partitions": 1}, {}):
        with pytest.raises(TypeConflict) as caught:
            gm.run(gm.Job("mixed", input=given, map=parse, **options))
        for word in ("value", "BIGINT", "VARCHAR", "mixed"):
            assert word in str(caught.value)
