"""Rows in each format of -o."""

import io
import json
from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.errors import InvalidPlan
from gristmill_cli.formats import OutputFormat, plain, write_rows

TABLE = pa.table(
    {
        "word": pa.array(["the", "a|b", None]),
        "count": pa.array([12, 7, 1], pa.int64()),
        "seen": pa.array([datetime(2013, 1, 1, 10), None, None], pa.timestamp("us")),
        "pair": pa.array([{"a": 1, "b": "x"}, None, None]),
    }
)


def written(format_: OutputFormat, table: pa.Table = TABLE, **options: int) -> bytes:
    stream = io.BytesIO()
    write_rows(table.to_reader(max_chunksize=2), format_, stream, **options)
    return stream.getvalue()


def test_a_table_shows_names_types_values_and_the_row_count():
    assert [line.rstrip() for line in written(OutputFormat.TABLE).decode().splitlines()] == [
        "word       count   seen                  pair",
        "varchar   bigint   timestamp             struct(a bigint, b varchar)",
        "─" * 68,
        'the           12   2013-01-01 10:00:00   {"a": 1, "b": "x"}',
        "a|b            7   NULL                  NULL",
        "NULL           1   NULL                  NULL",
        "3 rows",
    ]


def test_a_long_table_says_how_many_rows_it_leaves_out():
    shown = written(OutputFormat.TABLE, pa.table({"n": range(1000)}), shown=2).decode().splitlines()
    assert shown[-1] == "2 of 1,000 rows"
    assert len(shown) == 6


def test_a_wide_cell_is_cut_in_a_table_only():
    wide = pa.table({"text": ["x" * 500]})
    assert "x" * 60 not in written(OutputFormat.TABLE, wide).decode()
    assert "x" * 500 in written(OutputFormat.CSV, wide).decode()


def test_csv_has_every_row_with_null_as_nothing():
    assert written(OutputFormat.CSV).decode() == (
        'word,count,seen,pair\nthe,12,2013-01-01 10:00:00,"{""a"": 1, ""b"": ""x""}"\na|b,7,,\n,1,,\n'
    )


def test_json_is_a_line_for_each_row():
    rows = [json.loads(line) for line in written(OutputFormat.JSON).decode().splitlines()]
    assert rows[0] == {"word": "the", "count": 12, "seen": "2013-01-01T10:00:00", "pair": {"a": 1, "b": "x"}}
    assert rows[2]["word"] is None


def test_markdown_escapes_what_would_end_a_cell():
    assert written(OutputFormat.MARKDOWN).decode().splitlines()[:4] == [
        "| word | count | seen | pair |",
        "| --- | ---: | --- | --- |",
        '| the | 12 | 2013-01-01 10:00:00 | {"a": 1, "b": "x"} |',
        "| a\\|b | 7 |  |  |",
    ]


def test_arrow_and_parquet_read_back_as_they_were():
    assert pa.ipc.open_stream(written(OutputFormat.ARROW)).read_all() == TABLE
    assert pq.read_table(io.BytesIO(written(OutputFormat.PARQUET))).equals(TABLE)


def test_binary_formats_are_refused_on_a_terminal():
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    with pytest.raises(InvalidPlan, match="garble"):
        write_rows(TABLE.to_reader(), OutputFormat.PARQUET, Terminal())


def test_columns_of_one_name_both_stay():
    twice = pa.table([pa.array([1]), pa.array([2])], names=["n", "n"])
    assert written(OutputFormat.CSV, twice).decode() == "n,n\n1,2\n"
    assert written(OutputFormat.TABLE, twice).decode().splitlines()[3].split() == ["1", "2"]


def test_no_rows_still_show_their_columns():
    assert written(OutputFormat.CSV, TABLE.slice(0, 0)).decode() == "word,count,seen,pair\n"
    assert "0 rows" in written(OutputFormat.TABLE, TABLE.slice(0, 0)).decode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (Decimal("1.50"), "1.50"),
        (b"\x00\xff", "00ff"),
        (2**70, 2**70),
        ([(1, None)], [[1, None]]),
    ],
)
def test_values_that_json_lacks_become_text(value, expected):
    assert plain(value) == expected
