"""Commit: makes a job's output whole or absent, whoever dies when.

The coordinator makes one ``OutputCommit`` for a job that writes. Every output keeps a log of generations: numbered
records, each written only if its number is free. Writing a record is the commit; what follows (parts put in place,
marks, removal of what was overwritten) only rolls it forward, can be done by anyone, and twice. A job with several
outputs commits in its first output's record, which carries the others'. See docs/storage.md and decision 003.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace

from gristmill.errors import Fenced, InputError, StorageError
from gristmill.plan.job import Output, OutputMode
from gristmill.plan.task import PendingPart
from gristmill.storage import layout
from gristmill.storage.filesystem import canonical
from gristmill.storage.manifest import Log, Manifest, Partitioning, read_log, read_record, record_of, to_bytes
from gristmill.storage.parallel import at_once, in_parallel
from gristmill.storage.place import Found, look, refuse_by_mode, refuse_file, refuse_misfit
from gristmill.storage.rollforward import after, forget_run, roll_forward_head, roll_forward_record
from gristmill.storage.stores import Stores
from gristmill.storage.sweeping import Registration, sweep_before_run

_UNKNOWN = Partitioning()


class OutputCommit:
    """The commit of one job's outputs.

    ``commit`` is unique for the run of the job and is part of the names of its parts; a coordinator that takes over
    the run uses the same. ``stores.weak_commit`` accepts stores without conditional puts: then two coordinators could
    both commit, and the user has said that there is only one.
    """

    def __init__(
        self,
        job: str,
        commit: str,
        outputs: Sequence[Output],
        stores: Stores,
        partitioning: Partitioning = _UNKNOWN,
    ) -> None:
        self._job = job
        self._commit = commit
        self._outputs = tuple(outputs)
        self._uris = tuple(canonical(output.uri).rstrip("/") for output in outputs)
        self._stores = stores
        self._partitioning = partitioning
        self._weak = stores.weak_commit
        self._taken_over = True
        """Whether another coordinator may have had the run before."""

    def prepare(self) -> Manifest | None:
        """Before any task runs: settle what earlier runs left, check modes, try conditional puts, register this one.

        Returns what this run has committed already, all in place; None where it has still to. Raises OutputExists,
        StorageError (the store refuses, or has no conditional puts). Preparing again changes nothing.
        """
        found = in_parallel(lambda uri: look(uri, self._stores), self._uris)
        for uri, each in zip(self._uris, found, strict=True):
            refuse_file(uri, each)
        log = found[0].log  # this run itself perhaps died while it committed
        if log.unsettled:
            log, _ = roll_forward_head(self._primary, self._stores)
        if (generation := log.generation_of(self._commit)) is not None:
            return roll_forward_record(read_record(self._primary, generation, self._stores), self._stores)
        found = [self._settled(*each) for each in zip(self._outputs, self._uris, found, strict=True)]
        # Only now is anything written: a folder that is refused stays as it was.
        for uri in self._uris:
            self._probe(uri)
        self._taken_over = self._commit in found[0].runs
        self._register(self._registered_head() if self._taken_over else found[0].log.head)
        return self.roll_forward() if self._taken_over else None

    def _settled(self, output: Output, uri: str, found: Found) -> Found:
        """What lies there once earlier runs are settled. Raises OutputExists where it may not be written to."""
        if found.log.unsettled or found.runs - {self._commit}:
            sweep_before_run(uri, self._commit, self._stores, append=output.mode is OutputMode.APPEND)
            found = look(uri, self._stores)
        refuse_by_mode(output, uri, found, self._stores)
        return found

    def _register(self, head: int) -> None:
        """Say that this process runs the job; ``head``: the newest generation when the run's first coordinator did."""
        registration = Registration.of_this_process(self._commit, self._job, self._primary, head)
        for uri in self._uris:
            self._stores.filesystem(uri).put(layout.run(uri, self._commit), registration.to_bytes())

    def acquire_epoch(self) -> int:
        """A number higher than that of every coordinator of this run before; those can commit no more."""
        number = self._newest_epoch() + 1 if self._taken_over else 1
        while not self._put_if_absent(layout.epoch(self._primary, self._commit, number), b"{}"):
            number = self._newest_epoch() + 1
        return number

    def commit(self, parts: Sequence[PendingPart], epoch: int) -> Manifest:
        """Make ``parts`` the output (of every output of the job) and return the first output's manifest.

        Raises Fenced where a newer coordinator has taken over or the run was swept, OutputExists where another job
        committed to an output of mode ``error`` meanwhile, TypeConflict where an append does not fit.
        """
        while True:
            log, head, newest = at_once(self._log, self._found_head, self._newest_epoch, here=self._here)
            if (committed := self._committed(log, head)) is not None:
                return roll_forward_record(committed, self._stores)
            self._refuse_stale(epoch, newest)
            record = self._next_record(parts, epoch, log)
            place = layout.record(record.uri, record.generation)
            if self._put_if_absent(place, to_bytes(record), durable=True):
                return roll_forward_record(record, self._stores, log.grown(record.generation))

    def roll_forward(self) -> Manifest | None:
        """Finish this run's commit if it was begun: the manifest, or None where the run has not committed."""
        committed = self._committed(*at_once(self._log, self._found_head, here=self._here))
        return None if committed is None else roll_forward_record(committed, self._stores)

    def discard(self, parts: Sequence[PendingPart]) -> None:
        """Drop parts of attempts that lost."""
        for part in parts:
            self._stores.filesystem(part.uri).discard(part.staged)

    def abandon(self) -> None:
        """Drop everything that this run has staged, and its registration: after failure or cancel.

        A run that failed after its record was written has committed all the same: then nothing is dropped, and
        whoever comes next rolls it forward.
        """
        try:
            committed = self._committed(*at_once(self._log, self._found_head, here=self._here)) is not None
        except Fenced:
            committed = False
        if not committed:
            for uri in self._uris:
                forget_run(self._commit, uri, self._stores)

    @property
    def _primary(self) -> str:
        """The output whose log holds the commit."""
        return self._uris[0]

    @property
    def _here(self) -> bool:
        """Whether the log is on this machine's disk."""
        return self._stores.filesystem(self._primary).local_path(self._primary) is not None

    def _log(self) -> Log:
        return read_log(self._primary, self._stores)

    def _committed(self, log: Log, registered_head: int | None) -> Manifest | None:
        """This run's record, if there is one. Raises Fenced if the run is not, or no longer, to commit."""
        if (generation := log.generation_of(self._commit)) is not None:
            return read_record(self._primary, generation, self._stores)
        if registered_head is None:
            raise self._shut_out()
        for generation in sorted(g for g in log.records if g > registered_head):
            record = read_record(self._primary, generation, self._stores)
            if self._commit in record.voided:
                raise self._shut_out()
            if record.commit == self._commit:
                return record
        return None

    def _found_head(self) -> int | None:
        """The newest generation when the run was registered; None where it is not registered (any more)."""
        place = layout.run(self._primary, self._commit)
        try:
            return Registration.from_bytes(self._stores.filesystem(place).read(place), place).head
        except InputError:
            return None

    def _registered_head(self) -> int:
        if (head := self._found_head()) is None:
            raise self._shut_out()
        return head

    def _shut_out(self) -> Fenced:
        return Fenced(
            "this run was swept, or another job took over its output",
            place=self._primary,
            remedy="Run the job again. Two jobs must not write to one output at a time, except with mode append.",
        )

    def _newest_epoch(self) -> int:
        folder = layout.epochs(self._primary, self._commit)
        numbers = (layout.epoch_number(entry.name) for entry in self._stores.filesystem(folder).walk(folder, 1))
        return max((number for number in numbers if number is not None), default=0)

    def _refuse_stale(self, epoch: int, newest: int) -> None:
        if newest != epoch:
            raise Fenced(
                f"coordinator {newest} has taken over from coordinator {epoch}",
                place=self._primary,
                remedy="Nothing is lost: the newer coordinator goes on with the job.",
            )

    def _next_record(self, parts: Sequence[PendingPart], epoch: int, log: Log) -> Manifest:
        head = roll_forward_head(self._primary, self._stores)[1] if log.head else None
        first, *others = (
            self._record(output, [part for part in parts if part.output == output.name], epoch)
            for output in self._outputs
        )
        refuse_misfit(head, first)
        return after(head, replace(first, others=tuple(others)))

    def _record(self, output: Output, parts: Sequence[PendingPart], epoch: int) -> Manifest:
        return record_of(output, parts, self._partitioning, job=self._job, commit=self._commit, epoch=epoch)

    def _put_if_absent(self, uri: str, data: bytes, *, durable: bool = False) -> bool:
        filesystem = self._stores.filesystem(uri)
        if not self._weak:
            return filesystem.put_if_absent(uri, data, durable=durable)
        if filesystem.stat(uri) is not None:
            return False
        filesystem.put(uri, data)
        return True

    def _probe(self, uri: str) -> None:
        """See that the store can be written and refuses a second write of a create-only file; once in a process."""
        filesystem = self._stores.filesystem(uri)
        if self._weak or filesystem in self._stores.proven:
            return
        place = layout.probe(uri, uuid.uuid4().hex[:12])
        honoured = filesystem.put_if_absent(place, b"1") and not filesystem.put_if_absent(place, b"2")
        filesystem.delete([place])
        if not honoured:
            raise StorageError(
                "the store does not honour conditional puts (If-None-Match), which the commit rests on",
                place=uri,
                remedy="Use a store that does, or accept a weaker commit (weak_commit) if only one coordinator runs.",
            )
        self._stores.proven.add(filesystem)
