"""What is done and what must run again: accepted attempts, delivered and lost outputs, sealed and released exchanges.

An output is written again only if a reader that is not done will read it; that may need further outputs upstream,
and so on. Readers of rows that a second run of a map changed run again too.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from gristmill.schedule.attempts import Attempts
from gristmill.schedule.chain import Chain
from gristmill.schedule.exchanges import ExchangeState
from gristmill.schedule.instructions import (
    CancelReason,
    ExchangeReopened,
    ExchangeSealed,
    JobFinished,
    ReleaseOutputs,
    StageSealed,
    Warn,
)
from gristmill.schedule.stages import StageState
from gristmill.schedule.states import BLOCKED, DONE, NOWHERE, RUNNING, WAITING
from gristmill.schedule.workers import WorkerState


class Lineage:
    """Follows outputs through the chain."""

    def __init__(self, chain: Chain, attempts: Attempts) -> None:
        self._chain = chain
        self._attempts = attempts

    def complete(self, stage: StageState, partition: int, number: int, owner: int, checksum: str) -> None:
        """The task is done by that attempt, whose output ``owner`` holds. The task is in no queue and runs nowhere."""
        self._mark_done(stage, partition, number)
        if stage.writes:
            self._deliver_all(stage, partition, owner, self._note_checksum(stage, partition, checksum))
        self._after_done(stage, partition)

    def restore(self, stage: StageState, partition: int, number: int, owner: int | None, checksum: str) -> None:
        """The task was done before this scheduler began; ``owner`` None: its output is gone."""
        if owner is not None:
            self.complete(stage, partition, number, owner, checksum)
            return
        self._mark_done(stage, partition, number)
        for exchange, _ in stage.writes:
            exchange.lapsed = True
        self._after_done(stage, partition)

    def start(self) -> None:
        """Seals what is empty from the start, and has outputs written again that were lost before it."""
        for stage in self._chain.stages:
            if stage.tasks == 0:
                self._seal_stage(stage)
        for exchange in self._chain.exchanges.values():
            if not exchange.missing and not exchange.sealed:
                self._seal_exchange(exchange)
            elif exchange.lapsed and exchange.unfinished:
                for order in [order for order in exchange.absent() if exchange.needs(order)]:
                    self._require(*exchange.writer(order))

    def lose_worker(self, worker: WorkerState) -> None:
        """All output that lay on that worker is gone. One scan of the owners, vectorised."""
        for stage in self._chain.stages:
            if stage.writes:
                owners = np.frombuffer(stage.owners, dtype=np.int32)
                for partition in np.flatnonzero(owners == worker.number).tolist():
                    self.lose_task(stage, partition)

    def lose_task(self, stage: StageState, partition: int) -> None:
        """No output of that task can be read any more."""
        stage.owners[partition] = NOWHERE
        for exchange, first in stage.writes:
            self.lose(exchange, first + partition)

    def lose(self, exchange: ExchangeState, order: int) -> None:
        """That output cannot be read any more."""
        if not exchange.present[order]:
            return
        self._withdraw(exchange, order)
        if exchange.needs(order):
            self._require(*exchange.writer(order))
        else:
            exchange.lapsed = True

    def _mark_done(self, stage: StageState, partition: int, number: int) -> None:
        stage.states[partition] = DONE
        stage.done += 1
        stage.note_accepted(partition, number)

    def _after_done(self, stage: StageState, partition: int) -> None:
        if stage.done == stage.tasks and not stage.sealed:
            self._seal_stage(stage)
        for exchange in (*stage.gated_reads, *stage.forward_reads):
            exchange.unfinished -= 1
            if not exchange.unfinished:
                self._release(exchange)
        for exchange in stage.forward_reads:
            self._spare(*exchange.writer(partition))

    def _spare(self, stage: StageState, partition: int) -> None:
        """A task that runs again need not, if a late answer has served whoever needed its output."""
        if stage.states[partition] == DONE or not stage.accepted[partition]:
            return
        if any(exchange.needs(first + partition) for exchange, first in stage.writes):
            return
        for run in list(stage.running.get(partition, ())):
            self._attempts.cancel(run, CancelReason.NOT_NEEDED)
        self._chain.take_out(stage, partition)
        stage.states[partition] = DONE
        stage.done += 1
        for exchange, _ in stage.writes:
            exchange.lapsed = True
        self._after_done(stage, partition)

    def _deliver_all(self, stage: StageState, partition: int, owner: int, changed: bool) -> None:
        stage.owners[partition] = owner
        stage.accepted_at[partition] = self._chain.next_order()
        if changed:
            for exchange, first in stage.writes:
                exchange.changed = True
                self._withdraw(exchange, first + partition)
        for exchange, first in stage.writes:
            self._deliver(exchange, first + partition)
        if changed:
            self._redo_readers(stage, partition)

    def _withdraw(self, exchange: ExchangeState, order: int) -> None:
        """The output is not there (any more)."""
        if not exchange.present[order]:
            return
        exchange.present[order] = 0
        exchange.missing += 1
        if exchange.missing == 1:
            self._reopen(exchange)
        for reader in exchange.forward_readers:
            if reader.states[order] == WAITING:
                self._chain.dequeue(reader, order, BLOCKED)

    def _deliver(self, exchange: ExchangeState, order: int) -> None:
        """An output was written (again)."""
        if exchange.released:
            self._chain.out.append(ReleaseOutputs(exchange.id))
            return
        if not exchange.present[order]:
            exchange.present[order] = 1
            exchange.missing -= 1
            if not exchange.missing:
                self._seal_exchange(exchange)
        for reader in exchange.forward_readers:
            if reader.states[order] == BLOCKED and self._chain.forwarded(reader, order):
                self._chain.enqueue(reader, order)

    def _seal_stage(self, stage: StageState) -> None:
        chain = self._chain
        stage.sealed = True
        chain.unsealed_stages -= 1
        chain.out.append(StageSealed(stage.id))
        for job in stage.jobs:
            chain.job_stages[job] -= 1
            if not chain.job_stages[job]:
                chain.out.append(JobFinished(job))

    def _seal_exchange(self, exchange: ExchangeState) -> None:
        self._chain.out.append(ExchangeSealed(exchange.id, exchange.changed))
        exchange.sealed, exchange.changed = True, False
        for reader in exchange.gated_readers:
            reader.gate -= 1
            if not reader.gate:
                self._open_gate(reader)
        if not exchange.unfinished:
            self._release(exchange)

    def _open_gate(self, reader: StageState) -> None:
        chain = self._chain
        chain.note_runnable(reader)
        chain.wake = True
        for worker in chain.roster.by_id.values():
            worker.refusing_since_s = None
        for run in (run for runs in reader.running.values() for run in runs if run.unfed):
            # It begins to read now: what was written up to here, it can be expected to find.
            run.unfed = False
            run.started_s = chain.now_s
            run.launched_at = chain.next_order()

    def _reopen(self, exchange: ExchangeState) -> None:
        for reader in exchange.gated_readers:
            reader.gate += 1
            self._chain.note_runnable(reader)
        if exchange.sealed:
            exchange.sealed = False
            self._chain.out.append(ExchangeReopened(exchange.id))

    def _release(self, exchange: ExchangeState) -> None:
        """Nobody will read its outputs: as far as they are there, they go."""
        if exchange.released:
            return
        exchange.released = exchange.lapsed = True
        self._chain.out.append(ReleaseOutputs(exchange.id))
        orders = len(exchange.present)
        if not orders:
            return
        if not exchange.missing:
            for reader in exchange.gated_readers:
                reader.gate += 1
        exchange.present[:] = bytes(orders)
        exchange.missing = orders
        exchange.sealed = False
        for writer in exchange.writers:
            if writer.done < writer.tasks:
                for partition in range(writer.tasks):
                    self._spare(writer, partition)

    def _require(self, stage: StageState, partition: int) -> None:
        """If the task is done, it runs again; so do those upstream whose output it needs and that is gone."""
        wanted = [(stage, partition)]
        while wanted:
            stage, partition = wanted.pop()
            if stage.states[partition] != DONE:
                continue
            stage.done -= 1
            for exchange in (*stage.gated_reads, *stage.forward_reads):
                exchange.unfinished += 1
                exchange.released = False
            for exchange in stage.gated_reads:
                if exchange.lapsed:
                    exchange.lapsed = False
                    wanted.extend(exchange.writer(order) for order in exchange.absent())
            wanted.extend(
                exchange.writer(partition) for exchange in stage.forward_reads if not exchange.present[partition]
            )
            self._chain.requeue(stage, partition)

    def _note_checksum(self, stage: StageState, partition: int, checksum: str) -> bool:
        """Whether the task gave other rows than the last time."""
        if not checksum:
            return False
        digest = int.from_bytes(blake2b(checksum.encode(), digest_size=8).digest(), "little") or 1
        before = stage.checksums[partition]
        stage.checksums[partition] = digest
        return before not in (0, digest)

    def _redo_readers(self, stage: StageState, partition: int) -> None:
        """Whoever read the task's earlier rows runs again, or is named if that cannot be."""
        kept = 0
        for exchange, first in stage.writes:
            for reader in exchange.gated_readers:
                kept += sum(not self._redo(exchange, reader, number) for number in range(reader.tasks))
            for reader in exchange.forward_readers:
                kept += not self._redo(exchange, reader, first + partition)
        text = f"{stage.task(partition)} gave other rows when it ran again: it is not deterministic"
        if kept:
            text += f"; {kept} tasks that had read the earlier rows stand, so the result may mix both"
        self._chain.out.append(Warn(text))

    def _redo(self, exchange: ExchangeState, reader: StageState, partition: int) -> bool:
        """Whether no result of the task stands that came from the earlier rows."""
        done = reader.states[partition] == DONE
        if done and (reader.has_sink or exchange.released):
            return False
        if reader.attempts[partition]:
            reader.void_below[partition] = reader.attempts[partition]
        if reader.states[partition] == RUNNING:
            for run in list(reader.running[partition]):
                self._attempts.cancel(run, CancelReason.INPUT_CHANGED)
            self._chain.requeue(reader, partition)
        elif done:
            self._require(reader, partition)
        return True
