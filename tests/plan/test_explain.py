"""EXPLAIN, as people read it: each chain in tests/plan/explain/*.yaml with the text expected under it in *.txt.

``GRISTMILL_REWRITE_GOLD=1 pytest tests/plan/test_explain.py`` writes the texts anew, for review.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gristmill.plan.compile import compile_chain
from gristmill.plan.explain import explain
from gristmill.plan.job import ChainPlan
from gristmill.plan.manifest import load_manifest
from gristmill.plan.source import FileRange, FileSource, Split

GOLD = Path(__file__).parent / "explain"
CHAINS = sorted(path.stem for path in GOLD.glob("*.yaml"))
TIER = "worker processes on this machine (asked for)"


def planned_splits(chain: ChainPlan) -> dict[tuple[str, str], tuple[Split, ...]]:
    """Two splits of 48 MiB for each file of the inputs; Parquet knows its rows."""
    found = {}
    for job in chain.jobs:
        for name, source in [(each.name, each.source) for each in (*job.inputs, *job.side_inputs)]:
            if isinstance(source, FileSource):
                rows = 500_000 if source.format == "parquet" else None
                pieces = [FileRange(uri, half << 20, (half + 48) << 20) for uri in source.uris for half in (0, 48)]
                found[job.name, name] = tuple(Split((piece,), 48 << 20, rows) for piece in pieces)
    return found


def chain_of(name: str) -> ChainPlan:
    return load_manifest((GOLD / f"{name}.yaml").read_text(), f"{name}.yaml")


@pytest.mark.parametrize("name", CHAINS)
def test_a_planned_chain_reads_as_in_its_gold_file(name: str) -> None:
    chain = chain_of(name)
    text = explain(chain, compile_chain(chain, planned_splits(chain)), TIER) + "\n"
    gold = GOLD / f"{name}.txt"
    if os.environ.get("GRISTMILL_REWRITE_GOLD"):
        gold.write_text(text)
    assert text == gold.read_text()
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_a_chain_without_stages_is_shown_without_counts() -> None:
    text = explain(chain_of("wordcount"), None)
    assert text == (
        "1 job\n"
        "\n"
        "job wordcount\n"
        "  input books   s3://books/*.txt (text)\n"
        "    map         python wordcount:words\n"
        "    exchange    hash(key), 4 partitions\n"
        "  combine       python wordcount:total\n"
        "  reduce        python wordcount:total\n"
        "  output        s3://results/wordcount/ (parquet, must be new)"
    )
