"""Columns of Parquet files have the types that DuckDB gives them, whoever wrote the file."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gristmill as gm
from gristmill.plan.source import FileSource, Format
from gristmill.storage.splits import plan_input
from gristmill.storage.stores import Stores

VALUES = {
    "HUGEINT": "1",
    "DECIMAL(38,10)": "1.5",
    "UUID": "'00000000-0000-0000-0000-000000000001'",
    "JSON": "'{\"a\": [1, null]}'",
    "BLOB": "'\\x00\\xFF'",
    "INTERVAL": "INTERVAL '1 month 2 days 3 seconds'",
    "TIME": "'12:30:00'",
    "TIME_NS": "'12:30:00.000000001'",
    "TIMETZ": "'12:30:00+02'",
    "TIMESTAMP_S": "'2024-03-31 01:30:00'",
    "TIMESTAMP_MS": "'2024-03-31 01:30:00.5'",
    "TIMESTAMP_NS": "'2024-03-31 01:30:00.000000001'",
    "UUID[]": "['00000000-0000-0000-0000-000000000001']",
    "STRUCT(a UUID, b JSON, c INTERVAL)[]": "[{'a': NULL, 'b': '1', 'c': INTERVAL 1 DAY}]",
    "MAP(VARCHAR, INTERVAL)": "MAP {'x': INTERVAL 1 DAY}",
}


@pytest.mark.parametrize("type_", VALUES)
def test_a_column_that_duckdb_wrote_has_its_type_and_value(type_: str, tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    duckdb.execute(f"COPY (SELECT CAST({VALUES[type_]} AS {type_}) AS x) TO '{file}' (FORMAT parquet)")
    ((_, expected, *_),) = duckdb.execute(f"DESCRIBE FROM '{file}'").fetchall()
    for partitions in (None, 2):
        query = gm.sql("SELECT x, x::VARCHAR AS t FROM t WHERE x = x", tables={"t": file}, partitions=partitions)
        assert query.schema[0].type == expected
        assert query.rows()[0]["t"] == duckdb.execute(f"SELECT x::VARCHAR FROM '{file}'").fetchall()[0][0]


def test_moments_in_96_bits_are_microseconds_unless_the_file_says_more(tmp_path: Path) -> None:
    rows = pa.table({"x": pa.array([0], pa.timestamp("ns"))})
    for hinted, expected in ((False, "TIMESTAMP"), (True, "TIMESTAMP_NS")):
        file = tmp_path / f"{hinted}.parquet"
        pq.write_table(rows, file, use_deprecated_int96_timestamps=True, store_schema=hinted)
        assert plan_input(FileSource((str(file),), Format.PARQUET), Stores(), "t").schema[0].type == expected


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_durations_of_arrow_are_intervals(unit: str, tmp_path: Path) -> None:
    seconds, scale = [-3, None, 90_061], {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    spans = pa.array([None if value is None else value * scale for value in seconds], pa.duration(unit))
    pq.write_table(pa.table({"n": [0, 1, 2], "x": spans}), tmp_path / "a.parquet", row_group_size=2)
    other = pa.table({"n": [3], "x": pa.array([60], pa.duration("s"))})
    pq.write_table(other, tmp_path / "b.parquet")
    query = "SELECT epoch(x)::BIGINT AS s, typeof(x) AS kind FROM {} ORDER BY n"
    expected = [{"s": value, "kind": "INTERVAL"} for value in [*seconds, 60]]
    assert gm.sql(query.format("t"), tables={"t": tmp_path}).rows() == expected
    same = gm.Job("same", input=gm.parquet(tmp_path), map=lambda key, row: [row], rows=True)
    asked = gm.Job(
        "asked", input={"t": gm.from_job(same)}, reduce=gm.sql_fragment(query.format("t")), partition="single"
    )
    assert gm.run(asked).rows() == expected
