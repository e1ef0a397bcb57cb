"""Listing: which files the URIs of an input mean.

A URI is a file, a folder (all files below it), or a glob. Files are given in the order of the URIs, each one's by
name, so that the order depends on the input alone. Names that begin with ``_`` or ``.`` are passed over, as
writers of every engine keep their own things there; a folder that Gristmill wrote is read by its manifest, in its
order: what was appended later comes later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from gristmill.errors import InputError
from gristmill.plan.problems import did_you_mean
from gristmill.storage.filesystem import Entry, Filesystem

_MAGIC = re.compile(r"[*?\[{]")
_LOOKED_AT = 1000
"""So many files are looked at for a remedy."""
_CHECK = "Check the path; nothing like it is there."
NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of an input, with the values of all Hive folders in its path."""

    entry: Entry
    partition: tuple[tuple[str, str | None], ...] = ()


def list_files(
    uris: Sequence[str],
    hive: bool,
    filesystem: Callable[[str], Filesystem],
    manifest_parts: Callable[[str], list[str] | None],
) -> list[Listed]:
    """The files that ``uris`` (canonical) mean, each once. Raises InputError for a URI that matches none.

    ``manifest_parts(folder)`` gives the URIs of a Gristmill output's parts, or None for any other folder.
    """
    found: dict[str, Listed] = {}
    for uri in uris:
        for listed in _one(uri, hive, filesystem(uri), manifest_parts):
            found.setdefault(listed.entry.uri, listed)
    return list(found.values())


def _one(
    uri: str, hive: bool, filesystem: Filesystem, manifest_parts: Callable[[str], list[str] | None]
) -> list[Listed]:
    parts: list[str] | None = None
    if _is_glob(uri, manifest_parts):
        base, pattern = split_glob(uri)
        entries = _matching(base, pattern, filesystem)
    else:
        base = uri.rstrip("/")
        if not uri.endswith("/") and (entry := filesystem.stat(uri)) is not None:
            return [Listed(entry, hive_values(uri) if hive else ())]
        parts = manifest_parts(base)
        entries = _visible(base, filesystem) if parts is None else _named(parts, filesystem)
        if not entries and parts is not None:
            return []
    if not entries:
        raise _near_misses(uri, filesystem) or nothing_matches(uri, base, filesystem)
    ordered = sorted(entries, key=lambda e: e.uri) if parts is None else entries
    return [Listed(e, hive_values(e.uri) if hive else ()) for e in ordered]


def _is_glob(uri: str, manifest_parts: Callable[[str], list[str] | None]) -> bool:
    """Whether it has wildcards; an output of Gristmill may have brackets in its name."""
    if not _MAGIC.search(uri):
        return False
    return "*" in uri or "?" in uri or manifest_parts(uri.rstrip("/")) is None


def _visible(base: str, filesystem: Filesystem) -> list[Entry]:
    return [e for e in filesystem.walk(base) if not is_hidden(e.uri[len(base) + 1 :])]


def is_hidden(path: str) -> bool:
    """Whether a file below a listed folder, or a folder on the way to it, is a writer's own."""
    folder, _, name = path.rpartition("/")
    return hidden(name) or (bool(folder) and _is_hidden_folder(folder))


@lru_cache(maxsize=1024)
def _is_hidden_folder(path: str) -> bool:
    return any(map(hidden, path.split("/")))


def _matching(base: str, pattern: str, filesystem: Filesystem) -> list[Entry]:
    depth = None if "**" in pattern else pattern.count("/") + 1
    matches = glob_regex(pattern).fullmatch
    found = (e for e in filesystem.walk(base, depth) if matches(e.uri[len(base) + 1 :]))
    return [e for e in found if not _hidden_match(e.uri[len(base) + 1 :], pattern)]


def _named(parts: list[str], filesystem: Filesystem) -> list[Entry]:
    """The entries of a manifest's parts, from one listing of their folders."""
    folder = parts[0].rpartition("/")[0] if len({p.rpartition("/")[0] for p in parts}) == 1 else ""
    found = {e.uri: e for e in filesystem.walk(folder, 1)} if folder else {}
    entries = [found.get(part) or filesystem.stat(part) for part in parts]
    for part, entry in zip(parts, entries, strict=True):
        if entry is None:
            raise InputError(
                "the folder's manifest names this part, but it is gone",
                place=part,
                remedy="Write the output again (mode overwrite).",
            )
    return [entry for entry in entries if entry is not None]


def hidden(name: str) -> bool:
    """Whether a file or folder name is a writer's own and not data; ``_x=1`` is a Hive folder."""
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def _hidden_match(path: str, pattern: str) -> bool:
    """Whether a wildcard (not a literal ``_x`` in the pattern) matched a hidden name."""
    literal = {segment for segment in pattern.split("/") if hidden(segment)}
    return any(hidden(name) and not any(glob_regex(p).fullmatch(name) for p in literal) for name in path.split("/"))


def split_glob(uri: str) -> tuple[str, str]:
    """The folder above the first wildcard, and the pattern below it."""
    scheme, mark, rest = uri.partition("://")
    segments = rest.split("/")
    first = next(i for i, segment in enumerate(segments) if _MAGIC.search(segment))
    return f"{scheme}{mark}{'/'.join(segments[:first])}", "/".join(segments[first:])


@lru_cache(maxsize=64)
def glob_regex(pattern: str) -> re.Pattern[str]:
    """A glob as a regular expression: ``*`` and ``?`` within a name, ``**`` over folders, ``[a-z]``, ``{a,b}``."""
    tokens = re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|\{[^}]*\}|.", pattern, re.DOTALL)
    return re.compile("".join(map(_glob_token, tokens)), re.DOTALL)


def _glob_token(token: str) -> str:
    match token:
        case "**/":
            return "(?:[^/]+/)*"
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
    if token[0] == "[" and len(token) > 1:
        inner = token[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"[^{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]"
    if token[0] == "{" and len(token) > 1:
        return f"(?:{'|'.join(glob_regex(choice).pattern for choice in token[1:-1].split(','))})"
    return re.escape(token)


def hive_values(uri: str) -> tuple[tuple[str, str | None], ...]:
    """``(("year", "2024"),)`` of ``…/year=2024/x.parquet``; %-escapes are undone, the NULL folder gives None."""
    return _values_of_folder(uri.partition("://")[2].rpartition("/")[0])


@lru_cache(maxsize=1024)
def _values_of_folder(path: str) -> tuple[tuple[str, str | None], ...]:
    """The same for the folder of a file: files of one follow each other in a listing."""
    folders = [segment for segment in path.split("/") if "=" in segment]
    pairs = [segment.partition("=") for segment in folders]
    return tuple((_unescape(name), None if value == NULL_FOLDER else _unescape(value)) for name, _, value in pairs)


def _unescape(text: str) -> str:
    return re.sub(r"%([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), text) if "%" in text else text


def _near_misses(uri: str, filesystem: Filesystem) -> InputError | None:
    """The error for a glob that is a file's name, or whose last part matches files in other folders or names that are
    passed over."""
    if not _MAGIC.search(uri):
        return None
    if filesystem.stat(uri) is not None:
        literal = _MAGIC.sub(lambda wildcard: f"[{wildcard[0]}]", uri)
        remedy = f"It is the name of a file, but its wildcards stand for other names: write {literal}"
        return InputError("no file matches", place=uri, remedy=remedy)
    base, pattern = split_glob(uri)
    name = pattern.rsplit("/", 1)[-1]
    anywhere, exactly = glob_regex(f"**/{name}").fullmatch, glob_regex(pattern).fullmatch
    seen = [entry.uri[len(base) + 1 :] for entry in islice(filesystem.walk(base), _LOOKED_AT)]
    passed = next((path for path in seen if exactly(path)), "")
    if passed:
        remedy = f"{passed} would, but names that begin with _ or . are passed over: name its folder in full."
        return InputError("no file matches", place=uri, remedy=remedy)
    elsewhere = next((path for path in seen if name and anywhere(path) and not _hidden_match(path, pattern)), "")
    if elsewhere:
        remedy = f"There is {elsewhere} in {base}/; * stays within a folder, ** goes through all: {base}/**/{name}"
        return InputError("no file matches", place=uri, remedy=remedy)
    return None


def nothing_matches(uri: str, base: str, filesystem: Filesystem) -> InputError:
    """The error for a URI without files: names what is nearest to it."""
    folder, wanted = base, uri[len(base) :].strip("/").split("/")[0]
    names = filesystem.names(folder)
    while not names and folder.count("/") > 2:
        folder, _, wanted = folder.rpartition("/")
        names = filesystem.names(folder)
    if f"{wanted}/" in names and uri.rstrip("/") == f"{folder}/{wanted}":
        return InputError("the folder holds no file", place=uri, remedy="Name another, or write into it first.")
    remedy = did_you_mean(wanted, [n for n in names if not hidden(n)])
    where = "the folder is empty" if folder == base and not names else f"in {folder}/"
    return InputError("no file matches", place=uri, remedy=f"{remedy} ({where})" if remedy else _CHECK)


def hive_folder(name: str, value: str | None) -> str:
    """``year=2024``, the inverse of ``hive_values`` for one folder."""
    return f"{_escape(name)}={NULL_FOLDER if value is None else _escape(value)}"


def _escape(text: str) -> str:
    return re.sub(r"[\x00-\x1f/\\%=:*?\"<>|{}\[\]#']", lambda match: f"%{ord(match[0]):02X}", text)
