"""Random databases for the fuzz: a few small tables with random columns, full of what goes wrong.

Values come from small pools, so that keys meet and repeat: NULL, NaN, infinities, negative zero, the ends of every
integer type, decimals of 38 digits, empty and non-ASCII text. Sums of doubles are exact (eighths), so that the order
of additions does not show. Every table has a column ``k`` that numbers its rows: a total order for what needs one.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import duckdb
from hypothesis import strategies as st
from sql_checks import Database

KINDS = {
    "n": ("INTEGER", "BIGINT", "TINYINT", "SMALLINT", "UINTEGER", "HUGEINT", "UBIGINT", "UTINYINT"),
    "f": ("DOUBLE", "FLOAT"),
    "m": ("DECIMAL(9,2)", "DECIMAL(18,4)", "DECIMAL(38,10)", "DECIMAL(4,1)"),
    "s": ("VARCHAR",),
    "t": ("DATE",),
    "b": ("BOOLEAN",),
    "l": ("INTEGER[]",),
    "r": ("STRUCT(p INTEGER, q VARCHAR)",),
    "p": ("TIMESTAMP", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_NS"),
    "z": ("TIMESTAMPTZ",),
    "v": ("INTERVAL",),
    "e": ("TIME",),
    "o": ("BLOB",),
    "j": ("UUID",),
    "h": ("MAP(VARCHAR, INTEGER)",),
    "g": ("STRUCT(p INTEGER, q VARCHAR)[]",),
}
"""SQL types by the letter of their kind."""
VALUES = {
    "n": ["0", "1", "2", "3", "5", "7", "100"],
    "f": ["'nan'", "-0.0", "0.0", "1.5", "2.5", "-2.25", "'inf'", "3.0"],
    "m": ["0", "1.5", "-2.5", "100", "12.5"],
    "s": ["''", "'x'", "'y'", "'X'", "'ä'", "'xy'", "'z\U0001f600'", "' '"],
    "t": ["'2024-01-15'", "'2024-02-29'", "'1969-12-31'", "'2024-01-16'", "'9999-12-31'"],
    "b": ["true", "false"],
    "l": ["[1, 2]", "[]", "[1, NULL]", "[3]"],
    "r": ["{'p': 1, 'q': 'x'}", "{'p': NULL, 'q': 'x'}", "{'p': 2, 'q': NULL}"],
    "p": ["'2024-03-31 01:30:00'", "'2024-03-31 02:30:00'", "'1969-12-31 23:59:59'", "'2024-01-15 00:00:00'"],
    "z": ["'2024-03-31 01:30:00+00'", "'2024-03-31 01:30:00+02'", "'1969-12-31 23:59:59Z'", "'2024-01-15 00:00:00Z'"],
    "v": ["INTERVAL 1 MONTH", "INTERVAL 3 DAY", "INTERVAL 26 HOUR", "INTERVAL '1 year 2 days 0.5 seconds'"],
    "e": ["'00:00:00'", "'12:30:00.000001'", "'23:59:59.999999'"],
    "o": ["''", "'x'", "'\\x00\\xFF'", "'\\x00'"],
    "j": [f"'00000000-0000-0000-0000-00000000000{i}'" for i in (0, 1, 9)],
    "h": ["MAP {}", "MAP {'x': 1}", "MAP {'x': NULL, 'y': 2}", "MAP {'y': 2, 'x': NULL}"],
    "g": ["[]", "[{'p': 1, 'q': 'x'}]", "[{'p': 1, 'q': NULL}, NULL]", "[{'p': 2, 'q': 'x'}, {'p': 1, 'q': 'y'}]"],
}
EXTREMES = {
    "INTEGER": ["-2147483648", "2147483647"],
    "BIGINT": ["-9223372036854775808", "9223372036854775807"],
    "TINYINT": ["-128", "127"],
    "SMALLINT": ["-32768", "32767"],
    "UINTEGER": ["4294967295"],
    "UBIGINT": ["18446744073709551615"],
    "UTINYINT": ["255"],
    "HUGEINT": ["10000000000000000000000", "-9223372036854775809"],
    "DECIMAL(9,2)": ["9999999.99", "-9999999.99"],
    "DECIMAL(18,4)": ["99999999999999.9999"],
    "DECIMAL(38,10)": ["1234567890123456789012345678.0123456789"],
    "DECIMAL(4,1)": ["999.9", "-0.1"],
}
NAMES = ("a", "b", "c", "d", "Mixed", "order", "two words", "e", "a1")
LETTERS = "nnnnnnffffmmmmssssssttttbbbblrpppzvveojhg"


@dataclass(frozen=True)
class TableShape:
    """A table's name, and its columns with the letters of their kinds."""

    name: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Shape:
    """The SQL that makes a database, and what is in it."""

    tables: tuple[TableShape, ...]
    statements: tuple[str, ...]

    def build(self, folder: Path) -> Database:
        """The database as files in a folder."""
        with duckdb.connect() as connection:
            for table, rows in zip(self.tables, self.statements, strict=True):
                path = folder / f"{table.name}.parquet"
                connection.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
        return Database({table.name: folder / f"{table.name}.parquet" for table in self.tables})


@st.composite
def databases(draw: st.DrawFn) -> Shape:
    """Two or three tables; the data comes from a drawn seed, the numbers of rows shrink."""
    made = [
        _table(name, draw(st.sampled_from([0, 1, 2, 5, 9, 20])), random.Random(draw(st.integers(0, 1 << 30))))
        for name in ("t", "u", "v")[: draw(st.integers(2, 3))]
    ]
    return Shape(tuple(shape for shape, _ in made), tuple(rows for _, rows in made))


def _table(name: str, rows: int, rng: random.Random) -> tuple[TableShape, str]:
    letters = ["n", "s", *rng.choices(LETTERS, k=rng.randint(1, 5))]
    names = rng.sample(NAMES, len(letters))
    types = [rng.choice(KINDS[letter]) for letter in letters]
    nulls = [rng.choice([0.0, 0.1, 0.5, 1.0 if rng.random() < 0.2 else 0.2]) for _ in letters]
    columns = list(zip(letters, types, nulls, strict=True))
    cells = [[_cell(letter, type_, share, rng) for letter, type_, share in columns] for _ in range(max(rows, 1))]
    shown = ", ".join(f'CAST(c{i} AS {type_}) AS "{n}"' for i, (n, type_) in enumerate(zip(names, types, strict=True)))
    lines = ", ".join(f"({', '.join(row)}, {number})" for number, row in enumerate(cells))
    aliases = ", ".join([*(f"c{i}" for i in range(len(names))), "k"])
    text = f"SELECT {shown}, k FROM (VALUES {lines}) x({aliases}) {'WHERE false' if rows == 0 else ''}"
    quoted = [(f'"{n}"', letter) for n, letter in zip(names, letters, strict=True)]
    return TableShape(name, (*quoted, ("k", "k"))), text


def _cell(letter: str, type_: str, null_share: float, rng: random.Random) -> str:
    if rng.random() < null_share:
        return "NULL"
    pool = VALUES[letter]
    if rng.random() < 0.1:
        pool = EXTREMES.get(type_, pool)
    return f"CAST({rng.choice(pool)} AS {type_})"
