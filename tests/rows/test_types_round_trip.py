"""Every row of docs/types.md: DuckDB -> Arrow IPC -> DuckDB keeps values and types."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from gristmill.plan.schema import Column
from gristmill.rows.types import arrow_schema, cast_table, duckdb_cast_list, duckdb_export_list, schema_of

CASES = {
    "BOOLEAN": "true",
    "TINYINT": "(-128)::TINYINT",
    "SMALLINT": "(-32768)::SMALLINT",
    "INTEGER": "(-2147483648)::INTEGER",
    "BIGINT": "(-9223372036854775808)::BIGINT",
    "HUGEINT": "170141183460469231731687303715884105727::HUGEINT",
    "UTINYINT": "255::UTINYINT",
    "USMALLINT": "65535::USMALLINT",
    "UINTEGER": "4294967295::UINTEGER",
    "UBIGINT": "18446744073709551615::UBIGINT",
    "UHUGEINT": "340282366920938463463374607431768211455::UHUGEINT",
    "FLOAT": "1.5::FLOAT",
    "DOUBLE": "'nan'::DOUBLE",
    "DECIMAL(4,1)": "1.5::DECIMAL(4,1)",
    "DECIMAL(18,3)": "(-1.5)::DECIMAL(18,3)",
    "DECIMAL(38,10)": "1234567890123456789012345678.0123456789::DECIMAL(38,10)",
    "VARCHAR": "'ä\U0001f600'",
    "BLOB": "'\\x00\\xFF'::BLOB",
    "BIT": "'010101'::BIT",
    "UUID": "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID",
    "JSON": """'{"a": [1, null]}'::JSON""",
    "DATE": "DATE '5877642-06-25 (BC)'",
    "TIME": "TIME '24:00:00'",
    "TIME_NS": "'01:02:03.456789123'::TIME_NS",
    "TIME WITH TIME ZONE": "'01:02:03.000001+05:30'::TIMETZ",
    "TIMESTAMP": "'infinity'::TIMESTAMP",
    "TIMESTAMP_S": "'2020-01-01 01:02:03'::TIMESTAMP_S",
    "TIMESTAMP_MS": "'2020-01-01 01:02:03.123'::TIMESTAMP_MS",
    "TIMESTAMP_NS": "'2020-01-01 01:02:03.123456789'::TIMESTAMP_NS",
    "TIMESTAMP WITH TIME ZONE": "'2020-01-01 01:02:03+02'::TIMESTAMPTZ",
    "TIMESTAMPTZ_NS": "'2020-01-01 00:00:00.123456789+00'::TIMESTAMPTZ_NS",
    "INTERVAL": "INTERVAL '1 month -2 days 3.000001 seconds'",
    "ENUM('z', 'it''s')": "'it''s'::ENUM('z', 'it''s')",
    'STRUCT(a INTEGER, "b c" VARCHAR)': "{'a': 1, 'b c': 'x'}",
    "STRUCT(h HUGEINT, t TIME WITH TIME ZONE)": "{'h': 5::HUGEINT, 't': '01:02:03+05:30'::TIMETZ}",
    "INTEGER[]": "[1, NULL, 3]",
    "HUGEINT[]": "[1::HUGEINT, NULL]",
    "INTEGER[3]": "[1, NULL, 3]::INTEGER[3]",
    "MAP(VARCHAR, INTEGER)": "MAP {'a': 1, 'b': NULL}",
    "MAP(UHUGEINT, BIT[])": "MAP {5::UHUGEINT: ['01'::BIT]}",
    "UNION(num INTEGER, str VARCHAR)": "union_value(str := 'x')::UNION(num INTEGER, str VARCHAR)",
    "UNION(b BIT, num INTEGER)": "union_value(b := '01'::BIT)::UNION(b BIT, num INTEGER)",
    "BIGNUM": "123456789012345678901234567890123456789012345678901234567890::BIGNUM",
    "GEOMETRY": "'POINT(1 2)'::GEOMETRY",
    "VARIANT": "{'a': DATE '2020-01-01'}::VARIANT",
    "STRUCT(v VARIANT, g GEOMETRY)": "{'v': 1::VARIANT, 'g': 'POINT(1 2)'::GEOMETRY}",
    '"NULL"': "NULL",
}


def through_ipc(table: pa.Table) -> pa.Table:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return pa.ipc.open_stream(sink.getvalue()).read_all()


@pytest.mark.parametrize("logical", CASES)
def test_a_logical_type_survives_the_way_through_arrow_ipc(logical: str) -> None:
    con = duckdb.connect()
    rows = f"(SELECT {CASES[logical]} AS v UNION ALL SELECT NULL)"
    source = con.sql(f"SELECT v FROM {rows}")
    schema = tuple(Column(name, str(kind)) for name, kind in zip(source.columns, source.types, strict=True))
    assert schema == (Column("v", logical),)

    exported = con.sql(f"SELECT {duckdb_export_list(schema)} FROM {rows}").to_arrow_table()
    carried = through_ipc(cast_table(exported, schema))

    assert carried.schema.equals(arrow_schema(schema))
    assert schema_of(carried.schema) == schema
    con.register("carried", carried)
    back = con.sql(f"SELECT {duckdb_cast_list(schema)} FROM carried")
    assert str(back.types[0]) == logical
    assert as_text(con, f"SELECT {duckdb_cast_list(schema)} FROM carried") == as_text(con, f"SELECT v FROM {rows}")


def as_text(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, str]]:
    return con.sql(f"SELECT typeof(v), v::VARCHAR FROM ({query})").fetchall()


def test_every_type_of_the_documented_table_has_a_round_trip() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "types.md").read_text().split("## Values of Python")[0]
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    tested = {*CASES, *(re.split(r"[(]", case)[0] for case in CASES)}
    assert len(named) > 35
    assert named - tested == {"LIST", "ARRAY"}, "these two have their tests under INTEGER[] and INTEGER[3]"
