"""Logical types as values: DuckDB's type names parsed into a tree and printed back.

Plans carry logical types as text; what maps them to Arrow, unifies them or casts them works on this tree. Nothing
here knows Arrow or touches data; DuckDB is asked for its keywords only, so that types print as it prints them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from gristmill.errors import TypeConflict


@dataclass(frozen=True, slots=True)
class Scalar:
    """A type without parts: INTEGER, VARCHAR, TIME WITH TIME ZONE, and ``"NULL"``, the type of nothing but NULLs."""

    name: str

    def __str__(self) -> str:
        return '"NULL"' if self.name == "NULL" else self.name


@dataclass(frozen=True, slots=True)
class Decimal:
    """DECIMAL(width, scale), up to 38 digits."""

    width: int
    scale: int

    def __str__(self) -> str:
        return f"DECIMAL({self.width},{self.scale})"


@dataclass(frozen=True, slots=True)
class Enum:
    """ENUM: text out of a fixed list, ordered by its place there."""

    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"ENUM({', '.join(quote_text(value) for value in self.values)})"


@dataclass(frozen=True, slots=True)
class ListOf:
    """``item[]``: any number of items."""

    item: Logical

    def __str__(self) -> str:
        return f"{self.item}[]"


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """``item[size]``: always as many items."""

    item: Logical
    size: int

    def __str__(self) -> str:
        return f"{self.item}[{self.size}]"


@dataclass(frozen=True, slots=True)
class MapOf:
    """MAP(key, value)."""

    key: Logical
    value: Logical

    def __str__(self) -> str:
        return f"MAP({self.key}, {self.value})"


@dataclass(frozen=True, slots=True)
class StructOf:
    """STRUCT: named fields in order."""

    fields: tuple[tuple[str, Logical], ...]

    def __str__(self) -> str:
        return f"STRUCT({_members(self.fields)})"


@dataclass(frozen=True, slots=True)
class UnionOf:
    """UNION: one of several named members at a time."""

    members: tuple[tuple[str, Logical], ...]

    def __str__(self) -> str:
        return f"UNION({_members(self.members)})"


Logical = Scalar | Decimal | Enum | ListOf | ArrayOf | MapOf | StructOf | UnionOf

NULL = Scalar("NULL")

_ALIASES = {
    "BOOL": "BOOLEAN", "LOGICAL": "BOOLEAN", "INT1": "TINYINT", "INT2": "SMALLINT", "SHORT": "SMALLINT",
    "INT": "INTEGER", "INT4": "INTEGER", "INT32": "INTEGER", "SIGNED": "INTEGER", "INTEGRAL": "INTEGER",
    "INT16": "SMALLINT", "INT8": "BIGINT", "INT64": "BIGINT", "LONG": "BIGINT", "OID": "BIGINT", "INT128": "HUGEINT",
    "UINT8": "UTINYINT", "UINT16": "USMALLINT", "UINT32": "UINTEGER", "UINT64": "UBIGINT", "UINT128": "UHUGEINT",
    "REAL": "FLOAT", "FLOAT4": "FLOAT", "FLOAT8": "DOUBLE", "DOUBLE PRECISION": "DOUBLE",
    "STRING": "VARCHAR", "TEXT": "VARCHAR", "CHAR": "VARCHAR", "BPCHAR": "VARCHAR", "NVARCHAR": "VARCHAR",
    "BYTEA": "BLOB", "BINARY": "BLOB", "VARBINARY": "BLOB", "BITSTRING": "BIT", "GUID": "UUID",
    "DATETIME": "TIMESTAMP", "TIMESTAMP_US": "TIMESTAMP", "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP",
    "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE", "TIMETZ": "TIME WITH TIME ZONE", "TIME WITHOUT TIME ZONE": "TIME",
    "VARINT": "BIGNUM",
}  # fmt: skip
SCALARS = frozenset(_ALIASES.values()) | {
    "DATE", "TIME_NS", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "INTERVAL", "JSON", "VARIANT", "GEOMETRY", "NULL",
    "TIMESTAMPTZ_NS",
}  # fmt: skip

_TOKEN = re.compile(r"""\s*(?:(?P<quoted>"(?:[^"]|"")*"|'(?:[^']|'')*')|(?P<word>\w+)|(?P<sign>[()\[\],]))""")


@lru_cache(maxsize=4096)
def parse(text: str) -> Logical:
    """The type that DuckDB's name for it says; aliases (``int``, ``text``, ``timestamptz``) are understood.

    Raises TypeConflict for anything else.
    """
    parser = _Parser(text)
    parsed = parser.type()
    parser.end()
    return parsed


class _Parser:
    """Recursive descent over the tokens of one type name."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0

    def type(self) -> Logical:
        parsed = self._base()
        while self._accept("["):
            size = None if self._peek() == "]" else self._number()
            self._expect("]")
            parsed = ListOf(parsed) if size is None else ArrayOf(parsed, size)
        return parsed

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise self._error()

    def _base(self) -> Logical:
        name = self._next().upper()
        if name == '"NULL"':
            return NULL
        match name:
            case "STRUCT" | "ROW":
                return StructOf(self._named())
            case "UNION":
                return UnionOf(self._named())
            case "MAP":
                self._expect("(")
                key = self.type()
                self._expect(",")
                value = self.type()
                self._expect(")")
                return MapOf(key, value)
            case "ENUM":
                return Enum(self._labels())
            case "DECIMAL" | "NUMERIC" | "DEC":
                return self._decimal()
        return self._scalar(name)

    def _scalar(self, name: str) -> Logical:
        words = [name]
        while self._peek().upper() in {"WITH", "WITHOUT", "TIME", "ZONE", "PRECISION"}:
            words.append(self._next().upper())
        full = " ".join(words)
        known = _ALIASES.get(full, full)
        if known not in SCALARS:
            raise self._error()
        if known == "VARCHAR" and self._accept("("):
            self._next()
            self._expect(")")
        return Scalar(known)

    def _decimal(self) -> Logical:
        if not self._accept("("):
            return Decimal(18, 3)
        width, scale = self._number(), 0
        if self._accept(","):
            scale = self._number()
        self._expect(")")
        return Decimal(width, scale)

    def _named(self) -> tuple[tuple[str, Logical], ...]:
        self._expect("(")
        found: list[tuple[str, Logical]] = []
        while not self._accept(")"):
            name = self._next()
            found.append((_unquoted(name), self.type()))
            if self._peek() != ")":
                self._expect(",")
        return tuple(found)

    def _labels(self) -> tuple[str, ...]:
        self._expect("(")
        labels: list[str] = []
        while not self._accept(")"):
            labels.append(_unquoted(self._next()))
            self._accept(",")
        return tuple(labels)

    def _number(self) -> int:
        token = self._next()
        if not token.isdecimal():
            raise self._error()
        return int(token)

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise self._error()
        self._at += 1
        return self._tokens[self._at - 1]

    def _accept(self, token: str) -> bool:
        if self._peek() != token:
            return False
        self._at += 1
        return True

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise self._error()

    def _error(self) -> TypeConflict:
        return TypeConflict(
            f"{self._text!r} is not a type", remedy="Write it as DuckDB does: BIGINT, DECIMAL(15,2), STRUCT(a DATE)."
        )


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    at = 0
    stripped = text.rstrip()
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if match is None:
            raise TypeConflict(f"{text!r} is not a type")
        tokens.append(match.group().strip())
        at = match.end()
    return tokens


def quote_name(name: str) -> str:
    """``name`` as a quoted SQL identifier."""
    return _quoted(name, '"')


def quote_text(value: str) -> str:
    """``value`` as a SQL literal."""
    return _quoted(value, "'")


def _quoted(text: str, mark: str) -> str:
    return mark + text.replace(mark, mark * 2) + mark


def _unquoted(token: str) -> str:
    mark = token[0]
    return token[1:-1].replace(mark * 2, mark) if mark in "\"'" else token


def _members(members: tuple[tuple[str, Logical], ...]) -> str:
    return ", ".join(f"{_member_name(name)} {kind}" for name, kind in members)


def _member_name(name: str) -> str:
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) and name.lower() not in _keywords()
    return name if plain else quote_name(name)


@lru_cache(maxsize=1)
def _keywords() -> frozenset[str]:
    import duckdb  # here: most processes that know types never print one that needs its keywords

    with duckdb.connect() as con:
        return frozenset(row[0] for row in con.execute("SELECT keyword_name FROM duckdb_keywords()").fetchall())
