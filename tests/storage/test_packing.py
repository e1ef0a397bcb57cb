"""The wanted size of a split of Parquet: larger where that leaves enough of them."""

from __future__ import annotations

import pytest

from gristmill.storage.packing import LARGEST_SCAN_BYTES, SPLIT_BYTES, group_cuts, scan_bytes

MIB = 1 << 20


@pytest.mark.parametrize(
    ("bytes_", "splits"), [(1, 1), (64 * MIB, 1), (128 * MIB, 2), (256 * MIB, 4), (384 * MIB, 4), (3840 * MIB, 40)]
)
def test_splits_of_parquet_grow_once_there_are_four(bytes_: int, splits: int) -> None:
    groups = [MIB] * max(1, bytes_ // MIB)
    assert len(group_cuts(groups, scan_bytes(bytes_))) == splits


def test_the_wanted_size_has_bounds() -> None:
    assert scan_bytes(0) == SPLIT_BYTES
    assert scan_bytes(1 << 50) == LARGEST_SCAN_BYTES
