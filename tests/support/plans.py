"""Plans written by hand in tests: short ways to make fragments, inputs and jobs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.plan.fragment import Calling, CommandFragment, Fragment, PythonFragment, PythonFunction, SqlFragment
from gristmill.plan.job import JobInput, JobPlan
from gristmill.plan.schema import Column, Schema
from gristmill.plan.source import FileSource, Format, JobSource, Source


def function(f: Callable[..., Any]) -> PythonFunction:
    """The function by value, as the API sends it."""
    module = sys.modules.get(f.__module__)
    if module is not None:
        cloudpickle.register_pickle_by_value(module)
    return PythonFunction(f"{f.__module__}:{f.__qualname__}", cloudpickle.dumps(f))


def python(f: Callable[..., Any], calling: Calling = Calling.PAIRS, schema: Schema | None = None) -> PythonFragment:
    """A fragment that calls ``f``."""
    return PythonFragment(function(f), calling, schema)


def rows(f: Callable[..., Any], schema: Schema | None = None) -> PythonFragment:
    """A fragment that calls ``f``, which yields dicts."""
    return python(f, Calling.ROWS, schema)


def batches(f: Callable[..., Any]) -> PythonFragment:
    """A fragment that calls ``f`` with batches."""
    return python(f, Calling.BATCHES)


def sql(text: str) -> SqlFragment:
    """A SELECT."""
    return SqlFragment(text)


def command(*argv: str, schema: Schema | None = None) -> CommandFragment:
    """A program with its arguments."""
    return CommandFragment(argv, schema)


def script(source: str, schema: Schema | None = None) -> CommandFragment:
    """A program written in Python, given as text."""
    return CommandFragment((sys.executable, "-c", source), schema)


def columns(**types: str) -> Schema:
    """A schema by names and types."""
    return tuple(Column(name, type_) for name, type_ in types.items())


def files(path: Path | str, format_: Format, **options: Any) -> FileSource:
    """Files of a format; a folder stands for all in it."""
    return FileSource((f"{path}/*" if isinstance(path, Path) and path.is_dir() else str(path),), format_, **options)


def parquet(folder: Path, *tables: pa.Table) -> FileSource:
    """Writes the tables as Parquet files, a split each, and gives the source that reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, table in enumerate(tables):
        pq.write_table(table, folder / f"{number:03}.parquet", row_group_size=1000)
    return FileSource((f"{folder}/*.parquet",), Format.PARQUET, split_bytes=1)


def pairs(folder: Path, *tables: pa.Table) -> FileSource:
    """As ``parquet``, for tables with the columns ``key`` and ``value``."""
    return replace(parquet(folder, *tables), format=Format.PAIRS)


def text(folder: Path, *contents: str, **options: Any) -> FileSource:
    """Writes text files and gives the source that reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(contents):
        (folder / f"{number:03}.txt").write_text(content)
    return FileSource((f"{folder}/*.txt",), Format.TEXT, **options)


def job(
    source: Source | str,
    map_: Fragment | None = None,
    reduce: Fragment | None = None,
    *,
    key: Sequence[str] = ("key",),
    name: str = "job",
    input_: str = "rows",
    **options: Any,
) -> JobPlan:
    """A job over one input; a string as its source names another job. Without a reduce it has no key."""
    from_ = JobSource(source) if isinstance(source, str) else source
    grouped = reduce is not None or "partitions" in options or "sort" in options
    return JobPlan(name, (JobInput(input_, from_, map_, tuple(key) if grouped else ()),), reduce=reduce, **options)


def pylists(table: pa.Table) -> list[tuple[Any, ...]]:
    """The rows of a table as tuples."""
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))
