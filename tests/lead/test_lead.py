"""The lead end to end on one machine: an operator that asks, workers over TCP with certificates, an S3 server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gristmill as gm
from gristmill.plan.manifest import load_manifest
from gristmill.wire.reports import RunPhase
from tests.support.pool_here import PoolHere

Content = Callable[[str], list[tuple[int, int, str]]]

WORDS = """
def words(name, text):
    for word in text.split():
        yield word, 1

def total(word, counts):
    yield word, sum(counts)
"""


def word_count(books: str, output: str, **spec: Any) -> dict[str, Any]:
    """The MapReduceJob that counts words."""
    return {
        "apiVersion": "gristmill.dev/v1alpha1",
        "kind": "MapReduceJob",
        "metadata": {"name": "wordcount", "namespace": "default"},
        "spec": {
            "code": {"inline": {"wordcount.py": WORDS}},
            "input": [{"name": "books", "uri": books, "format": "text", "splitSize": "4KiB"}],
            "map": {"python": "wordcount:words"},
            "combine": {"python": "wordcount:total"},
            "reduce": {"python": "wordcount:total"},
            "partitions": 4,
            "output": {"uri": output},
            **spec,
        },
    }


def embedded(resource: dict[str, Any], output: str) -> str:
    """Runs the same manifest in this process; its output."""
    import json

    form = {**resource, "spec": {**resource["spec"], "output": {"uri": output}}}
    gm.run(load_manifest(json.dumps(form)))
    return output


def test_a_job_runs_in_lead_and_worker_with_the_bytes_of_the_embedded_engine(
    pool: PoolHere, books: str, bucket: str, content: Content
) -> None:
    job = word_count(books, f"{bucket}/counts")
    pool.start(workers=1)
    report = pool.operator.complete(pool.operator.ask(job))
    assert (report.maps.done, report.reduces.done) == (report.maps.total, 4)
    assert report.outputs[0].uri == f"{bucket}/counts"
    assert report.rows == 12 * 400
    assert content(f"{bucket}/counts") == content(embedded(job, f"{bucket}/embedded"))


def test_the_phases_come_in_order(pool: PoolHere, books: str, bucket: str) -> None:
    pool.start()
    uid = pool.operator.ask(word_count(books, f"{bucket}/counts"))
    pool.operator.complete(uid)
    phases = list(dict.fromkeys(report.phase for report in pool.operator.reports[uid]))
    assert phases == [each for each in RunPhase if each in phases]
    assert phases[-1] is RunPhase.COMPLETE
