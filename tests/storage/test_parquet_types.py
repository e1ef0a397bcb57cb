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
