"""RFC 3339 and seconds since the epoch: how Kubernetes writes a moment, and how decisions count."""

from __future__ import annotations

from datetime import UTC, datetime


def format_time(seconds: float) -> str:
    """``2026-01-31T12:00:00Z``, in whole seconds as the API server's own are."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_micro_time(seconds: float) -> str:
    """The same with microseconds, as Leases have it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: object) -> float | None:
    """Seconds since the epoch; None for nothing, and for what is no time."""
    if isinstance(text, datetime):
        return text.timestamp()
    try:
        return datetime.fromisoformat(str(text)).timestamp() if text else None
    except ValueError:
        return None
