"""DataFusion's answer to a query: who stands alone where Gristmill and DuckDB differ, and whether both may be wrong.

Its types are its own (averages of decimals are decimals of a few places), so that answers are compared as numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import datafusion

Rows = list[tuple[object, ...]]
PLACES = 3
"""Significant digits at which averages of decimals, cut to few places by DataFusion, are held to be equal."""


@functools.lru_cache(maxsize=4)
def _session(tables: tuple[tuple[str, Path], ...]) -> datafusion.SessionContext:
    session = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(1))
    for name, path in tables:
        session.register_parquet(name, str(path))
    return session


def third_opinion(sql: str, tables: Mapping[str, Path]) -> Rows | None:
    """DataFusion's rows; None where it does not take the query."""
    try:
        table = _session(tuple(tables.items())).sql(sql.strip().rstrip(";")).to_arrow_table()
    except Exception:  # noqa: BLE001 - it raises plain exceptions for what it does not know
        return None
    return [tuple(row.values()) for row in table.rename_columns(list(map(str, range(table.num_columns)))).to_pylist()]


def agree(one: Rows, other: Rows) -> bool:
    """Whether two answers are the same multiset of rows, numbers compared by their first digits."""
    return sorted(map(_rounded, one)) == sorted(map(_rounded, other))


def verdict(sql: str, tables: Mapping[str, Path], ours: Rows, duckdb: Rows) -> str:
    """Who stands alone."""
    third = third_opinion(sql, tables)
    if third is None:
        return "DataFusion does not take the query"
    with_us, with_duckdb = agree(ours, third), agree(duckdb, third)
    return {
        (True, True): "all three agree by their first digits",
        (True, False): "DuckDB stands alone: DataFusion gives our answer",
        (False, True): "we stand alone: DataFusion gives DuckDB's answer",
        (False, False): "three answers",
    }[with_us, with_duckdb]


def _rounded(row: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(
        _number(v) if isinstance(v, int | float | Decimal) and not isinstance(v, bool) else str(v) for v in row
    )


def _number(value: int | float | Decimal) -> str:
    return f"{float(value) + 0.0:.{PLACES - 1}e}"
