"""What is damaged or gone is never read as data: it is reported as lost map output, by exchange and task."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gristmill.errors import LostBlock, error_from_dict
from gristmill.ids import ExchangeId
from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.schema import SortKey
from gristmill.shuffle.blocks import lost_output

HASH = Exchange(ExchangeKind.HASH, 4, ("k",))
RANGE = Exchange(ExchangeKind.RANGE, 4, order=(SortKey("k"),))


def some_rows() -> pa.Table:
    return pa.table({"k": range(3000), "s": [f"text {number}" for number in range(3000)]})


@pytest.mark.parametrize("compression", [None, "lz4"])
@pytest.mark.parametrize("spec", [HASH, RANGE], ids=["hash", "range"])
def test_a_flipped_byte_is_detected_or_changes_nothing(
    small_exchange: Callable[..., Any], spec: Exchange, compression: str | None
) -> None:
    exchange = small_exchange(spec, [some_rows()], compression=compression)
    path = Path(exchange.outputs[0].location.path)
    whole, bytes_ = exchange.read_all(), path.read_bytes()
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    places = {*range(24), *range(len(bytes_) - 64, len(bytes_)), *rng.sample(range(len(bytes_)), 100)}
    lost = []
    for place in sorted(places):
        damaged = bytearray(bytes_)
        damaged[place] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            assert exchange.read_all() == whole, f"seed {seed}, byte {place}"
        except LostBlock as error:
            lost.append(lost_output(error))
    assert set(lost) == {(ExchangeId("job", "input"), 0)}
    assert len(lost) > 50


@pytest.mark.parametrize("length", [0, 7, 50, 1000, -1])
def test_a_truncated_file_is_lost(small_exchange: Callable[..., Any], length: int) -> None:
    exchange = small_exchange(HASH, [some_rows(), some_rows()])
    path = Path(exchange.outputs[1].location.path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(LostBlock) as caught:
        exchange.read(0)
    assert lost_output(caught.value) == (ExchangeId("job", "input"), 1)


@pytest.mark.parametrize("order", [(), (SortKey("k"),)])
def test_a_missing_file_is_lost_and_the_error_survives_the_way_to_the_coordinator(
    small_exchange: Callable[..., Any], order: tuple[SortKey, ...]
) -> None:
    exchange = small_exchange(Exchange(ExchangeKind.HASH, 4, ("k",), order), [some_rows(), some_rows()])
    Path(exchange.outputs[1].location.path).unlink()
    with pytest.raises(LostBlock) as caught:
        exchange.read(0)
    assert lost_output(error_from_dict(caught.value.to_dict())) == (ExchangeId("job", "input"), 1)


def test_a_file_that_a_reader_has_open_may_be_deleted(small_exchange: Callable[..., Any]) -> None:
    exchange = small_exchange(HASH, [some_rows()])
    reader = exchange.reader(0)
    first = reader.read_next_batch()
    Path(exchange.outputs[0].location.path).unlink()
    assert first.num_rows + sum(batch.num_rows for batch in reader) == exchange.outputs[0].partition_rows[0]
