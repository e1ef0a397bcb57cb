"""The format of files as their names say it: for tables of queries, which need not name one."""

from __future__ import annotations

from gristmill.plan.source import FileSource, Format

_SUFFIXES = {
    ".parquet": Format.PARQUET,
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".json": Format.JSON,
    ".jsonl": Format.JSON,
    ".ndjson": Format.JSON,
    ".arrow": Format.ARROW,
    ".feather": Format.ARROW,
}
_COMPRESSIONS = {".gz", ".zst", ".bz2", ".xz", ".lz4", ".br"}


def format_of_path(path: str) -> Format | None:
    """The format that a path's suffix names, a compression's suffix aside; None for what is not a path."""
    name = path.rstrip("/").rpartition("/")[2].lstrip(".")
    suffixes = [f".{suffix.lower()}" for suffix in name.split(".")[1:]]
    while suffixes and suffixes[-1] in _COMPRESSIONS:
        suffixes.pop()
    if suffixes and suffixes[-1] in _SUFFIXES:
        return _SUFFIXES[suffixes[-1]]
    return Format.PARQUET if path.endswith("/") else None


def format_of_table(uri: str) -> Format | None:
    """The same for what is known to be a table: without a suffix it is a folder of Parquet files."""
    return format_of_path(uri) or (Format.PARQUET if "." not in uri.rsplit("/", 1)[-1] else None)


def path_source(path: str, format_: Format) -> FileSource:
    """The files at a path, read as its name says."""
    return FileSource((path,), format_, delimiter="\t" if ".tsv" in path.lower() else ",", unify=False)
