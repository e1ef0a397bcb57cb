"""For every two friends, the friends that both have: each person sends all friends to each pair, reduce intersects.

The input has a line for each person: the name, a tab, the friends separated by commas.

gristmill run examples/mutual_friends/job.py
"""

from collections.abc import Iterator

import gristmill as gm


def pairs(file: str, line: str) -> Iterator[tuple[tuple[str, str], list[str]]]:
    person, _, names = line.partition("\t")
    friends = names.split(",")
    for friend in friends:
        yield (min(person, friend), max(person, friend)), friends


def mutual(pair: tuple[str, str], circles: Iterator[list[str]]) -> Iterator[tuple[tuple[str, str], list[str]]]:
    first, second = (set(circle) for circle in circles)
    yield pair, sorted(first & second)


job = gm.Job(
    "mutual-friends",
    input=gm.text("data/friends/*.txt"),
    map=pairs,
    reduce=mutual,
    partitions=2,
    output=gm.output("out/mutual_friends/", mode="overwrite"),
)

if __name__ == "__main__":
    print(gm.run(job, workers=2).pandas().head(10))
