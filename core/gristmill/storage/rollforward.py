"""Roll-forward: what follows a commit record, to the same end whoever does it and however often.

The committing coordinator calls it, and after its death any other: a restarted coordinator, the next job on the
output, ``sweep``. The order matters: parts in place, then the mark that readers trust, then removal of the old.
"""

from __future__ import annotations

import json
from dataclasses import replace

from gristmill.errors import StorageError
from gristmill.plan.job import OutputMode
from gristmill.storage import layout
from gristmill.storage.filesystem import join
from gristmill.storage.manifest import Log, Manifest, Pending, read_log, read_record, to_bytes
from gristmill.storage.parallel import at_once, in_parallel
from gristmill.storage.stores import Stores


def roll_forward_record(record: Manifest, stores: Stores, log: Log | None = None) -> Manifest:
    """Bring a committed generation, and those of the job's other outputs, into place. Returns the record.

    ``log`` is the output's, where the caller has just read it or written to it.
    """
    log = log or read_log(record.uri, stores)
    if record.generation not in log.done:
        _publish(record, stores)
    for other in record.others:
        roll_forward_record(_placed(other, stores), stores)
    _mark(record, stores)
    if record.generation == log.head:
        _remove_replaced(record, stores)
    if record.commit:
        forget_run(record.commit, record.uri, stores)
    return record


def roll_forward_head(output_uri: str, stores: Stores) -> tuple[Log, Manifest | None]:
    """The log and the newest record of an output, all in place."""
    log = read_log(output_uri, stores)
    if not log.head:
        return log, None
    record = read_record(output_uri, log.head, stores)
    if log.head not in log.done:
        roll_forward_record(record, stores)
        log = read_log(output_uri, stores)
    return log, record


def _publish(record: Manifest, stores: Stores) -> None:
    filesystem = stores.filesystem(record.uri)
    if record.generation > 1:
        filesystem.delete([layout.success(record.uri)])

    def one(pending: Pending) -> None:
        try:
            filesystem.publish(pending.staged, join(record.uri, pending.path))
        except StorageError:
            if record.generation not in read_log(record.uri, stores).done:
                raise

    in_parallel(one, record.pending)


def _placed(other: Manifest, stores: Stores) -> Manifest:
    """The record of a further output in its own log: the one that is there already, or a new one.

    The job is committed by its first output's record, so nothing can refuse this one; it goes after what another
    job may have committed there meanwhile.
    """
    while True:
        log, head = roll_forward_head(other.uri, stores)
        if (generation := log.generation_of(other.commit)) is not None:
            return read_record(other.uri, generation, stores)
        record = after(head, other)
        place = layout.record(other.uri, record.generation)
        if stores.filesystem(other.uri).put_if_absent(place, to_bytes(record), durable=True):
            return record


def after(head: Manifest | None, record: Manifest) -> Manifest:
    """``record`` as the generation that follows ``head``: an append keeps the parts that are there."""
    kept = head.parts if head is not None and record.mode == OutputMode.APPEND else ()
    return replace(record, generation=1 if head is None else head.generation + 1, parts=(*kept, *record.parts))


def _mark(record: Manifest, stores: Stores) -> None:
    filesystem = stores.filesystem(record.uri)
    filesystem.put_if_absent(layout.done(record.uri, record.generation, record.commit), b"")
    if record.commit:
        form = {"generation": record.generation, "commit": record.commit}
        filesystem.put(layout.success(record.uri), json.dumps(form).encode())


def _remove_replaced(record: Manifest, stores: Stores) -> None:
    """Delete the parts of the generation before that this one does not name, then cut that record to a stub."""
    if record.generation == 1:
        return
    before = read_record(record.uri, record.generation - 1, stores)
    if before.superseded:
        return
    filesystem = stores.filesystem(record.uri)
    named = set(record.uris())
    filesystem.delete(uri for uri in before.uris() if uri not in named)
    filesystem.put(layout.record(record.uri, before.generation), to_bytes(before.stub()))


def forget_run(commit: str, output_uri: str, stores: Stores) -> int:
    """Drop what a run has staged and not published, and its registration. Returns the number of staged files."""
    filesystem = stores.filesystem(output_uri)
    dropped, epochs = at_once(
        lambda: filesystem.discard_below(layout.staging(output_uri, commit), output_uri, commit),
        lambda: [entry.uri for entry in filesystem.walk(layout.epochs(output_uri, commit), 1)],
        here=filesystem.local_path(output_uri) is not None,
    )
    filesystem.delete([*epochs, layout.run(output_uri, commit)])
    return dropped
