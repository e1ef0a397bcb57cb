"""Which versions of Gristmill's processes may talk to each other. Every side that is dialled asks."""

from __future__ import annotations

VERSION_HEADER = "Gristmill-Version"
"""Of every answer of a lead's client endpoint."""
CLIENT_ANNOTATION = "gristmill.dev/client-version"
"""Of a resource that Gristmill's own client made: which version made it. The operator refuses what does not fit."""


def compatible(one: str, other: str) -> bool:
    """Whether two versions may work together: the same major, minors at most one apart. What is none does not fit."""
    try:
        (major, minor), (other_major, other_minor) = (tuple(map(int, v.split(".")[:2])) for v in (one, other))
    except ValueError:
        return False
    return major == other_major and abs(minor - other_minor) <= 1
