"""Mutual friends, against networkx's own common neighbours."""

import networkx as nx
import pytest


@pytest.mark.parametrize("form", ["job.py", "job.yaml"])
def test_mutual_friends_agree_with_common_neighbours(run_example, form):
    expected = {}
    for name, graph in {"karate": nx.karate_club_graph(), "miserables": nx.les_miserables_graph()}.items():
        for first, second in graph.edges:
            pair = tuple(sorted((f"{name}:{first}", f"{name}:{second}")))
            expected[pair] = sorted(f"{name}:{other}" for other in nx.common_neighbors(graph, first, second))
    found = run_example(f"mutual_friends/{form}")
    pairs = [tuple(key.values()) for key in found["key"].to_pylist()]
    assert dict(zip(pairs, found["value"].to_pylist(), strict=True)) == expected
