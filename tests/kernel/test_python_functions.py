"""Python maps and reduces: what they are called with, for each input format, and what becomes of what they yield."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from plans import batches, files, job, pairs, parquet, pylists, python, rows, text
from sequential import run_chain, run_job

import gristmill as gm
from gristmill.errors import FragmentError, TypeConflict
from gristmill.kernel.values import values_of
from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.job import ChainPlan, JobInput, JobPlan, SideInput
from gristmill.plan.schema import SortKey
from gristmill.plan.source import Format


def words(name: str, line: str) -> Any:
    for word in line.split():
        yield word, 1


def total(key: Any, values: Any) -> Any:
    yield key, sum(values)


def as_text(key: Any, value: Any) -> Any:
    """What a map was called with."""
    yield repr(key), repr(value)


def listed(key: Any, values: Any) -> Any:
    """What a reduce was called with."""
    yield repr(key), repr(list(values))


@pytest.mark.parametrize("combine", [None, python(total)], ids=["plain", "combined"])
def test_word_count_over_lines(tmp_path: Path, combine: Any) -> None:
    source = text(tmp_path / "in", "a b a\nb\n", "c a\n")
    ran = run_job(job(source, python(words), python(total), combine=combine, partitions=3), tmp_path)
    assert sorted(pylists(ran.table)) == [("a", 3), ("b", 2), ("c", 1)]


def test_lines_come_with_the_uri_of_their_file(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "x\ny\r\n")
    found = pylists(run_job(job(source, python(as_text)), tmp_path).table)
    assert [value for _, value in found] == ["'x'", "'y'"]
    assert all(key.endswith("000.txt'") for key, _ in found)


def test_whole_files_are_one_record(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "x\ny\n", whole=True)
    ((_, value),) = pylists(run_job(job(source, python(as_text)), tmp_path).table)
    assert value == r"'x\ny\n'"


@pytest.mark.parametrize("format_", [Format.CSV, Format.JSON, Format.PARQUET])
def test_rows_come_as_dicts_keyed_by_file_and_row_number(tmp_path: Path, format_: Format) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    if format_ is Format.CSV:
        (folder / "a.csv").write_text("a,b\n1,x\n2,y\n")
    elif format_ is Format.JSON:
        (folder / "a.json").write_text('{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n')
    else:
        parquet(folder, pa.table({"a": [1, 2], "b": ["x", "y"]}))
    found = pylists(run_job(job(files(folder, format_), python(as_text)), tmp_path).table)
    assert [value for _, value in found] == ["{'a': 1, 'b': 'x'}", "{'a': 2, 'b': 'y'}"]
    assert [eval(key)[1] for key, _ in found] == [0, 1]


def test_row_numbers_go_on_over_the_splits_of_a_file(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in", pa.table({"a": range(2500)}))

    def numbers(key: Any, row: Any) -> Any:
        yield key[1], row["a"]

    ran = run_job(job(source, python(numbers)), tmp_path)
    assert len(ran.results) > 1
    assert pylists(ran.table) == [(n, n) for n in range(2500)]


def test_pairs_come_as_key_and_value(tmp_path: Path) -> None:
    source = pairs(tmp_path / "in", pa.table({"key": ["k"], "value": [1.5]}))
    assert pylists(run_job(job(source, python(as_text)), tmp_path).table) == [("'k'", "1.5")]


def test_a_reduce_over_rows_gets_the_key_columns_value_and_dicts(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in", pa.table({"a": [1, 2, 1], "b": ["x", "y", "z"]}))
    ran = run_job(job(source, None, python(listed), key=["a"], partitions=1), tmp_path)
    assert pylists(ran.table) == [("1", "[{'a': 1, 'b': 'x'}, {'a': 1, 'b': 'z'}]"), ("2", "[{'a': 2, 'b': 'y'}]")]


def test_several_key_columns_make_a_tuple(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in", pa.table({"a": [1, 1], "b": ["x", "y"]}))
    ran = run_job(job(source, None, python(listed), key=["a", "b"], partitions=1), tmp_path)
    assert [key for key, _ in pylists(ran.table)] == ["(1, 'x')", "(1, 'y')"]


def test_tuples_come_back_as_tuples_and_lists_as_lists(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "x\n")

    def nested(name: str, line: str) -> Any:
        yield (line, (1, None)), ([1, 2], {"a": (2.5,)})

    ran = run_job(job(source, python(nested), python(listed), partitions=1), tmp_path)
    assert pylists(ran.table) == [("('x', (1, None))", "[([1, 2], {'a': (2.5,)})]")]


def test_integers_over_64_bits_come_back_as_integers(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "x\n")
    ran = run_job(job(source, python(lambda k, v: [(v, 2**70)]), python(listed), partitions=1), tmp_path)
    assert pylists(ran.table) == [("'x'", f"[{2**70}]")]


def test_values_arrive_in_input_split_record_order(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "".join(f"{n}\n" for n in range(300)), "".join(f"{n}\n" for n in range(300, 400)))
    same = python(lambda name, line: [("k", int(line))])
    plan = job(source, same, python(lambda k, vs: [(k, list(vs))]), partitions=1)
    ((_, values),) = pylists(run_job(plan, tmp_path).table)
    assert values == list(range(400))


def test_values_left_unread_are_dropped(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "".join(f"{n % 3} {n}\n" for n in range(200_000)))
    first = python(lambda k, vs: [(k, next(vs))])
    split = python(lambda name, line: [tuple(map(int, line.split()))])
    assert pylists(run_job(job(source, split, first, partitions=1), tmp_path).table) == [(0, 0), (1, 1), (2, 2)]


def test_groups_larger_than_a_batch_are_whole(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "".join(f"{n}\n" for n in range(150_000)))
    plan = job(source, python(lambda name, line: [(int(line) // 100_000, 1)]), python(total), partitions=1)
    assert pylists(run_job(plan, tmp_path).table) == [(0, 100_000), (1, 50_000)]


def test_a_secondary_sort_orders_the_values(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in", pa.table({"a": [1, 1, 1], "b": [2, 3, 1]}))
    plan = job(
        source, None, python(lambda k, vs: [(k, [v["b"] for v in vs])]), key=["a"], partitions=1,
        sort=(SortKey("b", desc=True),),
    )  # fmt: skip
    assert pylists(run_job(plan, tmp_path).table) == [(1, [3, 2, 1])]


def test_several_inputs_are_tagged_in_their_order(tmp_path: Path) -> None:
    users = parquet(tmp_path / "users", pa.table({"id": [2, 1, 3], "name": ["b", "a", "c"]}))
    clicks = parquet(tmp_path / "clicks", pa.table({"user": [1, 1, 4, None], "page": ["p", "q", "r", "s"]}))

    def joined(key: Any, values: Any) -> Any:
        yield repr(key), [f"{tagged.input}:{list(tagged.value.values())[1]}" for tagged in values]

    plan = JobPlan(
        "join",
        (JobInput("users", users, None, ("id",)), JobInput("clicks", clicks, None, ("user",))),
        reduce=python(joined),
        partitions=1,
    )
    assert pylists(run_job(plan, tmp_path).table) == [
        ("1", ["users:a", "clicks:p", "clicks:q"]),
        ("2", ["users:b"]),
        ("3", ["users:c"]),
        ("4", ["clicks:r"]),
        ("None", ["clicks:s"]),
    ]


def test_several_inputs_follow_a_descending_order(tmp_path: Path) -> None:
    left = parquet(tmp_path / "left", pa.table({"k": [1, 3, 2]}))
    right = parquet(tmp_path / "right", pa.table({"k": [2, 4]}))
    plan = JobPlan(
        "merge",
        (JobInput("left", left, None, ("k",)), JobInput("right", right, None, ("k",))),
        reduce=python(lambda key, values: [(key, [value.input for value in values])]),
        sort=(SortKey("k", desc=True),),
        partitions=1,
    )
    assert pylists(run_job(plan, tmp_path).table) == [
        (4, ["right"]), (3, ["left"]), (2, ["left", "right"]), (1, ["left"])
    ]  # fmt: skip


def test_a_broadcast_input_reaches_every_reducer_but_makes_no_groups(tmp_path: Path) -> None:
    facts = parquet(tmp_path / "facts", pa.table({"k": [1, 2, 3, 4]}))
    names = parquet(tmp_path / "names", pa.table({"k": [1, 2, 9]}))
    plan = JobPlan(
        "lookup",
        (JobInput("facts", facts, None, ("k",)), JobInput("names", names, None, ("k",), ExchangeKind.BROADCAST)),
        reduce=python(lambda key, values: [(key, [value.input for value in values])]),
        partitions=2,
    )
    assert sorted(pylists(run_job(plan, tmp_path).table)) == [
        (1, ["facts", "names"]), (2, ["facts", "names"]), (3, ["facts"]), (4, ["facts"])
    ]  # fmt: skip


def test_yielded_dicts_become_rows(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "1\n2\n")

    def numbered(name: str, line: str) -> Iterator[dict[str, Any]]:
        yield {"n": int(line)}
        if line == "2":
            yield {"n": 3, "extra": True}

    table = run_job(job(source, rows(numbered)), tmp_path).table
    assert pylists(table) == [(1, None), (2, None), (3, True)]
    assert table.schema.names == ["n", "extra"]


def test_batches_in_and_out(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in", pa.table({"a": [1, 2, 3]}))

    def doubled(batch: pa.RecordBatch) -> pa.Table:
        return pa.table({"a": batch.column("a"), "b": [2 * n.as_py() for n in batch.column("a")]})

    def summed(parts: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for part in parts:
            yield pa.record_batch({"sum": [sum(part.column("b").to_pylist())]})

    plan = job(source, batches(doubled), batches(summed), key=["a"], partitions=1)
    assert pylists(run_job(plan, tmp_path).table) == [(12,)]


def test_a_batch_reduce_gets_several_inputs_by_name(tmp_path: Path) -> None:
    left = parquet(tmp_path / "left", pa.table({"k": [1, 2]}))
    right = parquet(tmp_path / "right", pa.table({"k": [2]}))

    def counts(left: Any, right: Any) -> pa.Table:
        return pa.table({"left": [sum(b.num_rows for b in left)], "right": [sum(b.num_rows for b in right)]})

    plan = JobPlan(
        "both",
        (JobInput("left", left, None, ("k",)), JobInput("right", right, None, ("k",))),
        reduce=batches(counts),
        partitions=1,
    )
    assert pylists(run_job(plan, tmp_path).table) == [(2, 1)]


def test_rows_of_another_job_are_keyed_by_its_name(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "a b\n")
    first = job(source, rows(lambda n, line: ({"word": w} for w in line.split())), name="first")
    second = job("first", python(as_text), name="second")
    found = pylists(run_chain(ChainPlan((first, second)), tmp_path).table)
    assert found == [("('first', 0)", "{'word': 'a'}"), ("('first', 1)", "{'word': 'b'}")]


def test_pairs_of_another_job_stay_pairs(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "a b a\n")
    first = job(source, python(words), python(total), name="first", partitions=2)
    swap = python(lambda word, count: [(count, word)])
    second = job("first", swap, python(listed), name="second", partitions=1)
    assert pylists(run_chain(ChainPlan((first, second)), tmp_path).table) == [("1", "['b']"), ("2", "['a']")]


def test_counters_add_up_over_tasks(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "a\nb\n", "c\n")

    def counting(name: str, line: str) -> Any:
        gm.counter("lines")
        gm.counter("bytes", len(line))
        return []

    assert run_job(job(source, python(counting)), tmp_path).counters == {"lines": 3, "bytes": 3}


def test_counters_may_go_below_zero(tmp_path: Path) -> None:
    def counting(name: str, line: str) -> Any:
        gm.counter("balance", int(line))
        return []

    assert run_job(job(text(tmp_path, "-3\n", "1\n"), python(counting)), tmp_path).counters == {"balance": -2}


@pytest.mark.parametrize("given", [("n", 1.5), ("n", "2"), (5, 1)])
def test_what_cannot_be_counted_is_an_error_of_the_function(tmp_path: Path, given: Any) -> None:
    with pytest.raises(FragmentError, match=r"record 0.* counts nothing"):
        run_job(job(text(tmp_path, "a\n"), python(lambda name, line: [gm.counter(*given)])), tmp_path)


def test_side_inputs_are_tables(tmp_path: Path) -> None:
    source = text(tmp_path / "in", "a\nz\n")
    names = parquet(tmp_path / "names", pa.table({"short": ["a"], "long": ["alpha"]}))

    def long_name(name: str, line: str) -> Any:
        known = dict(zip(*(column.to_pylist() for column in gm.side("names").columns), strict=True))
        yield line, known.get(line, "?")

    plan = job(source, python(long_name), side_inputs=(SideInput("names", names),))
    assert pylists(run_job(plan, tmp_path).table) == [("a", "alpha"), ("z", "?")]


def test_no_map_and_no_reduce_keep_the_rows_as_they_are(tmp_path: Path) -> None:
    table = pa.table({"b": [3, 1, 2], "a": ["x", "y", "z"]})
    source = parquet(tmp_path / "in", table)
    assert run_job(job(source), tmp_path / "1").table.equals(table)
    ordered = job(source, key=["b"], partitions=1, sort=(SortKey("b"),))
    assert run_job(ordered, tmp_path / "2").table.column("b").to_pylist() == [1, 2, 3]


def test_a_custom_partitioner_names_the_partition(tmp_path: Path) -> None:
    from plans import function

    source = text(tmp_path / "in", "1\n2\n3\n4\n")
    by_parity = function(lambda key, partitions: key % 2)
    plan = job(
        source, python(lambda n, line: [(int(line), 1)]), python(total), partitions=2,
        partition=ExchangeKind.CUSTOM, partitioner=by_parity,
    )  # fmt: skip
    assert [key for key, _ in pylists(run_job(plan, tmp_path).table)] == [2, 4, 1, 3]


MAPS = pa.table(
    {
        "key": [1, 2, 3, 4],
        "value": pa.array(
            [[((1, 2), ["a"])], [], None, [((3, None), None), ((4, 5), [])]],
            pa.map_(pa.struct({"_0": pa.int64(), "_1": pa.int64()}), pa.list_(pa.string())),
        ),
    }
)


def as_they_come(key: Any, value: Any) -> Any:
    assert value is None or type(value) is gm.Map
    yield key, value


def test_maps_come_as_dicts_and_stay_maps(tmp_path: Path) -> None:
    there, out = str(tmp_path / "maps.parquet"), str(tmp_path / "out")
    pq.write_table(MAPS, there)
    copy = gm.Job("copy", input=gm.pairs(there), map=as_they_come, output=gm.output(out))
    assert gm.run(copy).arrow().sort_by("key").equals(MAPS)


def test_times_finer_than_those_of_python_are_refused() -> None:
    fine = pa.array([1_000, 1_001, None], pa.time64("ns"))
    assert values_of(fine.slice(0, 1)) == [dt.time(microsecond=1)]
    with pytest.raises(TypeConflict, match="no nanoseconds"):
        values_of(fine)


def test_a_map_whose_keys_no_dict_can_have_is_refused() -> None:
    structs = pa.array([[({"a": 1}, 2)]], pa.map_(pa.struct({"a": pa.int64()}), pa.int64()))
    with pytest.raises(TypeConflict, match=r"MAP\(STRUCT\(a BIGINT\), BIGINT\) cannot be those of a dict"):
        values_of(structs)
