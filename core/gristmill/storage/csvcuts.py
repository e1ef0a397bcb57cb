"""Where a local CSV file may be cut when quoted values may hold newlines.

A newline ends a record when an even number of quotes lies before it. That holds only if quotes are used as CSV has
them: an opening one after a delimiter or newline, a closing one before a delimiter or newline, others doubled. A file
that uses them otherwise (``5" disk``) is not cut. Scans at the speed of memory: files without quotes are only
searched for newlines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

_CHUNK_BYTES = 16 << 20
_NEWLINE = 10
_RETURN = 13

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cut:
    """A byte offset at which a record begins, and how many records lie before it (with the header), if known."""

    at: int
    records: int | None


def safe_cuts(path: Path, wanted: Sequence[int], quote: str, delimiter: str) -> list[Cut]:
    """The first record that begins at or after each wanted offset; fewer where records are long, none if unsafe."""
    if not wanted:
        return []
    scan = _Scan(np.memmap(path, np.uint8, "r"), quote.encode(), delimiter.encode())
    cuts = scan.cuts(wanted)
    return cuts if scan.regular else []


class _Scan:
    """One pass over a file in chunks, carrying the number of quotes and of records so far."""

    def __init__(self, content: Bytes, quote: bytes, delimiter: bytes) -> None:
        self.regular = True
        self._content = content
        self._quote = quote
        self._borders = np.zeros(256, np.bool_)
        self._borders[[delimiter[0], _NEWLINE, _RETURN, *quote]] = True
        self._quotes = 0
        self._records = 0

    def cuts(self, wanted: Sequence[int]) -> list[Cut]:
        """Scans no further than the last cut: what comes after it cannot undo it."""
        todo = list(wanted)
        found: list[Cut] = []
        size = len(self._content)
        for start in range(0, size, _CHUNK_BYTES):
            ends = self._record_ends(start, min(start + _CHUNK_BYTES, size))
            while todo and len(ends) and todo[0] <= ends[-1] + 1:
                index = int(np.searchsorted(ends, todo.pop(0) - 1))
                cut = Cut(int(ends[index]) + 1, self._records + index + 1)
                if cut.at < size and (not found or cut.at > found[-1].at):
                    found.append(cut)
            self._records += len(ends)
            if not todo or not self.regular:
                break
        return found

    def _record_ends(self, start: int, end: int) -> Offsets:
        """Offsets of the newlines in [start, end) that end a record."""
        data = self._content[start:end]
        newlines = np.flatnonzero(data == _NEWLINE) + start
        odd = self._quotes % 2
        quotes = np.flatnonzero(data == self._quote[0]) + start if self._quote else newlines[:0]
        if not len(quotes):
            return newlines[: 0 if odd else None]
        self._check(quotes, odd)
        self._quotes += len(quotes)
        parity = (np.searchsorted(quotes, newlines) + odd) % 2
        ends: Offsets = newlines[parity == 0]
        return ends

    def _check(self, quotes: Offsets, odd: int) -> None:
        """See that each quote opens after a border of a value, closes before one, or is doubled."""
        opening, closing = quotes[odd::2], quotes[1 - odd :: 2]
        before = self._content[opening[opening > 0] - 1]
        after = self._content[closing[closing < len(self._content) - 1] + 1]
        self.regular &= bool(self._borders[before].all() and self._borders[after].all())
