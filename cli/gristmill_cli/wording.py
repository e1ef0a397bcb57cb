"""Numbers and places as people read them: counts, durations, URIs. For progress and results."""

from __future__ import annotations

from pathlib import Path

_COUNT_UNITS = ((1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k"))


def count_text(count: float) -> str:
    """``1234567`` -> ``1.2 M``; small counts as they are, with separators."""
    for size, unit in _COUNT_UNITS:
        if count >= size:
            return f"{count / (1000 if unit == 'k' else size):.1f} {unit}"
    return f"{count:,.0f}"


def duration_text(seconds: float) -> str:
    """``0.42 s`` below ten seconds, ``42.1 s`` below a minute, ``m:ss`` or ``h:mm:ss`` above."""
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    return _clock_text(seconds)


def rough_duration_text(seconds: float) -> str:
    """As ``duration_text``, for what is not known exactly: whole seconds, at least one."""
    return f"{max(1, round(seconds))} s" if seconds < 59.5 else _clock_text(seconds)


def _clock_text(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def plural(count: int, noun: str) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def place_text(uri: str) -> str:
    """A URI as the user would write it: a local file as a path, from the current folder where it lies below that."""
    if not uri.startswith("file://"):
        return uri
    path = Path(uri.removeprefix("file://"))
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
