"""Word count over 1 GB of text: Python functions against a hand-written multiprocessing program that calls the same
two functions, and SQL fragments against DuckDB alone on two threads.

python bench/word_count.py [--gigabytes 1] [--runs 3]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import subprocess
import sys
import sysconfig
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import duckdb
from measuring import WorkerMemory, data_folder, in_turn, machine, report

import gristmill as gm

CHUNK_BYTES = 64 << 20
FILES = 8


def words(name: str, text: str) -> Iterator[tuple[str, int]]:
    for word in text.split():
        yield word, 1


def total(word: str, counts: Iterator[int]) -> Iterator[tuple[str, int]]:
    yield word, sum(counts)


def make_text(gigabytes: float) -> list[Path]:
    """The sources of Python's library, again and again, in files of equal size."""
    folder = data_folder(f"text-{gigabytes:g}")
    files = [folder / f"part{number}.txt" for number in range(FILES)]
    if not all(file.exists() for file in files):
        sources = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
        corpus = "".join(source.read_text(errors="replace") for source in sources).encode()
        each = int(gigabytes * 1e9 / FILES)
        for file in files:
            file.write_bytes((corpus * (each // len(corpus) + 1))[:each].decode(errors="ignore").encode())
    return files


def count_chunk(chunk: tuple[str, int, int]) -> dict[str, int]:
    """One map of the hand-written program: groups with a dict, then calls the same reduce."""
    path, start, end = chunk
    groups: defaultdict[str, list[int]] = defaultdict(list)
    with open(path, "rb") as file:
        at = max(start - 1, 0)
        file.seek(at)
        if start:
            at += len(file.readline())
        for line in file:
            if at >= end:
                break
            at += len(line)
            for word, one in words(path, line.decode().rstrip("\n")):
                groups[word].append(one)
    return {word: count for each in groups.items() for word, count in total(*each)}


def by_hand(files: list[Path], workers: int) -> dict[str, int]:
    """What a person writes with multiprocessing: maps over chunks, merge in the parent, the same reduce."""
    chunks = [
        (str(file), start, min(start + CHUNK_BYTES, file.stat().st_size))
        for file in files
        for start in range(0, file.stat().st_size, CHUNK_BYTES)
    ]
    merged: dict[str, list[int]] = {}
    with multiprocessing.Pool(workers) as pool:
        for counted in pool.imap_unordered(count_chunk, chunks):
            for word, count in counted.items():
                merged.setdefault(word, []).append(count)
    return {word: count for each in merged.items() for word, count in total(*each)}


def by_hand_in_its_own_process(files: list[Path], workers: int) -> dict[str, int]:
    """The program as a person starts it: forking below a process with gRPC threads would hang."""
    command = [sys.executable, __file__, "--by-hand", *map(str, files), "--workers", str(workers)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)  # type: ignore[no-any-return]


def by_functions(files: list[Path], workers: int) -> dict[str, int]:
    job = gm.Job(
        "wordcount", input=gm.text([str(f) for f in files]), map=words, combine=total, reduce=total, partitions=4
    )
    table = gm.run(job, workers=workers, memory="2GiB", force_distributed=True).arrow()
    return dict(zip(table["key"].to_pylist(), table["value"].to_pylist(), strict=True))


SPLIT = "SELECT unnest(string_split_regex(value, '\\s+')) AS word FROM {rows}"
COUNT = "SELECT word, count(*) AS n FROM ({words}) WHERE word <> '' GROUP BY word"


def by_sql_fragments(files: list[Path], workers: int) -> dict[str, int]:
    job = gm.Job(
        "wordcount-sql",
        input=gm.text(
            [str(f) for f in files],
            map=gm.sql_fragment(COUNT.format(words=SPLIT.format(rows="input"))),
            key=["word"],
        ),
        reduce=gm.sql_fragment("SELECT word, sum(n)::BIGINT AS n FROM input GROUP BY word"),
        partitions=4,
    )
    table = gm.run(job, workers=workers, memory="2GiB", force_distributed=True).arrow()
    return dict(zip(table["word"].to_pylist(), table["n"].to_pylist(), strict=True))


def by_duckdb(files: list[Path], workers: int) -> dict[str, int]:
    con = duckdb.connect(config={"threads": workers})
    lines = "read_csv({files}, columns={{'value': 'VARCHAR'}}, delim='\\x01', quote='', escape='', header=false)"
    query = COUNT.format(words=SPLIT.format(rows=lines.format(files=[str(f) for f in files])))
    return dict(con.execute(query.replace("\\x01", "\x01")).fetchall())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--by-hand", nargs="+", type=Path, default=[], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.by_hand:
        json.dump(by_hand(options.by_hand, options.workers), sys.stdout)
        return
    files = make_text(options.gigabytes)
    print(f"{machine()}\n{options.gigabytes:g} GB of text, {options.workers} workers")
    assert by_functions(files[:1], options.workers) == by_hand_in_its_own_process(files[:1], options.workers), (
        "the answers differ"
    )
    with WorkerMemory() as memory:
        timed = in_turn(
            [
                ("gristmill, Python functions", lambda: by_functions(files, options.workers)),
                ("multiprocessing by hand, same functions", lambda: by_hand_in_its_own_process(files, options.workers)),
            ],
            options.runs,
        )
        report("Word count with Python functions", timed, 1.2)
        timed = in_turn(
            [
                ("gristmill, SQL fragments", lambda: by_sql_fragments(files, options.workers)),
                ("DuckDB alone", lambda: by_duckdb(files, options.workers)),
            ],
            options.runs,
        )
        report("Word count with SQL fragments", timed, 1.5)
    memory.show("2 GiB")


if __name__ == "__main__":
    main()
