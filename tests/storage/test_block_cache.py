"""The block cache: what is there is read from it, what is not is fetched once, whoever asks; its size is bounded."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.errors import InputError
from gristmill.plan.source import FileSource, Format
from gristmill.storage import blockcache, footers
from gristmill.storage.blockcache import BlockCache, merge, subtract
from gristmill.storage.filesystem import Filesystem, canonical
from gristmill.storage.footers import Footers
from gristmill.storage.parallel import ByteBudget
from gristmill.storage.reading import open_split
from gristmill.storage.splits import plan_input
from gristmill.storage.stores import Stores
from gristmill.storage.temporary import TemporaryFolder

_ranges = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda r: (r[0], r[0] + r[1])), max_size=8)


def points(ranges: list[tuple[int, int]]) -> set[int]:
    return {at for start, end in ranges for at in range(start, end)}


@given(_ranges, st.integers(0, 5))
def test_merging_keeps_what_was_there_and_fills_small_gaps(ranges, gap):
    merged = merge(ranges, gap)
    assert points(merged) >= points(ranges)
    assert all(later[0] - earlier[1] > gap for earlier, later in itertools.pairwise(merged))
    if not gap:
        assert points(merged) == points(ranges)


@given(_ranges, _ranges)
def test_subtracting_leaves_exactly_what_is_absent(ranges, present):
    assert points(subtract(merge(ranges, 0), merge(present, 0))) == points(ranges) - points(present)


CONTENT = bytes(i % 251 for i in range(3_000_000))


@pytest.fixture
def remote(stores: Stores, request: pytest.FixtureRequest) -> str:
    uri = f"memory://cache/{request.node.name}/file"
    stores.filesystem(uri).put(uri, CONTENT)
    return uri


def test_a_range_is_fetched_once(tmp_path, stores, remote):
    entry = stores.filesystem(remote).stat(remote)
    for _ in range(2):
        metered = stores.filesystem(remote).metered()
        cached = BlockCache(tmp_path, 1 << 30).open(entry)
        cached.fill([(0, 10), (2_000_000, 2_500_000)], metered)
        assert cached.path.read_bytes()[2_000_000:2_500_000] == CONTENT[2_000_000:2_500_000]
        assert cached.holds((5, 10))
        assert not cached.holds((1_500_000, 1_600_000))
    assert metered.usage.bytes_read == 0


class Slowly:
    """A store whose reads take a while, and the most bytes that were asked for at once."""

    def __init__(self, filesystem: Filesystem) -> None:
        self.asked_bytes = self.most_bytes = 0
        self._filesystem = filesystem
        self._lock = threading.Lock()

    def read(self, uri: str, start: int, end: int, version: str) -> bytes:
        with self._lock:
            self.asked_bytes += end - start
            self.most_bytes = max(self.most_bytes, self.asked_bytes)
        time.sleep(0.005)
        found = self._filesystem.read(uri, start, end, version)
        with self._lock:
            self.asked_bytes -= end - start
        return found


def test_readers_of_all_files_have_few_bytes_on_their_way(tmp_path, stores, remote, monkeypatch):
    monkeypatch.setattr(blockcache, "IN_FLIGHT", ByteBudget(500_000))
    monkeypatch.setattr(blockcache, "REQUEST_BYTES", 100_000)
    entry = stores.filesystem(remote).stat(remote)
    slowly = Slowly(stores.filesystem(remote))
    copies = [BlockCache(tmp_path / str(number), 1 << 30).open(entry) for number in range(3)]
    with ThreadPoolExecutor(len(copies)) as threads:
        list(threads.map(lambda copy: copy.fill([(0, len(CONTENT))], slowly), copies))
    assert 400_000 <= slowly.most_bytes <= 500_000
    assert all(copy.path.read_bytes() == CONTENT for copy in copies)


def test_what_is_more_than_the_budget_is_taken_alone():
    budget, most, lock = ByteBudget(10), [], threading.Lock()

    def take(bytes_: int) -> None:
        with budget.taken(bytes_):
            with lock:
                most.append(bytes_)
            time.sleep(0.001)
            with lock:
                assert len(most) == 1 or sum(most) <= 10
                most.remove(bytes_)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(take, [11, 5, 5, 20, 3, 11, 7] * 5))


def test_few_bytes_of_footers_are_kept(stores, monkeypatch):
    monkeypatch.setattr(footers, "_MOST_KEPT_BYTES", 1000)
    entries = []
    for number in range(3):
        uri = f"memory://cache/kept/{number}.parquet"
        rows = pa.BufferOutputStream()
        pq.write_table(pa.table({"n": range(10)}), rows)
        stores.filesystem(uri).put(uri, rows.getvalue().to_pybytes())
        entries.append(stores.filesystem(uri).stat(uri))
    filesystem = stores.filesystem(uri).metered()
    kept = Footers()
    sizes = [len(kept.read(entry, filesystem).raw) for entry in entries]
    assert sum(sizes[1:]) <= 1000 < sum(sizes)
    before = filesystem.usage.requests
    for entry in entries[1:]:
        kept.read(entry, filesystem)
    assert filesystem.usage.requests == before
    kept.read(entries[0], filesystem)
    assert filesystem.usage.requests > before


def test_another_version_of_a_file_is_another_file(tmp_path, stores, remote):
    filesystem = stores.filesystem(remote)
    cache = BlockCache(tmp_path, 1 << 30)
    old = filesystem.stat(remote)
    cache.open(old).fill([(0, 1000)], filesystem.metered())
    time.sleep(0.01)
    filesystem.put(remote, b"new" * 1000)
    new = cache.open(filesystem.stat(remote))
    assert not new.holds((0, 1))
    with pytest.raises(InputError, match="changed"):
        cache.open(old).fill([(5000, 6000)], filesystem.metered())


def test_files_used_longest_ago_are_evicted_unless_they_are_held(tmp_path, stores):
    cache = BlockCache(tmp_path, 5_000_000)
    held = []
    for number in range(4):
        uri = f"memory://cache/evict/{number}"
        stores.filesystem(uri).put(uri, CONTENT)
        cached = cache.open(stores.filesystem(uri).stat(uri))
        cached.fill([(0, len(CONTENT))], stores.filesystem(uri).metered())
        os.utime(cached.path, (number, number))
        held.append(cached)
    held[1].close()
    held[2].close()
    cache.evict()
    assert [cached.path.exists() for cached in held] == [True, False, False, True]


def test_a_footer_that_a_reader_left_is_not_asked_for_again(tmp_path, stores):
    uri = "memory://cache/footers/t.parquet"
    filesystem = stores.filesystem(uri)
    rows = pa.BufferOutputStream()
    pq.write_table(pa.table({"n": range(1000)}), rows)
    filesystem.put(uri, rows.getvalue().to_pybytes())
    entry, metered, idle = filesystem.stat(uri), filesystem.metered(), filesystem.metered()
    unread = Footers().read(entry, metered, tmp_path)
    assert metered.usage.requests > 0
    planned = plan_input(FileSource((uri,), Format.PARQUET), stores, "t")
    assert sum(b.num_rows for b in open_split(planned.source, planned.splits[0], stores, tmp_path).batches()) == 1000
    kept = Footers().read(entry, idle, tmp_path)
    assert idle.usage.requests == 0
    assert kept.raw == unread.raw


def fetch(folder: str, uri: str, start: int) -> bool:
    stores = Stores()
    filesystem = stores.filesystem(uri)
    cached = BlockCache(Path(folder), 1 << 30).open(filesystem.stat(uri))
    for at in range(start, len(CONTENT), 40_000):
        cached.fill([(at, min(at + 10_000, len(CONTENT)))], filesystem.metered())
        if cached.path.read_bytes()[at : at + 10_000] != CONTENT[at : at + 10_000]:
            return False
    return True


def test_processes_fill_one_file_together(tmp_path, stores):
    source = tmp_path / "remote"
    source.write_bytes(CONTENT)
    uri = canonical(str(source))
    entry = stores.filesystem(uri).stat(uri)
    folder = str(tmp_path / "cache")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        work = [(folder, uri, start) for start in (0, 10_000, 20_000, 30_000)]
        assert all(pool.starmap(fetch, work))
    cached = BlockCache(Path(folder), 1 << 30).open(entry)
    assert cached.holds((0, len(CONTENT)))
    assert cached.path.read_bytes() == CONTENT


def test_threads_that_ask_at_once_share_one_cache(monkeypatch, tmp_path):
    def slowly(place):
        time.sleep(0.05)
        return TemporaryFolder(tmp_path)

    monkeypatch.setattr(blockcache, "TemporaryFolder", slowly)
    for forget in (forgotten := (blockcache._block_cache.cache_clear, blockcache._process_folder.cache_clear)):
        forget()
    try:
        with ThreadPoolExecutor(8) as threads:
            caches = list(threads.map(blockcache.block_cache, [None] * 8))
        assert len(set(map(id, caches))) == 1
        assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1
    finally:
        for forget in forgotten:
            forget()
