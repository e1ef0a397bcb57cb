"""What a lead may ask a worker about files in a volume that only the worker has mounted; an action over Flight.

A request is a VolumeRequest as JSON. The answer's first part is JSON too: ``{}``, or an error as ``GristmillError``
writes itself; what was asked for follows, entries and names as JSON, bytes as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

VOLUME_FILES = "volume-files"
"""The action's name."""


class Question(StrEnum):
    """Methods of ``storage.filesystem.Filesystem`` that only read."""

    WALK = "walk"
    NAMES = "names"
    STAT = "stat"
    READ = "read"


@dataclass(frozen=True, slots=True)
class VolumeRequest:
    """A question about a canonical URI; the other fields are arguments of the method that it names."""

    question: Question
    uri: str
    depth: int | None = None
    start: int = 0
    end: int | None = None
    version: str = ""
