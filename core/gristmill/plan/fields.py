"""The form of the tables that manifests are checked by: kinds of values, fields, records, and a walk over them.

``manifest_fields`` (MapReduceJob) and ``resource_fields`` (SQLQuery, WorkerPool) are such tables. The loader checks by
them, docs/manifest.md is compared with them, and the CRDs are made from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a field holds."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DURATION = "duration"
    """Text such as ``30s`` or ``1h30m``."""
    SIZE = "size"
    """Text such as ``64MiB``, or a number of bytes."""
    TIME = "time"
    """RFC 3339 in UTC."""
    TEXTS = "list of text"
    TEXT_MAP = "map of text"
    QUANTITIES = "map of quantities"
    """Kubernetes quantities by name of a resource: text such as ``4Gi`` or ``500m``, or a number."""
    RECORD = "object"
    RECORDS = "list of objects"
    RECORD_MAP = "map of objects"
    OPAQUE = "any"
    """Kubernetes' own; read over."""


class Form(StrEnum):
    """What a text must look like, or each of a list; of a map, its names."""

    FREE = "free"
    NAME = "name"
    """Of another object in Kubernetes."""
    IDENTIFIER = "identifier"
    """Of a table in SQL."""
    FUNCTION = "function"
    """``module:function``."""
    SQL = "sql"
    READ_URI = "uri to read"
    WRITE_URI = "uri to write"
    URL = "url"
    SHA256 = "sha256"
    CHARACTER = "character"
    """At most one."""
    PATH = "path"
    """Relative, with forward slashes."""
    VARIABLE = "variable"
    """Of an environment."""
    LABELS = "labels"
    """Names and values that Kubernetes takes as labels."""
    ANNOTATIONS = "annotations"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. With ``choices`` its text is one of them; a RECORD with choices may be such a text instead.

    ``default`` is how the documentation shows it, ``example`` a YAML value; ``record`` is what objects look like;
    ``cluster``: only a cluster heeds it. What only a cluster checks: ``form``, and ``most``, so many characters, items
    or entries (None: as usual for its kind). No two of a list of text are equal where they are ``unique``, and no two
    objects in the field that they are ``named_by``. ``changes``: on a cluster it may change once the resource is there.
    """

    name: str
    kind: Kind
    doc: str
    example: str = ""
    default: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    record: Record | None = None
    cluster: bool = False
    form: Form = Form.FREE
    most: int | None = None
    unique: bool = False
    named_by: str = ""
    changes: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """An object: its fields and what holds between them.

    ``exactly_one`` and ``at_most_one`` are groups of names; of a pair in ``needs`` the first wants the second.
    """

    name: str
    fields: tuple[Field, ...]
    exactly_one: tuple[tuple[str, ...], ...] = ()
    at_most_one: tuple[tuple[str, ...], ...] = ()
    needs: tuple[tuple[str, str], ...] = ()

    def field(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return next((field for field in self.fields if field.name == name), None)


def walk(record: Record, prefix: str = "") -> Iterator[tuple[str, Field]]:
    """Every field with its path, depth first: ``spec.input[].format``, ``spec.outputs.NAME.uri``."""
    for field in record.fields:
        path = prefix + field.name
        yield path, field
        if field.record is not None:
            step = {Kind.RECORDS: "[].", Kind.RECORD_MAP: ".NAME."}.get(field.kind, ".")
            yield from walk(field.record, path + step)
