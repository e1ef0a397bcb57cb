"""Packing: pieces of files become splits, by a rule that looks at inputs and spec alone.

The wanted size of a split is 64 MiB of data as it is worked on: uncompressed bytes of Parquet row groups, bytes of
text, and four times the bytes of compressed text. For Parquet it is up to half as much again where four splits remain:
a scan has a fixed cost, whatever it reads. A file costs 256 KiB besides, for being opened. Pieces are taken
in order; a split ends when the next piece would carry it past the wanted size, or lies on another volume: who reads a
split need have only one. Never a word about workers: the same inputs give the same splits on any cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gristmill.plan.source import FileRange, Split
from gristmill.storage.filesystem import volume_of

SPLIT_BYTES = 64 << 20
LARGEST_SCAN_BYTES = 96 << 20
"""More, and the rows of a split, all columns read, are not sorted in the memory of a small worker."""
_FEWEST_SCANS = 4
FILE_COST_BYTES = 256 << 10
COMPRESSED_FACTOR = 4


@dataclass(frozen=True, slots=True)
class Weighed:
    """A piece of a file, with its bytes as they are worked on and its rows, where known."""

    piece: FileRange
    bytes_: int
    rows: int | None = None


def scan_bytes(bytes_: int) -> int:
    """The wanted size of a split of so many uncompressed bytes of Parquet."""
    return min(max(SPLIT_BYTES, bytes_ // _FEWEST_SCANS), LARGEST_SCAN_BYTES)


def pack(pieces: Iterable[Weighed], split_bytes: int) -> tuple[Split, ...]:
    """Splits of consecutive pieces."""
    splits: list[Split] = []
    taken: list[Weighed] = []
    cost = 0
    for weighed in pieces:
        next_cost = weighed.bytes_ + FILE_COST_BYTES
        full = cost + next_cost > split_bytes + FILE_COST_BYTES
        if taken and (full or _apart(taken[-1].piece, weighed.piece)):
            splits.append(_split(taken))
            taken, cost = [], 0
        taken.append(weighed)
        cost += next_cost
    return (*splits, _split(taken)) if taken else tuple(splits)


def _apart(one: FileRange, other: FileRange) -> bool:
    """Whether they lie on different volumes."""
    return one.uri != other.uri and volume_of(one.uri) != volume_of(other.uri)


def _split(taken: Sequence[Weighed]) -> Split:
    rows = [weighed.rows for weighed in taken]
    known = None if None in rows else sum(row or 0 for row in rows)
    return Split(tuple(weighed.piece for weighed in taken), sum(weighed.bytes_ for weighed in taken), known)


def coarser(splits: Iterable[Split], split_bytes: int) -> tuple[Split, ...]:
    """Neighbouring splits as one, up to that size and a tenth of it."""
    joined: list[Split] = []
    for split in splits:
        fits = joined and joined[-1].bytes_ + split.bytes_ <= 1.1 * split_bytes
        if fits and not _apart(joined[-1].pieces[-1], split.pieces[0]):
            joined[-1] = _together(joined[-1], split)
        else:
            joined.append(split)
    return tuple(joined)


def _together(one: Split, other: Split) -> Split:
    last, first = one.pieces[-1], other.pieces[0]
    pieces = (*one.pieces, *other.pieces)
    if last.rows is not None and last.first_row is not None and _follows(first, last):
        whole = replace(last, rows=last.rows + (first.rows or 0))
        pieces = (*one.pieces[:-1], whole, *other.pieces[1:])
    rows = None if one.rows is None or other.rows is None else one.rows + other.rows
    places = tuple(place for place in one.places if place in other.places)
    return Split(pieces, one.bytes_ + other.bytes_, rows, places)


def _follows(piece: FileRange, before: FileRange) -> bool:
    """Whether a range of rows begins where one of the same file ends."""
    end = (before.first_row or 0) + (before.rows or 0)
    return (
        piece.rows is not None
        and replace(piece, first_row=before.first_row, rows=before.rows) == before
        and (piece.first_row == end)
    )


def even_cuts(size: int, split_bytes: int) -> list[int]:
    """Where to cut ``size`` bytes into pieces of about ``split_bytes``, all alike: from 0 to ``size``."""
    count = max(1, round(size / split_bytes))
    return [size * i // count for i in range(count + 1)]


def group_cuts(group_bytes: Sequence[int], split_bytes: int) -> list[tuple[int, int]]:
    """Runs [first, last) of row groups of about ``split_bytes``, as even as whole groups allow."""
    total = sum(group_bytes)
    wanted = total / max(1, round(total / split_bytes))
    runs: list[tuple[int, int]] = []
    first, taken = 0, 0
    for group, bytes_ in enumerate(group_bytes):
        if group > first and taken + bytes_ / 2 > wanted * (len(runs) + 1):
            runs.append((first, group))
            first = group
        taken += bytes_
    return [*runs, (first, len(group_bytes))]
