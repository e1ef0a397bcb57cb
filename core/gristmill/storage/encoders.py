"""Encoders: rows as Arrow tables become the bytes of one file, in each output format.

``parts.PartWriter`` feeds them. Equal rows give equal bytes however they were cut into batches: what depends on
batches (row groups, blocks) is cut again at fixed numbers of rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import IO, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from gristmill.errors import InvalidPlan, TypeConflict
from gristmill.plan.schema import Column, Schema
from gristmill.plan.source import Format
from gristmill.rows.logical import quote_text
from gristmill.rows.types import arrow_schema, duckdb_cast_list, schema_of
from gristmill.storage.compression import codec_named, compressing

ROW_GROUP_ROWS = 1 << 20
ROW_GROUP_BYTES = 128 << 20
_LEAST_ROWS = 1 << 12
_TEXT_ROWS = 1 << 16
_SAMPLE_ROWS = 4096
_PARQUET_CODECS = ("zstd", "snappy", "lz4", "gzip", "brotli", "none")
_ARROW_CODECS = {"": None, "none": None, "lz4": "lz4", "zstd": "zstd"}


class Encoder(ABC):
    """Writes tables of one schema to a stream."""

    rows_per_block: int = _TEXT_ROWS

    @abstractmethod
    def write(self, table: pa.Table) -> None:
        """Append rows: ``rows_per_block`` of them, fewer only in the last call."""

    @abstractmethod
    def close(self) -> None:
        """End the file; the stream below stays open."""


class ParquetEncoder(Encoder):
    """Row groups of at most 1 Mi rows and about 128 MiB, with statistics; zstd by default."""

    def __init__(self, sink: IO[bytes], schema: Schema, codec: str) -> None:
        self._sink = sink
        self._schema = arrow_schema(schema)
        self._codec = codec
        self._writer: Any = None

    def write(self, table: pa.Table) -> None:
        self._opened().write_table(table.combine_chunks(), row_group_size=max(1, table.num_rows))

    def close(self) -> None:
        self._opened().close()

    def _opened(self) -> Any:
        if self._writer is None:
            try:
                self._writer = pq.ParquetWriter(
                    self._sink,
                    self._schema,
                    compression=self._codec,
                    compression_level=1 if self._codec == "zstd" else None,
                    write_statistics=True,
                    version="2.6",
                )
            except pa.ArrowNotImplementedError:
                raise self._unfit() from None
        return self._writer

    def _unfit(self) -> TypeConflict:
        unfit = [field for field in self._schema if not _fits_parquet(field)]
        named = ", ".join(f"{field.name!r} ({c.type})" for field in unfit for c in schema_of(pa.schema([field])))
        return TypeConflict(
            f"Parquet cannot hold {named}",
            place="output",
            remedy="Cast it to what Parquet has (an interval to text or a number), or use format arrow.",
        )


def _fits_parquet(field: pa.Field) -> bool:
    try:
        pq.ParquetWriter(pa.BufferOutputStream(), pa.schema([field])).close()
    except pa.ArrowNotImplementedError:
        return False
    return True


class ArrowEncoder(Encoder):
    """An Arrow IPC file. Rows are copied first where the format shows how buffers are shared and where they end."""

    def __init__(self, sink: IO[bytes], schema: Schema, codec: str | None) -> None:
        options = pa.ipc.IpcWriteOptions(compression=codec)
        self._writer = pa.ipc.new_file(pa.PythonFile(sink, "w"), arrow_schema(schema), options=options)

    def write(self, table: pa.Table) -> None:
        rows = table.combine_chunks()
        plain = all(_is_plain(column) for column in rows.columns)
        self._writer.write_table(rows if plain else rows.take(np.arange(table.num_rows)))

    def close(self) -> None:
        self._writer.close()


def _is_plain(column: pa.ChunkedArray) -> bool:
    """Whether the format holds nothing but the column's values: they are of one width, and none is NULL."""
    kind = column.type
    width = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return bool((width or pa.types.is_temporal(kind)) and column.null_count == 0)


class CsvEncoder(Encoder):
    """CSV with a header; text is quoted where needed, NULL is empty and an empty string is ``""``."""

    def __init__(self, sink: IO[bytes], schema: Schema, codec: str | None) -> None:
        self._below = compressing(sink, codec) if codec else None
        unfit = next(filter(None, map(_unfit_for_csv, arrow_schema(schema))), "")
        if unfit:
            raise TypeConflict(
                f"CSV cannot hold {unfit}",
                place="output",
                remedy="Use format parquet or arrow, or turn the column into text.",
            )
        self._writer = pa.csv.CSVWriter(self._below or sink, arrow_schema(schema))

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table)

    def close(self) -> None:
        self._writer.close()
        if self._below is not None:
            self._below.close()


def _unfit_for_csv(field: pa.Field) -> str:
    if pa.types.is_nested(field.type):
        return f"the nested column {field.name!r}"
    if pa.types.is_binary(field.type):
        return f"the bytes of column {field.name!r}"
    return f"the intervals of column {field.name!r}" if pa.types.is_interval(field.type) else ""


class LineEncoder(Encoder):
    """A line of text for each row, made by DuckDB: an object of JSON, or the columns with tabs between them.

    ``line`` is SQL over the columns by their places (``_place``), since SQL cannot tell all names apart.
    """

    def __init__(self, sink: IO[bytes], schema: Schema, codec: str | None, line: str) -> None:
        self._below = compressing(sink, codec) if codec else None
        self._sink = self._below or sink
        placed = tuple(Column(_place(at), column.type) for at, column in enumerate(schema))
        self._names = [column.name for column in placed]
        self._query = f"SELECT {line} || chr(10) AS line FROM (SELECT {duckdb_cast_list(placed)} FROM given)"
        self._con = duckdb.connect(config={"threads": 1})

    def write(self, table: pa.Table) -> None:
        self._con.register("given", table.rename_columns(self._names))
        for chunk in self._con.sql(self._query).to_arrow_table().column(0).chunks:
            if len(chunk):
                self._sink.write(_joined(chunk))

    def close(self) -> None:
        self._con.close()
        if self._below is not None:
            self._below.close()


def _joined(lines: pa.Array) -> memoryview:
    """The bytes of all lines: a string column without NULLs holds them one after the other."""
    _, offsets, data = lines.buffers()
    kind = np.int64 if pa.types.is_large_string(lines.type) else np.int32
    ends = np.frombuffer(offsets, kind)
    return memoryview(data)[int(ends[lines.offset]) : int(ends[lines.offset + len(lines)])]


def encoder_for(
    format_: Format, compression: str, schema: Schema, place: str
) -> tuple[Callable[[IO[bytes]], Encoder], str | None]:
    """How to make an encoder for a stream, and the codec that the file's suffix must name.

    Raises InvalidPlan for a compression that the format does not have.
    """
    if format_ in (Format.PARQUET, Format.PAIRS):
        codec = compression or "zstd"
        if codec not in _PARQUET_CODECS:
            raise _unknown(compression, _PARQUET_CODECS, place)
        return lambda sink: ParquetEncoder(sink, schema, codec), None
    if format_ is Format.ARROW:
        if compression not in _ARROW_CODECS:
            raise _unknown(compression, _ARROW_CODECS, place)
        return lambda sink: ArrowEncoder(sink, schema, _ARROW_CODECS[compression]), None
    suffix = codec_named(compression, place)
    match format_:
        case Format.CSV:
            return lambda sink: CsvEncoder(sink, schema, suffix), suffix
        case Format.JSON:
            return lambda sink: LineEncoder(sink, schema, suffix, _object(schema)), suffix
        case _:
            return lambda sink: LineEncoder(sink, schema, suffix, _tabbed(schema)), suffix


def _place(at: int) -> str:
    return f"c{at}"


def _object(schema: Schema) -> str:
    terms = (f"{quote_text(column.name)}, {_place(at)}" for at, column in enumerate(schema))
    return f"json_object({', '.join(terms)})::VARCHAR"


def _tabbed(schema: Schema) -> str:
    terms = [f"coalesce(CAST({_place(at)} AS VARCHAR), '')" for at in range(len(schema))]
    return " || chr(9) || ".join(terms)


def _unknown(name: str, known: Iterable[str], place: str) -> InvalidPlan:
    return InvalidPlan(
        f"unknown compression {name!r}", place=place, remedy=f"Use one of {', '.join(filter(None, known))}."
    )


def rows_per_group(table: pa.Table) -> int:
    """Rows of a Parquet row group: a power of two, from the width of the first rows.

    The width counts values alone (no validity, no unused buffers), so it does not depend on how rows arrived.
    """
    sample = table.slice(0, _SAMPLE_ROWS)
    width = sum(_value_bytes(column.combine_chunks()) for column in sample.columns) / max(1, sample.num_rows)
    rows = int(ROW_GROUP_BYTES / max(1.0, width))
    return min(ROW_GROUP_ROWS, max(_LEAST_ROWS, 1 << (rows.bit_length() - 1)))


def _value_bytes(array: pa.Array) -> int:
    if isinstance(array, pa.ChunkedArray):
        return sum(_value_bytes(chunk) for chunk in array.chunks)
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return _value_bytes(array.storage)
    if pa.types.is_struct(kind):
        return sum(_value_bytes(child) for child in array.flatten())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return 4 * len(array) + _value_bytes(array.flatten())
    if pa.types.is_map(kind):
        return 4 * len(array) + _value_bytes(array.keys) + _value_bytes(array.items)
    if (
        pa.types.is_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_large_binary(kind)
    ):
        return 4 * len(array) + (pc.sum(pc.binary_length(array)).as_py() or 0)
    return (
        len(array) * 8 if pa.types.is_dictionary(kind) or pa.types.is_null(kind) else len(array) * kind.bit_width // 8
    )
