"""Combining, spilling, wide fan-in, custom partitions, and what the writer refuses."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from gristmill.errors import FragmentError, StorageError
from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.fragment import PythonFunction
from gristmill.plan.schema import SortKey
from gristmill.shuffle.writer import ShuffleWriter

ORDER = (SortKey("k"),)


def total(table: pa.Table) -> pa.Table:
    """Sums ``v`` by ``k``, in order of first appearance."""
    summed = table.group_by("k", use_threads=False).aggregate([("v", "sum")])
    return pa.table({"k": summed.column("k"), "v": summed.column("v_sum")})


def counted(rows: int, keys: int, seed: int = 0) -> pa.Table:
    return pa.table({"k": np.random.default_rng(seed).integers(0, keys, rows), "v": np.ones(rows, np.int64)})


@pytest.mark.parametrize("order", [(), ORDER])
@pytest.mark.parametrize("keys", [50, 50_000])
def test_a_combine_shrinks_what_is_written_and_changes_no_sum(
    small_exchange: Callable[..., Any], order: tuple[SortKey, ...], keys: int
) -> None:
    spec = Exchange(ExchangeKind.HASH, 3, ("k",), order)
    tables = [counted(40_000, keys, seed) for seed in range(3)]
    combined = small_exchange(spec, tables, memory_bytes=300_000, combine=total)
    parts = combined.read_all()
    whole = pa.concat_tables(tables)
    assert total(pa.concat_tables(parts)).sort_by("k") == total(whole).sort_by("k")
    assert sum(o.rows for o in combined.outputs) < whole.num_rows
    if keys == 50:
        assert all(file.rows == 50 and file.bytes_spilled == 0 for file in combined.written)
        assert sum(part.num_rows for part in parts) == 50
    for part in parts if order else ():
        assert part.column("k").to_pylist() == sorted(part.column("k").to_pylist())


def test_a_combine_that_moves_keys_to_other_partitions_is_refused(small_exchange: Callable[..., Any]) -> None:
    def moving(table: pa.Table) -> pa.Table:
        return table.set_column(0, "k", pc.add(table.column("k"), 1))

    with pytest.raises(FragmentError, match="must keep the key"):
        small_exchange(Exchange(ExchangeKind.HASH, 16, ("k",)), [counted(1000, 100)], combine=moving)


def test_a_very_wide_fan_in_is_merged_as_a_tree(small_exchange: Callable[..., Any]) -> None:
    spec = Exchange(ExchangeKind.SINGLE, 1, ("k",), ORDER)
    tables = [
        counted(100, 1000, seed).append_column("n", pa.array(range(seed * 100, seed * 100 + 100)))
        for seed in range(300)
    ]
    exchange = small_exchange(spec, tables)
    roomy, tight = exchange.read(0), exchange.read(0, memory_bytes=50_000)
    assert tight == roomy
    assert (
        roomy.column("n").to_pylist()
        == pa.concat_tables(tables).sort_by([("k", "ascending"), ("n", "ascending")]).column("n").to_pylist()
    )


def test_a_combine_is_applied_at_every_level_of_the_tree(small_exchange: Callable[..., Any]) -> None:
    spec = Exchange(ExchangeKind.SINGLE, 1, ("k",), ORDER)
    exchange = small_exchange(spec, [counted(3000, 2000, seed) for seed in range(40)])
    seen: list[int] = []

    def watching(table: pa.Table) -> pa.Table:
        seen.append(table.num_rows)
        return total(table)

    exchange.combine = watching
    got = exchange.read(0, memory_bytes=200_000)
    assert pc.sum(got.column("v")).as_py() == 120_000
    assert got.num_rows < 10_000
    assert len(seen) > 10


def test_custom_partitions_are_those_that_the_function_names(small_exchange: Callable[..., Any]) -> None:
    spec = Exchange(ExchangeKind.CUSTOM, 3, ("k",), partitioner=PythonFunction("mod:by_size"))
    exchange = small_exchange(spec, [counted(5000, 100)], partition_of=lambda batch: np.asarray(batch.column("k")) % 3)
    for partition, part in enumerate(exchange.read_all()):
        assert set(part.column("k").to_pylist()) == set(range(partition, 100, 3))


@pytest.mark.parametrize("wrong", [-1, 3])
def test_a_custom_partition_out_of_range_names_the_function(small_exchange: Callable[..., Any], wrong: int) -> None:
    spec = Exchange(ExchangeKind.CUSTOM, 3, ("k",), partitioner=PythonFunction("mod:by_size"))
    with pytest.raises(FragmentError, match="mod:by_size") as caught:
        small_exchange(spec, [counted(10, 5)], partition_of=lambda batch: np.full(batch.num_rows, wrong))
    assert "0 to 2" in caught.value.remedy


def test_no_rows_give_a_file_with_a_schema_and_empty_partitions(small_exchange: Callable[..., Any]) -> None:
    for kind in (ExchangeKind.HASH, ExchangeKind.RANGE, ExchangeKind.BROADCAST):
        exchange = small_exchange(Exchange(kind, 3, ("k",), ORDER), [counted(0, 1)])
        assert [part.num_rows for part in exchange.read_all()] == [0, 0, 0]
        assert exchange.read(2).schema.names == ["k", "v"]


def test_nothing_written_at_all_is_an_empty_file(tmp_path: Path) -> None:
    spec = Exchange(ExchangeKind.HASH, 3, ("k",))
    written = ShuffleWriter(spec, tmp_path / "map", 1 << 20, None, tmp_path).finish()
    assert (written.rows, written.schema, written.partition_rows) == (0, (), (0, 0, 0))


def test_an_aborted_attempt_leaves_nothing(tmp_path: Path) -> None:
    writer = ShuffleWriter(Exchange(ExchangeKind.HASH, 3, ("k",)), tmp_path / "map", 10_000, None, tmp_path / "spill")
    for batch in counted(50_000, 10).to_batches(max_chunksize=1000):
        writer.write(batch)
    assert any((tmp_path / "spill").iterdir())
    writer.abort()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_a_storage_error_that_names_the_place(tmp_path: Path) -> None:
    (tmp_path / "map.part").symlink_to("/dev/full")
    writer = ShuffleWriter(Exchange(ExchangeKind.HASH, 3, ("k",)), tmp_path / "map", 1 << 30, None, tmp_path)
    writer.write(counted(500_000, 10).to_batches()[0])
    with pytest.raises(StorageError, match="No space left") as caught:
        writer.finish()
    assert caught.value.place == str(tmp_path / "map")
    assert "space" in caught.value.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_scratch_directory_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    writer = ShuffleWriter(
        Exchange(ExchangeKind.HASH, 3, ("k",)), tmp_path / "sub" / "map", 1000, None, tmp_path / "spill"
    )
    with pytest.raises(StorageError, match="Permission"):
        writer.write(counted(5000, 10).to_batches()[0])


@pytest.mark.parametrize("order", [(), ORDER])
def test_a_reader_whose_spill_directory_is_no_directory_is_a_storage_error(
    small_exchange: Callable[..., Any], order: tuple[SortKey, ...]
) -> None:
    exchange = small_exchange(Exchange(ExchangeKind.SINGLE, 1, ("k",), order), [counted(2000, 9)] * 20)
    (exchange.folder / "reader").write_text("in the way")
    if not order:
        assert exchange.read(0, memory_bytes=10_000).num_rows == 40_000
        return
    with pytest.raises(StorageError, match="File exists") as caught:
        exchange.read(0, memory_bytes=10_000)
    assert "reader" in caught.value.place
