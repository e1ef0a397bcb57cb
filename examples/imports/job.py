"""Who imports whom in Python's library: an inverted index, and the modules ranked by it. A chain of two jobs.

gristmill run examples/imports/job.py
"""

import ast
from collections.abc import Iterator

import gristmill as gm


def links(file: str, source: str) -> Iterator[tuple[str, str]]:
    """A pair (module, who imports it) for each import statement of a file."""
    importer = file.rpartition("/python/")[2].removesuffix(".py").replace("/", ".")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, importer
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, importer


def index(module: str, importers: Iterator[str]) -> Iterator[tuple[str, list[str]]]:
    yield module, sorted(set(importers))


def popularity(module: str, importers: list[str]) -> Iterator[tuple[int, str]]:
    yield len(importers), module


imports = gm.Job(
    "imports",
    input=gm.text("data/python/**/*.py", whole=True),
    map=links,
    reduce=index,
    partitions=4,
    output=gm.output("out/imports/index/", mode="overwrite"),
)

job = gm.Job(
    "popular",
    input=imports,
    map=popularity,
    partition="range",
    sort=[gm.desc("key"), "value"],
    partitions=2,
    output=gm.output("out/imports/popular/", mode="overwrite"),
)

if __name__ == "__main__":
    print(gm.run(job, workers=2).pandas().head(10))
