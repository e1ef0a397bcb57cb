"""How often each word stands in the sources of Python's library: the first job of the MapReduce paper (section 2.1).

gristmill run examples/wordcount/job.py
"""

import re
from collections.abc import Iterator

import gristmill as gm

WORD = re.compile(r"[a-z]+")


def words(file: str, line: str) -> Iterator[tuple[str, int]]:
    for word in WORD.findall(line.lower()):
        yield word, 1


def total(word: str, counts: Iterator[int]) -> Iterator[tuple[str, int]]:
    yield word, sum(counts)


job = gm.Job(
    "wordcount",
    input=gm.text("data/python/**/*.py"),
    map=words,
    combine=total,
    reduce=total,
    partitions=4,
    output=gm.output("out/wordcount/", mode="overwrite"),
)

if __name__ == "__main__":
    print(gm.run(job, workers=2).pandas().nlargest(10, "value"))
