"""Types of Python values, and one type for what several tasks gave."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections import namedtuple

import pyarrow as pa
import pytest

from gristmill.errors import TypeConflict
from gristmill.plan.schema import Column
from gristmill.rows.carriers import logical_of
from gristmill.rows.inference import Map
from gristmill.rows.types import arrow_schema, cast_table, infer, schema_of, unify


@pytest.mark.parametrize(
    ("values", "logical"),
    [
        ([1, None, 2], "BIGINT"),
        ([1, 2.5], "DOUBLE"),
        ([1, 2**70], "DECIMAL(38,0)"),
        ([2**63], "DECIMAL(38,0)"),
        ([True, None], "BOOLEAN"),
        ([None, None], '"NULL"'),
        ([], '"NULL"'),
        (["a"], "VARCHAR"),
        ([b"a"], "BLOB"),
        ([(1, "a"), None], 'STRUCT("_0" BIGINT, "_1" VARCHAR)'),
        ([(1, "a"), (2.5, None)], 'STRUCT("_0" DOUBLE, "_1" VARCHAR)'),
        ([[1], [], None], "BIGINT[]"),
        ([[1, 2.0]], "DOUBLE[]"),
        ([{"a": 1}, {"b": "x"}], "STRUCT(a BIGINT, b VARCHAR)"),
        ([decimal.Decimal("1.50"), 1], "DECIMAL(21,2)"),
        ([decimal.Decimal("1.50"), 1.5], "DOUBLE"),
        ([dt.date(2020, 1, 1)], "DATE"),
        ([dt.datetime(2020, 1, 1), dt.date(2020, 1, 1)], "TIMESTAMP"),
        ([dt.datetime(2020, 1, 1, tzinfo=dt.UTC)], "TIMESTAMP WITH TIME ZONE"),
        ([dt.time(1, 2)], "TIME"),
        ([dt.timedelta(days=1)], "INTERVAL"),
        ([uuid.UUID(int=5)], "UUID"),
        ([()], "STRUCT()"),
        ([{1: "a"}, {}, None, {2: None}], "MAP(BIGINT, VARCHAR)"),
        ([Map(a=1), None, Map(b=2.5)], "MAP(VARCHAR, DOUBLE)"),
        ([[Map({(1, "x"): [1]})]], 'MAP(STRUCT("_0" BIGINT, "_1" VARCHAR), BIGINT[])[]'),
        ([Map()], 'MAP("NULL", "NULL")'),
    ],
)
def test_python_values_get_the_type_that_holds_them_all(values: list[object], logical: str) -> None:
    array = infer(values, "here")
    assert len(array) == len(values)
    assert schema_of(pa.schema([pa.field("v", array.type)])) == (Column("v", logical),)


@pytest.mark.parametrize(
    "values",
    [[1, 2**70], [1, 2.5, None], [(1, "a"), None], [[1], None, []], [{"a": 1}, None], ["x", None], [{"a": [(1, 2)]}]],
)
def test_inferred_values_read_back_equal(values: list[object]) -> None:
    def plain(value: object) -> object:
        if isinstance(value, tuple):
            return {f"_{at}": plain(item) for at, item in enumerate(value)}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return {key: plain(item) for key, item in value.items()} if isinstance(value, dict) else value

    assert infer(values, "here").to_pylist() == [plain(value) for value in values]


def test_a_named_tuple_and_a_numpy_scalar_count_as_what_they_stand_for() -> None:
    import numpy as np

    point = namedtuple("point", "x y")
    assert infer([point(1, 2)], "here").to_pylist() == [{"_0": 1, "_1": 2}]
    assert infer([np.int32(3), 4], "here").to_pylist() == [3, 4]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.month_day_nano_interval(), pa.MonthDayNano([1, 2, 3_000])),
        (pa.timestamp("ns"), 1_700_000_000_000_000_001),
        (pa.timestamp("ns", "UTC"), 1_700_000_000_000_000_001),
    ],
)
def test_what_a_function_gets_of_arrow_is_that_again_when_it_gives_it(kind: pa.DataType, value: object) -> None:
    pytest.importorskip("pandas")  # nanoseconds come as its timestamps
    given = pa.array([value, None], kind)
    again = infer(given.to_pylist(), "here")
    assert logical_of(pa.field("", again.type)) == logical_of(pa.field("", kind))
    assert again == given


def test_subclasses_of_dates_and_times_are_dates_and_times() -> None:
    class Day(dt.date): ...

    class Moment(dt.datetime): ...

    assert infer([Day(2020, 1, 2), None], "here").to_pylist() == [dt.date(2020, 1, 2), None]
    assert infer([Moment(2020, 1, 2, 3), None], "here").to_pylist() == [dt.datetime(2020, 1, 2, 3), None]


@pytest.mark.parametrize(
    ("values", "record"),
    [
        ([True, 1], 1),
        ([1, "a"], 1),
        ([b"a", "a"], 1),
        ([1, object()], 1),
        ([(1, 2), (1, 2, 3)], 1),
        ([(1, 2), [1, 2]], 1),
        ([10**38], 0),
        ([dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, tzinfo=dt.UTC)], 1),
    ],
)
def test_values_that_fit_no_common_type_name_the_record(values: list[object], record: int) -> None:
    with pytest.raises(TypeConflict) as caught:
        infer(values, "words.py:3")
    assert "words.py:3" in caught.value.place
    assert f"record {record}" in caught.value.place


@pytest.mark.parametrize(
    ("left", "right", "together"),
    [
        ("INTEGER", "DOUBLE", "DOUBLE"),
        ("BIGINT", "FLOAT", "DOUBLE"),
        ("BIGINT", "DECIMAL(38,0)", "DECIMAL(38,0)"),
        ("BIGINT", "DECIMAL(10,2)", "DECIMAL(21,2)"),
        ("DECIMAL(38,0)", "DECIMAL(10,2)", "DOUBLE"),
        ("DECIMAL(10,2)", "DOUBLE", "DOUBLE"),
        ("TINYINT", "UTINYINT", "SMALLINT"),
        ("BIGINT", "UBIGINT", "HUGEINT"),
        ("INTEGER", "BIGINT", "BIGINT"),
        ('"NULL"', "VARCHAR", "VARCHAR"),
        ("DATE", "TIMESTAMP", "TIMESTAMP"),
        ("TIMESTAMP_S", "TIMESTAMP_NS", "TIMESTAMP_NS"),
        ("INTEGER[]", "DOUBLE[]", "DOUBLE[]"),
        ("INTEGER[2]", "INTEGER[3]", "INTEGER[]"),
        ("STRUCT(a INTEGER)", "STRUCT(a DOUBLE, b DATE)", "STRUCT(a DOUBLE, b DATE)"),
        ("MAP(VARCHAR, INTEGER)", "MAP(VARCHAR, DOUBLE)", "MAP(VARCHAR, DOUBLE)"),
        ("int", "INTEGER", "INTEGER"),
    ],
)
def test_two_types_unify_to_the_one_that_holds_both(left: str, right: str, together: str) -> None:
    for pair in ((left, right), (right, left)):
        assert unify([(Column("v", kind),) for kind in pair], "stage") == (Column("v", together),)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("BOOLEAN", "INTEGER"),
        ("VARCHAR", "INTEGER"),
        ("VARCHAR", "BLOB"),
        ("ENUM('a')", "ENUM('b')"),
        ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE"),
        ("INTEGER", "INTEGER[]"),
        ("STRUCT(a INTEGER)", "STRUCT(a VARCHAR)"),
    ],
)
def test_types_that_do_not_unify_name_the_column_and_both_types(left: str, right: str) -> None:
    with pytest.raises(TypeConflict) as caught:
        unify([(Column("v", left),), (Column("v", right),)], "job w")
    assert caught.value.place == "job w"
    assert all(word in caught.value.reason for word in ("'v'", left, right))


def test_a_column_that_some_lack_is_null_there() -> None:
    schema = unify([(Column("a", "INTEGER"),), (), (Column("b", "DATE"), Column("a", "DOUBLE"))], "stage")
    assert schema == (Column("a", "DOUBLE"), Column("b", "DATE"))
    table = cast_table(pa.table({"a": pa.array([1, 2], pa.int32())}), schema)
    assert table.schema.equals(arrow_schema(schema))
    assert table.to_pylist() == [{"a": 1.0, "b": None}, {"a": 2.0, "b": None}]


def test_a_cast_that_loses_values_names_the_column() -> None:
    with pytest.raises(TypeConflict, match="'n'"):
        cast_table(pa.table({"n": [300]}), (Column("n", "TINYINT"),))


def test_wide_integers_round_when_they_become_doubles_and_fit_decimals_exactly() -> None:
    table = pa.table({"n": [2**60 + 1, None]})
    assert cast_table(table, (Column("n", "DOUBLE"),)).to_pydict() == {"n": [float(2**60), None]}
    assert cast_table(table, (Column("n", "DECIMAL(21,2)"),)).column("n").to_pylist()[0] == 2**60 + 1
    assert cast_table(pa.table({"n": [7]}), (Column("n", "DECIMAL(5,1)"),)).column("n").to_pylist() == [7]


def test_stale_metadata_is_not_believed() -> None:
    field = arrow_schema((Column("n", "HUGEINT"),)).field("n").with_type(pa.int64())
    assert schema_of(pa.schema([field])) == (Column("n", "BIGINT"),)


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())])
def test_other_spellings_of_text_are_text(kind: pa.DataType) -> None:
    table = pa.table({"v": pa.array(["a", None, "b"]).cast(kind)})
    schema = schema_of(table.schema)
    assert schema == (Column("v", "VARCHAR"),)
    assert cast_table(table, schema).to_pydict() == {"v": ["a", None, "b"]}


@pytest.mark.parametrize("text", ["", "INT[", "STRUCT(a)", "FROB", "DECIMAL(4,1) x", "DECIMAL(a,b)", "INTEGER[x]"])
def test_what_is_not_a_type_is_refused(text: str) -> None:
    with pytest.raises(TypeConflict):
        unify([(Column("v", text),)], "job")
