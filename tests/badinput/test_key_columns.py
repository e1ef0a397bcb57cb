"""A key or a sort by a column that is not there is told with job, input and the nearest name, however few the rows."""

from __future__ import annotations

from pathlib import Path

import pytest

import gristmill as gm
from gristmill.errors import InvalidPlan


def message(folder: Path, **options: object) -> str:
    (folder / "a.csv").write_text("orderkey,price\n1,2\n")
    with pytest.raises(InvalidPlan) as caught:
        gm.run(gm.Job("count", reduce=gm.sql_fragment("SELECT count(*) AS n FROM o"), **options))  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize("partitions", [None, 1, 3])
def test_a_key_that_no_row_has_is_told(tmp_path: Path, partitions: int | None) -> None:
    source = gm.csv(tmp_path / "a.csv", key=["ordrekey"])
    assert message(tmp_path, input={"o": source}, partitions=partitions) == (
        "job count, key of input o: there is no column 'ordrekey'\n  Did you mean orderkey?"
    )


def test_a_key_is_of_what_the_map_gives(tmp_path: Path) -> None:
    source = gm.csv(tmp_path / "a.csv", key=["orderkey"], map=gm.sql_fragment("SELECT price FROM input"))
    assert message(tmp_path, input={"o": source}) == (
        "job count, key of input o: there is no column 'orderkey'\n  One of: price."
    )


def test_a_sort_by_nothing_that_is_there_is_told(tmp_path: Path) -> None:
    source = gm.csv(tmp_path / "a.csv", key=["orderkey"])
    assert message(tmp_path, input={"o": source}, sort=["prize"]) == (
        "job count, sort of input o: there is no column 'prize'\n  Did you mean price?"
    )
