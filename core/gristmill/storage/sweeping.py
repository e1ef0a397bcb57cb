"""Sweeping: settles what interrupted runs left below an output, and never touches what a manifest names.

A committed run is rolled forward. One that has not committed is first shut out by a record in the log, so that it
cannot commit any more, and only then are its staged parts dropped. Called by ``gristmill sweep``, and before each
run on its own outputs.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gristmill.errors import StorageError
from gristmill.plan.job import OutputMode
from gristmill.storage import layout
from gristmill.storage.filesystem import canonical
from gristmill.storage.machine import host_identity
from gristmill.storage.manifest import Log, Manifest, read_log, read_record, to_bytes
from gristmill.storage.rollforward import forget_run, roll_forward_head, roll_forward_record
from gristmill.storage.stores import Stores

_LIVE_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Registration:
    """A run that may stage parts below an output.

    ``primary`` is the output in whose log the run commits, ``head`` the newest generation there when it began.
    ``host`` (boot id) and ``pid`` tell on the same machine whether it is still alive.
    """

    commit: str
    job: str
    primary: str
    head: int
    host: str
    pid: int
    started: float

    def to_bytes(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes, place: str) -> Registration:
        """The inverse. Raises StorageError for anything else."""
        try:
            return cls(**json.loads(data))
        except (ValueError, TypeError) as error:
            raise StorageError("the registration of a run is not readable", place=place) from error

    @classmethod
    def of_this_process(cls, commit: str, job: str, primary: str, head: int) -> Registration:
        """The registration of a run whose coordinator is this process."""
        return cls(commit, job, primary, head, host_identity(), os.getpid(), time.time())

    def may_live(self) -> bool:
        """Whether the run could still be going on: told by its process on this machine, elsewhere by its age."""
        if self.host == host_identity():
            return Path(f"/proc/{self.pid}").exists()
        return time.time() - self.started < _LIVE_S


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: the generation it rolled forward (0: none), the runs it shut out, the files it removed."""

    rolled_forward: int
    runs: tuple[str, ...]
    files: int


def sweep(uri: str, stores: Stores) -> Swept:
    """Settle everything that interrupted runs left below an output. A run that is still going on is shut out."""
    output_uri = canonical(uri).rstrip("/")
    swept = _sweep(output_uri, _registered(output_uri, stores), stores)
    strays = stores.filesystem(output_uri).discard_below(layout.staged_root(output_uri), output_uri, "part-")
    return replace(swept, files=swept.files + strays)


def sweep_before_run(output_uri: str, own: str, stores: Stores, *, append: bool) -> None:
    """Settle what earlier runs left, before the run ``own`` begins.

    A run that appends leaves others alone that may still live, as several may append at a time; any other run takes
    the output over.
    """
    others = [run for run in _registered(output_uri, stores) if run.commit != own]
    log = read_log(output_uri, stores)
    if others or (log.head and log.head not in log.done):
        _sweep(output_uri, [run for run in others if not (append and run.may_live())], stores)


def registered(output_uri: str, stores: Stores) -> frozenset[str]:
    """The commits of the runs that may have staged something below an output."""
    entries = stores.filesystem(output_uri).walk(layout.runs(output_uri), 1)
    return frozenset(entry.name.removesuffix(".json") for entry in entries if entry.name.endswith(".json"))


def _registered(output_uri: str, stores: Stores) -> list[Registration]:
    filesystem = stores.filesystem(output_uri)
    found = sorted(entry.uri for entry in filesystem.walk(layout.runs(output_uri), 1))
    return [Registration.from_bytes(filesystem.read(uri), uri) for uri in found if uri.endswith(".json")]


def _sweep(output_uri: str, dead: list[Registration], stores: Stores) -> Swept:
    before = read_log(output_uri, stores)
    roll_forward_head(output_uri, stores)
    for run in dead:
        _settle(run, stores)
    log, head = roll_forward_head(output_uri, stores)
    rolled = before.head if before.head and before.head not in before.done else 0
    files = sum(forget_run(run.commit, output_uri, stores) for run in dead) + _remove_overwritten(
        output_uri, log, head, stores
    )
    return Swept(rolled, tuple(run.commit for run in dead), files)


def _settle(run: Registration, stores: Stores) -> None:
    """Roll the run's commit forward, or make sure that it never commits."""
    while True:
        log, head = roll_forward_head(run.primary, stores)
        if (generation := log.generation_of(run.commit)) is not None:
            roll_forward_record(read_record(run.primary, generation, stores), stores)
            return
        fence = _fence(run, head)
        filesystem = stores.filesystem(run.primary)
        if filesystem.put_if_absent(layout.record(run.primary, fence.generation), to_bytes(fence)):
            roll_forward_record(fence, stores)
            return


def _fence(run: Registration, head: Manifest | None) -> Manifest:
    """A generation that changes nothing but shuts the run out."""
    if head is None:
        return Manifest(run.primary, 1, "", "", 0, OutputMode.ERROR, "", (), (), voided=(run.commit,))
    return replace(
        head, generation=head.generation + 1, pending=(), others=(), voided=(run.commit,), mode=OutputMode.APPEND
    )


def _remove_overwritten(output_uri: str, log: Log, head: Manifest | None, stores: Stores) -> int:
    """Remove parts that a commit of this log wrote and the newest generation does not name."""
    if head is None:
        return 0
    filesystem = stores.filesystem(output_uri)
    named, known = set(head.uris()), set(log.done.values())
    old = [e.uri for e in filesystem.walk(output_uri) if layout.part_commit(e.name) in known and e.uri not in named]
    filesystem.delete(old)
    return len(old)
