"""Jobs of every kind, small, with their data: what runs on a cluster and, for comparison, in worker processes here."""

from __future__ import annotations

import io
import random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.cluster.places import Place

WORDS = """
import time

def words(name, text):
    for word in text.split():
        yield word, 1

def slow_words(name, text):
    time.sleep(1)
    yield from words(name, text)

def total(word, counts):
    yield word, sum(counts)

def lengths(word, count):
    yield len(word), count

def counted_up(number, counts):
    yield number, max(counts) + 1
"""
_VOCABULARY = [f"word{number}" for number in range(500)]


def write_books(place: Place, folder: str, count: int, lines: int = 500) -> str:
    """Text files, the same ones every time; a pattern that finds them."""
    chance = random.Random(7)
    for number in range(count):
        text = "\n".join(" ".join(chance.choices(_VOCABULARY, k=10)) for _ in range(lines))
        place.s3.put(f"{place.bucket}/{folder}/book-{number:03}.txt", text.encode() + b"\n")
    return f"{place.bucket}/{folder}/*.txt"


def write_orders(place: Place) -> tuple[str, str]:
    """Two tables that share a key, each in three files; their patterns."""
    chance = random.Random(11)
    for number in range(3):
        keys = list(range(number * 1000, (number + 1) * 1000))
        orders = pa.table({"orderkey": keys, "custkey": [chance.randrange(50) for _ in keys]})
        lines = [key for key in keys for _ in range(chance.randrange(4))]
        prices = pa.table({"orderkey": lines, "price": [chance.randrange(10_000) for _ in lines]})
        for table, rows in (("orders", orders), ("lines", prices)):
            place.s3.put(f"{place.bucket}/{table}/{number}.parquet", parquet(rows))
    return f"{place.bucket}/orders/*.parquet", f"{place.bucket}/lines/*.parquet"


def parquet(rows: pa.Table) -> bytes:
    """A table as a Parquet file."""
    file = io.BytesIO()
    pq.write_table(rows, file)
    return file.getvalue()


def word_count(books: str, output: str, map_: str = "words", **more: Any) -> dict[str, Any]:
    """Pairs counted by Python functions; a map task for each file."""
    return {
        "code": {"inline": {"job.py": WORDS}},
        "input": [{"name": "books", "uri": books, "format": "text", "whole": True, "splitSize": "32KiB"}],
        "map": {"python": f"job:{map_}"},
        "combine": {"python": "job:total"},
        "reduce": {"python": "job:total"},
        "partitions": 3,
        "output": {"uri": output, "format": "parquet"},
        **more,
    }


def join(orders: str, lines: str, output: str) -> dict[str, Any]:
    """Two inputs, each with a map of its own, joined by SQL."""
    o = {"name": "o", "uri": orders, "format": "parquet", "key": ["orderkey"]}
    l_ = {"name": "l", "uri": lines, "format": "parquet", "key": ["orderkey"]}
    return {
        "input": [
            {**o, "map": {"sql": "SELECT orderkey, custkey FROM input"}},
            {**l_, "map": {"sql": "SELECT orderkey, price FROM input"}},
        ],
        "reduce": {"sql": "SELECT custkey, price FROM o JOIN l USING (orderkey) ORDER BY orderkey, price"},
        "partitions": 2,
        "output": {"uri": output, "format": "parquet"},
    }


def total_sort(lines: str, output: str) -> dict[str, Any]:
    """Parts in total order, by sampled ranges."""
    return {
        "input": [{"name": "lines", "uri": lines, "format": "parquet"}],
        "partition": "range",
        "sort": [{"by": "price", "desc": True}, {"by": "orderkey"}],
        "partitions": 3,
        "output": {"uri": output, "format": "parquet"},
    }


def command(books: str, output: str) -> dict[str, Any]:
    """A program that reads and writes JSON lines."""
    return {
        "input": [{"name": "books", "uri": books, "format": "text"}],
        "map": {"command": ["sed", "-n", "s/word1/WORD1/gp"]},
        "output": {"uri": output, "format": "parquet"},
    }
