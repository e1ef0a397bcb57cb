"""Rows as text or bytes on stdout: the formats of ``-o``.

Every command that gives rows hands them here as Arrow batches. Only the table and markdown hold back rows: they are
for reading; the others give every row, one batch at a time.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, BinaryIO, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gristmill.errors import InvalidPlan, StorageError
from gristmill.rows.types import schema_of
from gristmill_cli.options import OutputFormat
from gristmill_cli.wording import plural

Row = tuple[Any, ...]
SHOWN_ROWS = 20
_CELL_CHARACTERS = 48


def write_rows(rows: pa.RecordBatchReader, format_: OutputFormat, stream: BinaryIO, *, shown: int = SHOWN_ROWS) -> None:
    """Writes the rows to ``stream``; table and markdown stop after ``shown`` rows and say how many there are.

    Raises StorageError where they cannot be written, but for a reader that has gone: that is no fault.
    """
    if format_ in _BINARY and stream.isatty():
        raise InvalidPlan(
            f"{format_} is not text and would garble the terminal",
            place=f"-o {format_}",
            remedy="Redirect the output into a file, or choose another format.",
        )
    try:
        _WRITERS[format_](rows, stream, shown)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StorageError(
            f"the rows cannot be written: {error.strerror or error}",
            place="standard output",
            remedy="Free space there, or write elsewhere.",
        ) from error


def plain(value: Any) -> Any:
    """A value as JSON has it: times as ISO 8601, decimals and bytes (hexadecimal) as strings, NaN and infinities too.

    Integers stay numbers whatever their size; maps become objects where their keys are strings, else lists of pairs.
    """
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal() | timedelta():
            return str(value)
        case bytes():
            return value.hex()
        case dict():
            return {str(name): plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
    return value


def _cell(value: Any) -> str:
    """A value in a table or CSV: strings as they are, NULL empty, nested values as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list | tuple):
        return json.dumps(plain(value), ensure_ascii=False)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return str(plain(value))


def _write_csv(rows: pa.RecordBatchReader, stream: BinaryIO, _shown: int) -> None:
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows.schema.names)
    for batch in rows:
        writer.writerows([_cell(value) for value in row] for row in _rows(batch))
    text.detach()


def _write_json(rows: pa.RecordBatchReader, stream: BinaryIO, _shown: int) -> None:
    for batch in rows:
        lines = (json.dumps(plain(row), ensure_ascii=False) + "\n" for row in batch.to_pylist())
        stream.write("".join(lines).encode("utf-8", "surrogatepass"))


def _write_arrow(rows: pa.RecordBatchReader, stream: BinaryIO, _shown: int) -> None:
    with pa.ipc.new_stream(stream, rows.schema) as writer:
        for batch in rows:
            writer.write_batch(batch)


def _write_parquet(rows: pa.RecordBatchReader, stream: BinaryIO, _shown: int) -> None:
    with pq.ParquetWriter(pa.PythonFile(stream, mode="w"), rows.schema) as writer:
        for batch in rows:
            writer.write_batch(batch)


def _write_markdown(rows: pa.RecordBatchReader, stream: BinaryIO, shown: int) -> None:
    head, total = _head(rows, shown)
    right = [_is_number(field.type) for field in rows.schema]
    lines = [
        _markdown_row(rows.schema.names),
        _markdown_row(["---:" if number else "---" for number in right]),
        *(_markdown_row([_cell(value) for value in row]) for row in head),
    ]
    stream.write(("\n".join(lines) + "\n").encode())
    if total > len(head):
        stream.write(f"\n{_count_text(len(head), total)}\n".encode())


def _markdown_row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _write_table(rows: pa.RecordBatchReader, stream: BinaryIO, shown: int) -> None:
    text = io.TextIOWrapper(stream, encoding="utf-8", write_through=True)
    console = Console(file=text, width=None if stream.isatty() else 10_000)
    head, total = _head(rows, shown)
    console.print(_table(rows.schema, head))
    console.print(Text(_count_text(len(head), total), style="dim"))
    text.detach()


def _table(schema: pa.Schema, head: list[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for field, column in zip(schema, schema_of(schema), strict=True):
        header = Text.assemble((column.name, "bold"), "\n", (column.type.lower(), "dim"))
        justify: Literal["left", "right"] = "right" if _is_number(field.type) else "left"
        table.add_column(header, justify=justify, overflow="ellipsis", no_wrap=True, max_width=_CELL_CHARACTERS)
    for row in head:
        table.add_row(*(Text("NULL", style="dim") if value is None else Text(_cell(value)) for value in row))
    return table


def _head(rows: pa.RecordBatchReader, shown: int) -> tuple[list[Row], int]:
    """The first ``shown`` rows and the number of all; the rest is read but not kept."""
    head: list[Row] = []
    total = 0
    for batch in rows:
        head.extend(_rows(batch.slice(0, shown - len(head))))
        total += batch.num_rows
    return head, total


def _rows(batch: pa.RecordBatch) -> list[Row]:
    return list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def _count_text(shown: int, total: int) -> str:
    return plural(total, "row") if shown == total else f"{shown:,} of {plural(total, 'row')}"


def _is_number(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_))


_BINARY = {OutputFormat.ARROW, OutputFormat.PARQUET}
_WRITERS: dict[OutputFormat, Callable[[pa.RecordBatchReader, BinaryIO, int], None]] = {
    OutputFormat.TABLE: _write_table,
    OutputFormat.CSV: _write_csv,
    OutputFormat.JSON: _write_json,
    OutputFormat.MARKDOWN: _write_markdown,
    OutputFormat.ARROW: _write_arrow,
    OutputFormat.PARQUET: _write_parquet,
}
