"""Bounds of ranges: balanced, deterministic, and right with duplicates, NULL, NaN, and mixed types."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.schema import SortKey
from gristmill.rows.ordering import sort_indices
from gristmill.shuffle.bounds import choose_bounds, rows_before
from gristmill.shuffle.format import OpenFile
from gristmill.shuffle.sampling import KeySample, from_stream

ORDER = (SortKey("k"),)


def sample_of(keys: object, order: tuple[SortKey, ...] = ORDER) -> bytes:
    """The sample of a run with those keys, which are sorted already."""
    sample = KeySample(order)
    for batch in pa.table({"k": keys}).to_batches(max_chunksize=700):
        sample.add(batch)
    return sample.stream()


def test_a_sample_is_evenly_spread_and_bounded() -> None:
    for rows in (1, 999, 1000, 1001, 123_457):
        keys = from_stream(sample_of(np.arange(rows))).column("k").to_numpy()
        assert min(rows, 500) <= len(keys) <= 1000
        assert len(set(np.diff(keys))) <= 1
        assert keys[0] == 0


def test_files_count_by_their_rows_and_not_by_their_samples() -> None:
    small, large = sample_of(np.arange(1000)), sample_of(np.arange(1000, 100_000))
    bounds = from_stream(choose_bounds([small, large], ORDER, 4)).column("k").to_pylist()
    assert bounds == pytest.approx([25_000, 50_000, 75_000], rel=0.02)


def test_equal_samples_give_equal_bounds_whatever_the_order_of_files() -> None:
    samples = [sample_of(np.sort(np.random.default_rng(seed).integers(0, 1000, 5000))) for seed in range(5)]
    assert choose_bounds(samples, ORDER, 9) == choose_bounds(samples[::-1], ORDER, 9)
    assert choose_bounds([b"", *samples], ORDER, 9) == choose_bounds(samples, ORDER, 9)


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        ([7] * 1000, ORDER),
        ([None] * 1000, ORDER),
        ([1] * 10 + [2] * 980 + [3] * 10, ORDER),
        ([None] * 500 + [1.5, math.nan, -0.0] * 100, (SortKey("k", nulls_first=True),)),
        ([None] * 500 + [1.5, math.nan, -0.0] * 100, (SortKey("k", desc=True),)),
        (["a", "b"] * 500, (SortKey("k", desc=True), SortKey("n"))),
        ([{"_0": number % 7} for number in range(1000)], (SortKey("k._0", desc=True),)),
        ([{"_0": number % 7} for number in range(1000)], (SortKey("k", desc=True),)),
    ],
)
def test_ranges_cover_all_rows_in_total_order(
    small_exchange: Callable[..., Any], keys: list[Any], order: tuple[SortKey, ...]
) -> None:
    table = pa.table({"k": keys, "n": range(len(keys))})
    spec = Exchange(ExchangeKind.RANGE, 5, order=order)
    exchange = small_exchange(spec, [table.slice(0, 400), table.slice(400, 0), table.slice(400)])
    single = small_exchange(Exchange(ExchangeKind.SINGLE, 1, order=order), [table.slice(0, 400), table.slice(400)])
    got = [number for part in exchange.read_all() for number in part.column("n").to_pylist()]
    assert got == single.read(0).column("n").to_pylist()


def test_equal_keys_are_never_in_two_ranges(small_exchange: Callable[..., Any]) -> None:
    keys = np.random.default_rng(3).zipf(1.4, 20_000) % 500
    exchange = small_exchange(
        Exchange(ExchangeKind.RANGE, 8, order=ORDER), [pa.table({"k": keys}), pa.table({"k": keys / 1.0})]
    )
    parts = [set(part.column("k").to_pylist()) for part in exchange.read_all()]
    assert sum(len(part) for part in parts) == len(set().union(*parts))


def test_ranges_of_distinct_keys_are_about_equal(small_exchange: Callable[..., Any]) -> None:
    keys = np.random.default_rng(4).permutation(80_000)
    exchange = small_exchange(
        Exchange(ExchangeKind.RANGE, 8, order=ORDER), [pa.table({"k": keys[at::4]}) for at in range(4)]
    )
    assert [part.num_rows for part in exchange.read_all()] == pytest.approx([10_000] * 8, rel=0.05)


def test_a_reader_of_a_range_touches_only_blocks_that_overlap(small_exchange: Callable[..., Any]) -> None:
    exchange = small_exchange(Exchange(ExchangeKind.RANGE, 50, order=ORDER), [pa.table({"k": np.arange(1_000_000)})])
    from gristmill.shuffle.blocks import Selection, local_run

    output, bounds = exchange.outputs[0], exchange.feed().bounds
    blocks = len(OpenFile.open(exchange.written[0].path).index.all_blocks())
    runs = [local_run(output, Selection(exchange.spec, partition, bounds)) for partition in range(50)]
    assert blocks > 5
    assert all(len(run.blocks) <= 3 for run in runs)
    assert sum(batch.num_rows for run in runs for batch in run.batches()) == 1_000_000


def test_no_rows_at_all_give_no_bounds_and_empty_ranges(small_exchange: Callable[..., Any]) -> None:
    empty = pa.table({"k": pa.array([], pa.int64())})
    exchange = small_exchange(Exchange(ExchangeKind.RANGE, 3, order=ORDER), [empty, empty])
    assert [part.num_rows for part in exchange.read_all()] == [0, 0, 0]
    assert from_stream(exchange.feed().bounds).num_rows == 0


KEYS = st.one_of(
    st.lists(st.none() | st.integers(-3, 3), min_size=1),
    st.lists(st.none() | st.sampled_from(["", "a", "aaaaaaaa", "aaaaaaaab", "aaaaaaaa\0", "b"]), min_size=1),
    st.lists(st.none() | st.floats(width=16), min_size=1),
)


@given(keys=KEYS, repeated=st.integers(1, 40), bound=st.integers(0), desc=st.booleans(), nulls_first=st.booleans())
def test_a_bound_is_found_where_sorting_would_put_it(
    keys: list[Any], repeated: int, bound: int, desc: bool, nulls_first: bool
) -> None:
    order = (SortKey("k", desc, nulls_first), SortKey("n"))
    rows = pa.table({"k": keys * repeated, "n": np.arange(len(keys) * repeated) % 3})
    rows = rows.take(pa.array(sort_indices(rows, order)))
    wanted = rows.slice(bound % rows.num_rows, 1)
    ranked = sort_indices(pa.concat_tables([wanted, rows]), order)
    assert rows_before(rows, wanted, order) == int(np.flatnonzero(ranked == 0)[0])
