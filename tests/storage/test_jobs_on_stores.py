"""A job in worker processes, and a query over what it wrote, on each kind of store that processes share."""

from collections import Counter

import pytest

import gristmill as gm

LINES = ["to be or not to be", "that is the question", "", "be"]


def words(_, line):
    for word in line.split():
        yield word, 1


def total(word, counts):
    yield word, sum(counts)


@pytest.mark.parametrize("place", ["local", "s3", "gs", "abfs"], indirect=True)
def test_workers_read_from_and_commit_to_a_store(place, stores):
    for number in range(3):
        stores.filesystem(place).put(f"{place}/in/{number}.txt", "\n".join(LINES).encode())
    job = gm.Job("words", input=gm.text(f"{place}/in/*.txt"), map=words, reduce=total, output=f"{place}/out")
    gm.run(job, workers=2)
    expected = Counter(word for line in LINES for word in line.split() * 3)
    query = gm.sql(
        "SELECT key, value FROM counts ORDER BY key",
        tables={"counts": f"{place}/out"},
        workers=2,
        force_distributed=True,
    )
    assert [tuple(row.values()) for row in query.arrow().to_pylist()] == sorted(expected.items())
