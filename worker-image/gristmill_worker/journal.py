"""The journal of a run in scratch: results of tasks that were accepted, for the lead that takes over.

Results are written in batches, so a short run writes nothing, and a lead that dies loses at most the last second's. A
journal counts only for the very same plan: other inputs give another digest, and then everything runs anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from logging import WARNING

from gristmill.errors import GristmillError
from gristmill.ids import TaskId
from gristmill.logs import log
from gristmill.plan.codec import digest, from_json, to_json
from gristmill.plan.stage import StageGraph
from gristmill.plan.task import TaskResult
from gristmill.storage.filesystem import join
from gristmill.storage.stores import Stores

FLUSH_EVERY_S = 1.0


class Journal:
    """One run's journal below ``scratch``; without scratch there is none. All but ``note`` is blocking."""

    def __init__(self, scratch: str, run: str, graph: StageGraph, stores: Stores) -> None:
        self._folder = join(scratch, "runs", run, "journal") if scratch else ""
        self._stores = stores
        self._digest = digest(graph)
        self._noted: list[TaskResult] = []
        self._files = 0

    def note(self, result: TaskResult) -> None:
        """An accepted result, to be written with the next batch."""
        if self._folder:
            self._noted.append(result)

    def read(self) -> list[TaskResult]:
        """What earlier leads of the run accepted, one result for each task. Raises StorageError."""
        if not self._folder:
            return []
        files = self._stores.filesystem(self._folder)
        entries = sorted(files.walk(self._folder), key=lambda entry: entry.uri)
        self._files = len(entries)
        results = [result for entry in entries for result in self._results(files.read(entry.uri))]
        return merged(results)

    def _results(self, content: bytes) -> Iterable[TaskResult]:
        head, *lines = content.decode().splitlines()
        if json.loads(head) != {"plan": self._digest}:
            return []
        return [from_json(line, TaskResult) for line in lines]

    def flush(self) -> None:
        """Writes what was noted since. A store that refuses costs the journal, not the run."""
        noted, self._noted = self._noted, []
        if not noted:
            return
        lines = [json.dumps({"plan": self._digest}), *map(to_json, noted)]
        uri = join(self._folder, f"{self._files:06}.jsonl")
        self._files += 1
        try:
            self._stores.filesystem(uri).put(uri, "\n".join(lines).encode())
        except GristmillError as error:
            log(__name__, WARNING, "the journal cannot be written", uri=uri, why=error)

    def remove(self) -> None:
        """The run has ended: nobody will take it over."""
        if not self._folder or not self._files:
            return
        try:
            files = self._stores.filesystem(self._folder)
            files.delete([entry.uri for entry in files.walk(self._folder)])
        except GristmillError as error:
            log(__name__, WARNING, "the journal is left behind", folder=self._folder, why=error)


def merged(results: Iterable[TaskResult]) -> list[TaskResult]:
    """One result for each task: the last, with the parts of the one that had any: those stand."""
    found: dict[TaskId, TaskResult] = {}
    for result in results:
        before = found.get(result.attempt.task)
        keeps = before is not None and before.parts and not result.parts
        found[result.attempt.task] = replace(result, parts=before.parts) if before and keeps else result
    return list(found.values())
