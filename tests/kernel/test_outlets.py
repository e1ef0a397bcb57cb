"""Outlets: several named outputs, rows that several jobs read, formats, and types that are found out late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from plans import columns, job, parquet, pylists, python, rows, sql, text
from sequential import run_chain, run_job

import gristmill as gm
from gristmill.errors import FragmentError
from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.job import ChainPlan, JobInput, JobPlan, Output
from gristmill.plan.schema import SortKey
from gristmill.plan.source import Format
from gristmill.rows.types import schema_of


def total(key: Any, values: Any) -> Any:
    yield key, sum(values)


def outputs(tmp_path: Path, *names: str, format_: Format = Format.PARQUET) -> tuple[Output, ...]:
    """Outputs of these names below ``tmp_path``."""
    return tuple(Output(str(tmp_path / f"out-{name}"), name=name, format=format_) for name in names)


def by_parity(name: str, line: str) -> Any:
    n = int(line)
    yield gm.to("odd", (n, line)) if n % 2 else (n, line)


def test_a_map_routes_pairs_to_named_outputs(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "1\n2\n3\n")
    ran = run_job(job(source, python(by_parity), outputs=outputs(tmp_path, "even", "odd")), tmp_path)
    assert pylists(ran.tables["job", "even"]) == [(2, "2")]
    assert pylists(ran.tables["job", "odd"]) == [(1, "1"), (3, "3")]


def test_a_reduce_routes_rows_of_different_columns(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "a\nb\na\n")

    def split(key: Any, values: Any) -> Any:
        count = sum(values)
        yield {"word": key, "count": count}
        if count > 1:
            yield gm.to("often", {"often": key})

    plan = job(
        source,
        python(lambda n, line: [(line, 1)]),
        rows(split),
        partitions=2,
        outputs=outputs(tmp_path, "all", "often"),
    )
    ran = run_job(plan, tmp_path)
    assert sorted(pylists(ran.tables["job", "all"])) == [("a", 2), ("b", 1)]
    assert pylists(ran.tables["job", "often"]) == [("a",)]


def test_an_output_that_the_job_has_not_is_refused(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "1\n")
    plan = job(source, python(lambda n, line: [gm.to("else", (1, 2))]), outputs=outputs(tmp_path, "a", "b"))
    with pytest.raises(FragmentError, match=r"gm\.to\('else'"):
        run_job(plan, tmp_path)


def test_a_job_is_stored_and_read_by_two_others(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "a b\n", "a\n")
    words = python(lambda name, line: ((word, 1) for word in line.split()))
    count = job(source, words, python(total), name="count", partitions=2, outputs=outputs(tmp_path, "count"))
    top = job(
        "count", sql("SELECT key, value FROM input WHERE value > 1"), name="top", outputs=outputs(tmp_path, "top")
    )
    by_count = job("count", python(lambda word, n: [(n, word)]), python(lambda n, words: [(n, [*words])]),
                   name="by_count", partitions=1, outputs=outputs(tmp_path, "by_count"))  # fmt: skip
    ran = run_chain(ChainPlan((count, top, by_count)), tmp_path)
    assert sorted(pylists(ran.tables["count", "count"])) == [("a", 2), ("b", 1)]
    assert pylists(ran.tables["top", "top"]) == [("a", 2)]
    assert pylists(ran.tables["by_count", "by_count"]) == [(1, ["b"]), (2, ["a"])]


def test_readers_of_a_job_with_several_outputs_get_its_first(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "1\n2\n3\n4\n")
    first = job(source, python(by_parity), name="first", outputs=outputs(tmp_path, "even", "odd"))
    second = job("first", sql("SELECT key FROM input"), name="second", outputs=outputs(tmp_path, "second"))
    ran = run_chain(ChainPlan((first, second)), tmp_path)
    assert pylists(ran.tables["second", "second"]) == [(2,), (4,)]
    assert [key for key, _ in pylists(ran.tables["first", "odd"])] == [1, 3]


def test_jobs_without_shuffle_run_in_the_tasks_of_the_first(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "1\n2\n")
    chain = [job(source, python(lambda name, line: [(int(line), 0)]), name="j0")]
    by_function = python(lambda key, value: [(key, value + 1)])
    by_query = sql("SELECT key, value + 1 AS value FROM input")
    for number in range(1, 10):
        step = by_function if number % 2 else by_query
        chain.append(job(f"j{number - 1}", step, name=f"j{number}"))
    ran = run_chain(ChainPlan(tuple(chain)), tmp_path)
    assert pylists(ran.table) == [(1, 9), (2, 9)]


@pytest.mark.parametrize("format_", [Format.PARQUET, Format.CSV, Format.JSON, Format.ARROW])
def test_every_format_of_output(tmp_path: Path, format_: Format) -> None:
    source = text(tmp_path / "in", "a 1\nb 2\n")
    split = rows(lambda name, line: [{"word": line.split()[0], "n": int(line.split()[1])}])
    ran = run_job(job(source, split, outputs=outputs(tmp_path, "o", format_=format_)), tmp_path)
    assert pylists(ran.table) == [("a", 1), ("b", 2)]


def test_a_type_found_out_late_widens_what_was_written_before(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "".join(f"{n}\n" for n in range(100_000)) + "1.5\n")
    number = python(lambda name, line: [(None if line == "7" else 1, float(line) if "." in line else int(line))])
    table = run_job(job(source, number), tmp_path).table
    assert schema_of(table.schema) == columns(key="BIGINT", value="DOUBLE")
    assert table.num_rows == 100_001
    assert table.column("value").to_pylist()[-2:] == [99_999.0, 1.5]


def test_a_type_found_out_late_below_a_query(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "".join(f"{n}\n" for n in range(100_000)) + "1.5\n")
    gm_rows = rows(lambda name, line: [{"n": float(line)} if "." in line else {"n": int(line)}])
    first = job(source, gm_rows, name="first")
    second = job("first", sql("SELECT typeof(n) AS t, count(*) AS n FROM input GROUP BY 1"), name="second")
    ran = run_chain(ChainPlan((first, second)), tmp_path)
    assert pylists(ran.table) == [("DOUBLE", 100_001)]


def test_tasks_that_find_other_types_give_one_schema(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "1\n", "2.5\n", split_bytes=1)
    number = python(lambda name, line: [("k", float(line) if "." in line else int(line))])
    table = run_job(job(source, number), tmp_path / "map").table
    assert pylists(table) == [("k", 1.0), ("k", 2.5)]
    listed = python(lambda key, values: [(key, [*values])])
    assert pylists(run_job(job(source, number, listed, partitions=1), tmp_path / "reduce").table) == [("k", [1.0, 2.5])]


def test_no_rows_of_unknown_columns_make_no_part(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "1\n")
    ran = run_job(job(source, rows(lambda name, line: [])), tmp_path)
    assert ran.table.num_rows == 0
    with pytest.raises(FragmentError, match="at least one column"):
        run_job(job(source, rows(lambda name, line: [{}])), tmp_path / "2")


def test_no_pairs_make_a_part_with_the_columns_of_pairs(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "1\n")
    assert run_job(job(source, python(lambda name, line: [])), tmp_path).table.schema.names == ["key", "value"]


def test_annotations_give_the_types_of_no_rows(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "1\n")
    none = python(lambda name, line: [], schema=columns(key="VARCHAR", value="DECIMAL(10,2)"))
    table = run_job(job(source, none), tmp_path).table
    assert schema_of(table.schema) == columns(key="VARCHAR", value="DECIMAL(10,2)")


def test_a_range_exchange_gives_parts_in_total_order(tmp_path: Path) -> None:
    tables = [pa.table({"a": [(n * 7919) % 5000 for n in range(at, at + 1000)]}) for at in range(0, 5000, 1000)]
    source = parquet(tmp_path / "in", *tables)
    inputs = (JobInput("rows", source, None, ("a",)),)
    plan = JobPlan("sort", inputs, partition=ExchangeKind.RANGE, sort=(SortKey("a"),), partitions=4)
    ran = run_job(plan, tmp_path)
    assert ran.table.column("a").to_pylist() == sorted(ran.table.column("a").to_pylist())
    assert sum(1 for result in ran.results for part in result.parts if part.rows) == 4


def test_figures_of_a_task(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "a b\n" * 10)
    words = python(lambda name, line: ((word, 1) for word in line.split()))
    ran = run_job(job(source, words, python(total), partitions=1), tmp_path)
    mapped = ran.results[0]
    assert (mapped.rows_in, mapped.bytes_in, mapped.rows_out) == (10, 40, 20)
    assert mapped.cpu_seconds <= mapped.seconds + 0.5
    assert mapped.peak_bytes > 1 << 20
    assert (ran.results[1].rows_in, ran.results[1].rows_out) == (20, 2)
    assert not list((tmp_path / "scratch").glob("tasks/*"))


def test_a_failed_task_leaves_nothing(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "a\n" * 10)

    def late(name: str, line: str) -> Any:
        yield line, 1
        raise ValueError

    with pytest.raises(FragmentError):
        run_job(job(source, python(late), python(total), partitions=1), tmp_path)
    assert not [path for path in (tmp_path / "outputs").rglob("*") if path.is_file()]
