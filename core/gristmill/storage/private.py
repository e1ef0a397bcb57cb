"""The output of a job in a folder made for this run, which nobody else knows: rows on their way to the caller.

It stands where ``commit.OutputCommit`` stands for all other outputs. Nobody can look on, no other coordinator can take
the run over, nothing lay there before, and the folder goes with this process; so there is neither log nor registration,
and parts are only given their names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gristmill.plan.job import Output
from gristmill.plan.task import PendingPart
from gristmill.storage.manifest import Manifest, Partitioning, record_of
from gristmill.storage.stores import Stores


class PrivateOutput:
    """What becomes of one job's only output, on this machine's disk. ``commit`` is part of the names of its parts."""

    def __init__(self, job: str, commit: str, output: Output, stores: Stores, partitioning: Partitioning) -> None:
        self._job = job
        self._commit = commit
        self._output = output
        self._stores = stores
        self._partitioning = partitioning

    def acquire_epoch(self) -> int:
        """This coordinator is the only one."""
        return 1

    def commit(self, parts: Sequence[PendingPart], epoch: int) -> Manifest:
        """Makes ``parts`` the output. Raises StorageError where the disk refuses."""
        for part in parts:
            self._stores.filesystem(part.uri).publish(part.staged, part.uri)
        record = record_of(self._output, parts, self._partitioning, job=self._job, commit=self._commit, epoch=epoch)
        return replace(record, generation=1, pending=())

    def discard(self, parts: Sequence[PendingPart]) -> None:
        """Drops parts of attempts that lost."""
        for part in parts:
            self._stores.filesystem(part.uri).discard(part.staged)

    def abandon(self) -> None:
        """What was staged goes with the folder."""
