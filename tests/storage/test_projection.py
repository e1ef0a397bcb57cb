"""Projection: the columns that a query reads are found, whatever form it has."""

from __future__ import annotations

import pytest

from gristmill.plan.schema import Column
from gristmill.storage.projection import columns_read

_INPUTS = {
    "o": (
        Column("key", "BIGINT"),
        Column("a b", "VARCHAR"),
        Column("big", "HUGEINT"),
        Column("s", "STRUCT(x INTEGER)"),
    ),
    "l": (Column("key", "BIGINT"), Column("price", "DECIMAL(15,2)")),
}


@pytest.mark.parametrize(
    ("sql", "read"),
    [
        ("SELECT sum(price) FROM l", {"o": (), "l": ("price",)}),
        ("SELECT * FROM l", {"o": (), "l": ("key", "price")}),
        (
            "SELECT sum(price) FROM o JOIN l USING (key) WHERE \"a b\" > 'x'",
            {"o": ("key", "a b"), "l": ("key", "price")},
        ),
        ("SELECT max(s.x), (SELECT min(big) FROM o) FROM o", {"o": ("big", "s"), "l": ()}),
        ("WITH t AS (SELECT key, price FROM l) SELECT price FROM t", {"o": (), "l": ("price",)}),
    ],
)
def test_only_columns_that_the_query_needs_are_read(sql, read):
    assert columns_read(sql, _INPUTS) == read


def test_a_query_that_does_not_bind_reads_everything():
    everything = {name: tuple(column.name for column in schema) for name, schema in _INPUTS.items()}
    assert columns_read("SELECT nothing FROM nowhere", _INPUTS) == everything
