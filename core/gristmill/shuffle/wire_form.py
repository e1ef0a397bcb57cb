"""What a reader asks another worker for, and the stream of blocks that answers it.

The question is a JSON ticket that names the partition and all files of that worker which the reader needs, so that
requests grow with maps plus reducers, not with their product. The answer is a Flight stream of one block a batch, its
bytes as they are in the file.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from gristmill.plan.exchange import Exchange, ExchangeKind
from gristmill.plan.schema import SortKey
from gristmill.shuffle.blocks import Selection
from gristmill.shuffle.format import Block

ANSWER = pa.schema(
    [
        pa.field("file", pa.int32()),
        pa.field("forms", pa.list_(pa.binary())),
        pa.field("rows", pa.int64()),
        pa.field("memory", pa.int64()),
        pa.field("form", pa.int32()),
        pa.field("check", pa.uint64()),
        pa.field("block", pa.large_binary()),
        pa.field("error", pa.string()),
    ]
)
"""A batch of one row. First in each file (its number in the ticket): the schema messages of the forms of its blocks,
and in ``rows`` how many blocks follow. Then its blocks. ``error`` says instead why the file cannot be read."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The files of one worker that a reader needs, by path, and which of their rows."""

    selection: Selection
    paths: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """The ticket as JSON."""
        spec = self.selection.spec
        form = {
            "kind": spec.kind,
            "partitions": spec.partitions,
            "order": [[key.by, key.desc, key.nulls_first] for key in spec.order],
            "partition": self.selection.partition,
            "bounds": base64.b64encode(self.selection.bounds).decode(),
            "paths": self.paths,
        }
        return json.dumps(form).encode()

    @classmethod
    def from_bytes(cls, ticket: bytes) -> Ticket:
        """The inverse of ``to_bytes``. Raises ValueError, KeyError or TypeError on anything else."""
        form = json.loads(ticket)
        order = tuple(SortKey(by, desc, nulls_first) for by, desc, nulls_first in form["order"])
        spec = Exchange(ExchangeKind(form["kind"]), form["partitions"], order=order)
        selection = Selection(spec, form["partition"], base64.b64decode(form["bounds"]))
        return cls(selection, tuple(form["paths"]))


def file_begins(file: int, forms: Sequence[pa.Schema], blocks: int) -> pa.RecordBatch:
    """The batch before a file's blocks."""
    return _batch(file, forms=[form.serialize().to_pybytes() for form in forms], rows=blocks)


def file_lost(file: int, reason: str) -> pa.RecordBatch:
    """The batch in place of what a file should have given."""
    return _batch(file, error=reason)


def one_block(file: int, block: Block, message: pa.Buffer) -> pa.RecordBatch:
    """A block's batch; its bytes are not copied."""
    offsets = pa.py_buffer(message.size.to_bytes(16, "little")[8:] + message.size.to_bytes(8, "little"))
    content = pa.Array.from_buffers(pa.large_binary(), 1, [None, offsets, message])
    return _batch(file, rows=block.rows, memory=block.memory, form=block.form, check=block.check, block=content)


def _batch(file: int, **values: object) -> pa.RecordBatch:
    columns = []
    for field in ANSWER:
        value = file if field.name == "file" else values.get(field.name)
        columns.append(value if isinstance(value, pa.Array) else pa.array([value], field.type))
    return pa.RecordBatch.from_arrays(columns, schema=ANSWER)


@dataclass(frozen=True, slots=True)
class Received:
    """One batch of an answer, read back: a file's forms and number of blocks, a block, or an error."""

    file: int
    forms: tuple[pa.Schema, ...] = ()
    count: int = 0
    block: Block | None = None
    message: pa.Buffer | None = None
    error: str = ""


def received(batches: Iterator[pa.RecordBatch]) -> Iterator[Received]:
    """The batches of an answer."""
    for batch in batches:
        file, forms, rows, memory, form, check, block, error = (column[0] for column in batch.columns)
        if forms.is_valid:
            schemas = tuple(pa.ipc.read_schema(pa.py_buffer(message)) for message in forms.as_py())
            yield Received(file.as_py(), schemas, rows.as_py())
        elif error.is_valid:
            yield Received(file.as_py(), error=error.as_py())
        else:
            message = block.as_buffer()
            found = Block(0, 0, message.size, rows.as_py(), memory.as_py(), form.as_py(), check.as_py())
            yield Received(file.as_py(), block=found, message=message)
