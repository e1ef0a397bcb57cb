"""How many splits a map task reads: by the columns that the query reads, and by what every task looks up."""

from pathlib import Path

import duckdb

from gristmill.plan.schema import Column
from gristmill.plan.source import FileSource, Format
from gristmill.storage.splits import plan_input
from gristmill.storage.stores import Stores
from gristmill_sql import Catalog, TableFacts, compile_query
from gristmill_sql.algebra import Scan
from gristmill_sql.catalog import Table
from gristmill_sql.task_sizes import map_tasks, source_of

MIB = 1 << 20


def _scan(rows: int | None, bytes_: int, columns: int, split_bytes: int | None = None) -> Scan:
    source = FileSource(("/data/t.parquet",), Format.PARQUET, split_bytes=split_bytes)
    names = tuple(f"c{i}" for i in range(columns))
    schema = tuple(Column(name, "BIGINT") for name in names)
    return Scan(Table("t", source, TableFacts(schema, rows, bytes_)), schema, names)


def test_tasks_take_more_splits_where_they_read_few_columns() -> None:
    assert map_tasks(_scan(6_000_000, 192 * MIB, 30)) == 6
    assert map_tasks(_scan(6_000_000, 192 * MIB, 2)) == 2
    assert source_of(_scan(6_000_000, 192 * MIB, 2)).split_bytes == 192 * MIB


def test_tasks_take_more_splits_where_they_look_up_many_rows() -> None:
    scan = _scan(60_000_000, 1920 * MIB, 30)
    assert map_tasks(scan) == 60
    assert map_tasks(scan, looked_up=1_000_000) == 30
    assert map_tasks(scan, looked_up=100_000_000) == 9  # but there stay tasks for several workers


def test_two_tasks_share_a_table_of_one_split_of_which_much_is_read() -> None:
    assert map_tasks(_scan(150_000, 12 * MIB, 9)) == 2
    assert source_of(_scan(150_000, 12 * MIB, 9)).split_bytes == 12 * MIB
    assert map_tasks(_scan(150_000, 12 * MIB, 2)) == 1
    assert source_of(_scan(150_000, 12 * MIB, 2)).split_bytes is None
    assert map_tasks(_scan(150_000, 12 * MIB, 9, split_bytes=64 * MIB)) == 1


def test_two_tasks_share_files_of_different_sizes(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        for number in range(7):
            rows = f"SELECT i, i * 3 AS j, i * 7 AS k FROM range({30_000 + 900 * number}) t(i)"
            connection.execute(f"COPY ({rows}) TO '{tmp_path / str(number)}.parquet'")
    source = FileSource((str(tmp_path / "*.parquet"),), Format.PARQUET)
    catalog = Catalog({"t": source})
    (job,) = compile_query("SELECT sum(i + j + k) AS s FROM t", catalog).chain.jobs
    assert isinstance(job.inputs[0].source, FileSource)
    assert [len(split.pieces) for split in plan_input(job.inputs[0].source, Stores((), {}), "t").splits] == [4, 3]


def test_splits_stay_as_asked_for_and_where_sizes_are_not_known() -> None:
    assert map_tasks(_scan(6_000_000, 192 * MIB, 2, split_bytes=MIB)) == 384
    assert map_tasks(_scan(None, 192 * MIB, 2)) == 6
    assert source_of(_scan(None, 192 * MIB, 2)).split_bytes is None


def test_the_chain_asks_for_wider_splits_of_a_table_of_which_it_reads_little() -> None:
    schema = tuple(Column(name, "BIGINT") for name in "abcdefghijklmnopqrstuvwxyz")
    source = FileSource(("/data/t.parquet",), Format.PARQUET)
    catalog = Catalog({"t": source}, lambda *_: TableFacts(schema, 6_000_000, 192 * MIB))
    (job,) = compile_query("SELECT sum(a) AS s FROM t", catalog).chain.jobs
    assert isinstance(job.inputs[0].source, FileSource)
    assert job.inputs[0].source.split_bytes == 192 * MIB


def test_a_few_tasks_are_a_power_of_two() -> None:
    tasks = [map_tasks(_scan(rows * MIB, 1024 * MIB, 8)) for rows in (6, 10, 12, 14, 22, 48)]
    assert tasks == [2, 2, 4, 4, 4, 16]


def test_texts_count_as_many_bytes_as_the_file_has_for_them() -> None:
    source = FileSource(("/data/t.parquet",), Format.PARQUET)
    schema = (Column("flag", "VARCHAR"), Column("comment", "VARCHAR"))
    stored = (("flag", 4 * MIB), ("comment", 2900 * MIB))
    table = Table("t", source, TableFacts(schema, 32 * MIB, 1024 * MIB, column_bytes=stored))
    assert map_tasks(Scan(table, schema[:1], ("flag",))) == 2
    assert map_tasks(Scan(table, schema, ("flag", "comment"))) == 16
