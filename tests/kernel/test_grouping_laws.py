"""Laws: a job over random pairs gives what a dozen lines of plain Python give, whatever the keys and the cuts."""

from __future__ import annotations

import math
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import job, python, text
from sequential import run_job

from gristmill.kernel.calls import MapCalls
from gristmill.kernel.columns import Typed, pair_schema
from gristmill.kernel.combining import GroupCombine
from gristmill.kernel.context import TaskContext
from gristmill.kernel.groups import comparable
from gristmill.kernel.mapcombine import MapCombiner, hashable
from gristmill.kernel.records import Chunk
from gristmill.kernel.values import values_of
from gristmill.rows.types import infer

FLOATS = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, -0.0, math.nan])
TEXTS = st.text(max_size=4) | st.sampled_from(["", "\x00", "é", "\U0001f600", "x" * 5000])
SCALARS = {
    "text": TEXTS,
    "integer": st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1),
    "wide integer": st.integers(-(10**30), 10**30),
    "float": FLOATS,
    "mixed number": st.integers(-3, 3) | st.sampled_from([0.5, -0.0, 1.0, math.nan]),
    "boolean": st.booleans(),
    "bytes": st.binary(max_size=3),
}
KEYS = {
    **SCALARS,
    "tuple": st.tuples(TEXTS, st.none() | st.integers(-2, 2), FLOATS),
    "list": st.lists(st.integers(0, 2), max_size=3),
    "nested": st.tuples(st.lists(st.none() | FLOATS, max_size=2), st.tuples(TEXTS)),
}


def same(key: Any) -> Any:
    """What two keys share exactly if the engine holds them for one."""
    if isinstance(key, float) and math.isnan(key):
        return "NaN"
    if isinstance(key, float):
        return key + 0.0
    if isinstance(key, list):
        return ("list", *map(same, key))
    return tuple(map(same, key)) if isinstance(key, tuple) else key


def oracle(pairs: list[tuple[Any, int]]) -> list[tuple[Any, list[int]]]:
    """Groups in key order, values in record order."""
    groups: dict[Any, tuple[Any, list[int]]] = {}
    for key, value in pairs:
        groups.setdefault(same(key), (key, []))[1].append(value)
    return sorted(groups.values(), key=lambda group: comparable(group[0]))


def printed(groups: list[tuple[Any, list[int]]]) -> list[tuple[str, list[int]]]:
    """Keys as text, in which NaN equals NaN, 1 is 1.0 and -0.0 is 0.0."""
    return [(repr(same(_plain(key))), values) for key, values in groups]


def _plain(key: Any) -> Any:
    if isinstance(key, (int, Decimal)) and not isinstance(key, bool):
        return float(key) if abs(key) < 2**50 else int(key)
    return type(key)(map(_plain, key)) if isinstance(key, (list, tuple)) else key


def run(pairs: list[tuple[Any, int]], splits: int, partitions: int, combined: bool) -> list[tuple[str, list[int]]]:
    """The same through the engine: each line of text names one pair."""
    cut = -(-len(pairs) // splits) or 1
    numbers = [f"{n}\n" for n in range(len(pairs))]
    contents = ["".join(numbers[at : at + cut]) for at in range(0, len(numbers), cut)] or [""]
    concatenated = python(lambda key, values: [(key, [item for value in values for item in value])])
    found: list[tuple[Any, list[int]]] = []

    def collect(key: Any, values: Any) -> Any:
        yield key, [item for value in values for item in value]

    with tempfile.TemporaryDirectory() as folder:
        source = text(Path(folder) / "in", *contents, split_bytes=1)
        plan = job(
            source,
            python(lambda name, line: [(pairs[int(line)][0], [pairs[int(line)][1]])]),
            python(collect),
            combine=concatenated if combined else None,
            partitions=partitions,
        )
        table = run_job(plan, Path(folder)).table
        found = list(zip(values_of(table.column("key")), values_of(table.column("value")), strict=True))
    return printed(found)


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("combined", [False, True], ids=["plain", "combined"])
def test_a_job_groups_as_plain_python_does(kind: str, combined: bool) -> None:
    @settings(max_examples=8, deadline=None)
    @given(
        st.lists(st.tuples(st.none() | KEYS[kind], st.integers(0, 99)), min_size=1, max_size=40),
        st.integers(1, 3),
    )
    def law(pairs: list[tuple[Any, int]], splits: int) -> None:
        assert run(pairs, splits, 1, combined) == printed(oracle(pairs))

    law()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(TEXTS, st.integers(0, 99)), min_size=1, max_size=60), st.integers(1, 4), st.integers(1, 5))
def test_partitions_share_out_the_groups(pairs: list[tuple[str, int]], splits: int, partitions: int) -> None:
    assert sorted(run(pairs, splits, partitions, True)) == sorted(printed(oracle(pairs)))


@given(st.lists(st.tuples(KEYS["mixed number"], st.integers(0, 9)), max_size=300), st.integers(1, 50))
def test_combining_in_memory_keeps_runs_in_record_order(pairs: list[tuple[Any, int]], chunk: int) -> None:
    chunks = [
        Chunk("f", at, [(key, [value]) for key, value in pairs[at : at + chunk]], key="f")
        for at in range(0, len(pairs), chunk)
    ]
    calls = MapCalls(lambda name, pair: [pair], "identity", chunks, TaskContext(print), {})
    combine = GroupCombine(lambda key, values: [(key, [item for value in values for item in value])], "combine")
    found: dict[Any, list[int]] = {}
    for batch in MapCombiner(calls, combine, Typed(None, None, "law", pair_schema())).batches():
        for key, values in zip(values_of(batch.column("key")), values_of(batch.column("value")), strict=True):
            found.setdefault(same(float(key)), []).extend(values)
    assert found == {same(float(key)): values for key, values in oracle(pairs)}


@given(st.recursive(st.none() | SCALARS["float"] | TEXTS | st.booleans(), lambda inner: st.lists(inner, max_size=3)))
def test_keys_are_alike_in_dicts_exactly_where_the_engine_holds_them_alike(key: Any) -> None:
    assert hashable(key) in {hashable(key): 1}
    hash(hashable(key))


@given(st.lists(st.none() | st.tuples(TEXTS, st.lists(st.none() | st.integers(0, 5))), max_size=20))
def test_values_come_back_from_arrow_as_they_were(values: list[Any]) -> None:
    assert values_of(infer(values, "values")) == values
