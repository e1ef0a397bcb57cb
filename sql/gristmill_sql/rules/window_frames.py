"""Frames of window functions, read from syntax trees. Used by the rules that spread windows over all rows."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp


@dataclass(frozen=True, slots=True)
class Border:
    """One end of a frame, ``sign`` times ``offset`` from the current row: -1 before it, 1 after it, 0 at it.

    Without an offset: at the first or last of all rows.
    """

    sign: int
    offset: exp.Expr | None = None

    @property
    def unbounded(self) -> bool:
        """Whether the frame reaches the first or last of all rows here."""
        return self.sign != 0 and self.offset is None

    @property
    def rows(self) -> int | None:
        """The constant offset of a frame of ROWS or GROUPS, with its sign; None where it is none."""
        if self.sign == 0:
            return 0
        literal = self.offset
        is_number = isinstance(literal, exp.Literal) and not literal.is_string and literal.name.isdigit()
        return self.sign * int(literal.name) if literal is not None and is_number else None


@dataclass(frozen=True, slots=True)
class Frame:
    """The rows that a window function sees.

    ``unit`` is ROWS, RANGE or GROUPS; ``without`` what EXCLUDE takes out: CURRENT ROW, GROUP, TIES, or nothing.
    """

    unit: str
    start: Border
    end: Border
    without: str = ""

    @property
    def open_start(self) -> bool:
        """Whether the frame is all rows up to some place near the current row."""
        return self.start == _FIRST and not self.end.unbounded

    @property
    def open_end(self) -> bool:
        """Whether the frame is all rows from some place near the current row."""
        return self.end == _LAST and not self.start.unbounded

    @property
    def is_everything(self) -> bool:
        """Whether the frame is all rows, whichever the current one is."""
        return self.start == _FIRST and self.end == _LAST and not self.without


_FIRST, _CURRENT, _LAST = Border(-1), Border(0), Border(1)
_SIGNS = {"PRECEDING": -1, "FOLLOWING": 1}


def frame_of(window: exp.Expr) -> Frame:
    """The frame of a window function, given or implied."""
    spec = window.args.get("spec")
    if spec is None:
        return Frame("RANGE", _FIRST, _CURRENT if window.args.get("order") else _LAST)
    without = str(spec.args.get("exclude") or "").upper()
    return Frame(
        str(spec.args.get("kind")).upper(),
        _border(spec.args.get("start"), spec.args.get("start_side")),
        _border(spec.args.get("end"), spec.args.get("end_side")),
        "" if without == "NO OTHERS" else without,
    )


def _border(place: object, side: object) -> Border:
    if isinstance(place, exp.Expr):
        return Border(_SIGNS[str(side).upper()], place)
    return Border(_SIGNS[str(side).upper()]) if str(place or "").upper() == "UNBOUNDED" else _CURRENT
