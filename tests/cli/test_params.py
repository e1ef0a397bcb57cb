"""Tables and parameters as they are written on the command line."""

import pytest

from gristmill.errors import InvalidPlan
from gristmill.plan.parameters import scalar
from gristmill_cli.params import bind_params, bind_tables


def test_tables_are_split_at_the_first_equals_sign():
    assert bind_tables(["o=data/year=2013/*.parquet", "l=s3://b/l"]) == {
        "o": "data/year=2013/*.parquet",
        "l": "s3://b/l",
    }


@pytest.mark.parametrize("texts", [["orders"], ["=x"], ["o="], ["o=a", "o=b"]])
def test_wrong_tables_are_refused(texts):
    with pytest.raises(InvalidPlan):
        bind_tables(texts)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("-1.5", -1.5),
        ("true", True),
        ("null", None),
        ("shop", "shop"),
        ('"7"', "7"),
        ("2013-01-01", "2013-01-01"),
        ("NaN", "NaN"),
        ("[1]", "[1]"),
        ("", ""),
    ],
)
def test_a_value_is_what_it_says(text, value):
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_values_come_in_order_or_by_name():
    assert bind_params(["7", "x"]) == [7, "x"]
    assert bind_params(["low=7", "name=x=y"]) == {"low": 7, "name": "x=y"}
    assert bind_params([]) == []


def test_values_with_and_without_names_do_not_mix():
    with pytest.raises(InvalidPlan, match="some"):
        bind_params(["7", "name=x"])


def test_a_table_without_a_name_is_told_how_to_get_one():
    with pytest.raises(InvalidPlan) as caught:
        bind_tables(["data/sales.csv"])
    assert caught.value.remedy == "For instance sales=data/sales.csv"
