"""``read_csv('…', delim = ';')`` and its like in FROM: files by path, with how they are to be read.

Each call becomes a table, named as its path or, where it says more than that, as the call is written. What an option
means is DuckDB's; one that Gristmill does not have is refused, since files would be read otherwise than the query says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn

from sqlglot import exp

from gristmill.errors import InvalidQuery
from gristmill.plan.finding import repeated
from gristmill.plan.formats import format_of_path, path_source
from gristmill.plan.problems import did_you_mean
from gristmill.plan.schema import Column, Schema
from gristmill.plan.source import FileSource, Format
from gristmill.rows.logical import quote_name
from gristmill_sql.copies import all_in
from gristmill_sql.diagnose import Span, invalid, span_of_word
from gristmill_sql.oracle import Oracle

_FUNCTIONS = {
    "read_parquet": Format.PARQUET,
    "parquet_scan": Format.PARQUET,
    "read_csv": Format.CSV,
    "read_csv_auto": Format.CSV,
    "read_json": Format.JSON,
    "read_json_auto": Format.JSON,
    "read_ndjson": Format.JSON,
    "read_ndjson_auto": Format.JSON,
}
_OTHERS = {
    "glob",
    "read_text",
    "read_blob",
    "read_xlsx",
    "read_json_objects",
    "read_json_objects_auto",
    "read_ndjson_objects",
    "sniff_csv",
    "parquet_schema",
    "parquet_metadata",
    "parquet_file_metadata",
    "parquet_kv_metadata",
    "delta_scan",
    "iceberg_scan",
    "postgres_scan",
    "mysql_scan",
    "sqlite_scan",
}
"""Functions of DuckDB and of its extensions that read files or servers, and have no like here."""
_JSON_LINES = {"auto", "newline_delimited", "nd"}
_NO_MATTER = {"parallel", "buffer_size", "auto_detect", "maximum_object_size", "max_line_size", "maximum_line_size"}
"""Options that change nothing in the rows, as Gristmill reads files."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The text that places of errors refer to, and who finds them; the oracle, which knows the names of types."""

    sql: str
    span_of: Callable[[exp.Expr], Span | None]
    oracle: Oracle

    def refuse(self, reason: str, at: exp.Expr, remedy: str, word: str = "") -> NoReturn:
        """Raises InvalidQuery that underlines ``at``, or the first ``word`` where nothing tells its place."""
        found = self.span_of(at) or (span_of_word(self.sql, word) if word else None)
        raise invalid(self.sql, reason, at=found, remedy=remedy)


def path_sources(tree: exp.Query, reading: Reading) -> dict[str, FileSource]:
    """The files of each call, by the name that the freshly parsed tree has for it now.

    Raises InvalidQuery for options, paths and functions that Gristmill does not have.
    """
    sources = {}
    for node in all_in(tree, exp.Table):
        name = _function(node.this)
        if name in _OTHERS:
            remedy = "name the files in FROM, or read them with read_parquet, read_csv or read_json"
            reading.refuse(f"{name} is not supported", node, remedy, name)
        if name in _FUNCTIONS:
            called, sources[called] = _call(name, node.this, reading)
            node.set("this", exp.to_identifier(called, quoted=True))
            if not node.alias:
                node.set("alias", exp.TableAlias(this=exp.to_identifier(name)))
    return sources


def name_paths(tree: exp.Query) -> bool:
    """Gives paths in FROM that have no alias the file's name without its suffixes, as DuckDB does, where a column is
    qualified by that; whether there were any."""
    paths = [node for node in all_in(tree, exp.Table) if _is_bare_path(node)]
    asked = {node.table.casefold() for node in all_in(tree, exp.Column)} if paths else set()
    named = False
    for node in paths:
        base = node.name.rsplit("/", 1)[-1].split(".", 1)[0]
        if base and base.casefold() in asked:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(base, quoted=True)))
            named = True
    return named


def _is_bare_path(node: exp.Table) -> bool:
    return not node.alias and isinstance(node.this, exp.Identifier) and format_of_path(node.name) is not None


def _function(call: exp.Expr) -> str:
    if not isinstance(call, exp.Func):
        return ""
    return (str(call.this) if isinstance(call, exp.Anonymous) else call.sql_name()).lower()


def _call(name: str, call: exp.Expr, reading: Reading) -> tuple[str, FileSource]:
    """The table's name and its files."""
    arguments = [*([call.this] if isinstance(call.this, exp.Expr) else []), *call.expressions]
    if not arguments:
        reading.refuse(f"{name} wants a path", call, f"as in {name}('data/*')", name)
    paths = _paths(name, arguments[0], reading)
    format_ = _FUNCTIONS[name]
    if len(arguments) == 1 and len(paths) == 1 and format_of_path(paths[0]) is format_:
        return paths[0], path_source(paths[0], format_)
    source = replace(path_source(paths[0], format_), uris=paths)
    for argument in arguments[1:]:
        source = _with_option(source, name, argument, reading)
    text = call.sql(dialect="duckdb")
    return name + text[text.index("(") :], source


def _paths(name: str, argument: exp.Expr, reading: Reading) -> tuple[str, ...]:
    listed = argument.expressions if isinstance(argument, exp.Array) else [argument]
    paths = [text for each in listed if (text := _text(each))]
    if not paths or len(paths) < len(listed):
        reading.refuse(f"{name} wants a path, or a list of paths, as text", argument, f"as in {name}('data/*')", name)
    if again := repeated(paths):
        remedy = "a file is read once: combine two tables with UNION ALL"
        reading.refuse(f"the list names {again[0]} twice", argument, remedy, name)
    return tuple(paths)


def _with_option(source: FileSource, function: str, argument: exp.Expr, reading: Reading) -> FileSource:
    """The source with what ``delim = ';'`` says."""
    if not isinstance(argument, exp.EQ | exp.PropertyEQ | exp.Kwarg):
        reason = f"{function} takes one path or a list of them, and options by name"
        reading.refuse(reason, argument, "as in delim = ';'", function)
    name, value = argument.this.name.lower(), argument.expression
    if name in _NO_MATTER:
        return source
    known = _OPTIONS[source.format]
    if name not in known:
        reading.refuse(f"{function} has no option {name} here", argument, did_you_mean(name, known))
    changed = known[name](source, value, reading)
    if changed is None:
        said = argument.sql(dialect="duckdb")
        reading.refuse(f"{function} cannot read with {said}", argument, "leave the option out, or convert the files")
    return changed


def _text(value: exp.Expr) -> str | None:
    """The text that a literal, or a bound parameter, is."""
    inner = value.this if isinstance(value, exp.Cast) else value
    return str(inner.this) if isinstance(inner, exp.Literal) and inner.is_string else None


def _flag(value: exp.Expr) -> bool | None:
    inner = value.this if isinstance(value, exp.Cast) else value
    if isinstance(inner, exp.Boolean):
        return bool(inner.this)
    words = {"true": True, "1": True, "false": False, "0": False}
    return words.get(str(inner.this).lower()) if isinstance(inner, exp.Literal) else None


_Option = Callable[[FileSource, exp.Expr, Reading], FileSource | None]
"""The source as the option has it; None for a value that Gristmill cannot read with."""


def _flagged(change: Callable[[FileSource, bool], FileSource]) -> _Option:
    def option(source: FileSource, value: exp.Expr, _: Reading) -> FileSource | None:
        flag = _flag(value)
        return None if flag is None else change(source, flag)

    return option


def _texted(change: Callable[[FileSource, str], FileSource], lengths: tuple[int, ...] = ()) -> _Option:
    """An option whose value is a text, of one of these lengths where any are given."""

    def option(source: FileSource, value: exp.Expr, _: Reading) -> FileSource | None:
        only = value.expressions[0] if isinstance(value, exp.Array) and len(value.expressions) == 1 else value
        text = _text(only)
        text = "\t" if text == "\\t" else text
        return None if text is None or (lengths and len(text) not in lengths) else change(source, text)

    return option


def _only(accepted: Callable[[FileSource, exp.Expr], bool]) -> _Option:
    """An option that may say nothing but what is so anyway."""
    return lambda source, value, _: source if accepted(source, value) else None


def _columns(source: FileSource, value: exp.Expr, reading: Reading) -> FileSource | None:
    """``{'a': 'INTEGER', …}``: names and types, instead of those that a look at the files finds."""
    if not isinstance(value, exp.Struct):
        return None
    described = [(each.this.name, _text(each.expression) or "") for each in value.expressions]
    return replace(source, schema=_schema(described, value, reading))


def _schema(described: list[tuple[str, str]], at: exp.Expr, reading: Reading) -> Schema:
    columns: list[Column] = []
    for name, type_ in described:
        try:
            parsed = exp.DataType.build(type_, dialect="duckdb", udt=True).sql(dialect="duckdb")
            columns += reading.oracle.describe(f"SELECT CAST(NULL AS {parsed}) AS {quote_name(name)}")
        except (InvalidQuery, ValueError):
            reading.refuse(
                f"column {name}: there is no type {type_!r}",
                at,
                "a type of DuckDB, as in 'DECIMAL(9,2)'",
                type_.lower(),
            )
    return tuple(columns)


_OFF = _only(lambda _, value: _flag(value) is False)
_SHARED: dict[str, _Option] = {
    "union_by_name": _flagged(lambda source, flag: replace(source, unify=flag)),
    "hive_partitioning": _flagged(lambda source, flag: replace(source, hive=flag)),
    "filename": _OFF,
    "compression": _only(lambda _, value: _text(value) in {"auto", "auto_detect"}),
}
_OPTIONS: dict[Format, dict[str, _Option]] = {
    Format.PARQUET: _SHARED | {"binary_as_string": _OFF},
    Format.CSV: _SHARED
    | dict.fromkeys(("delim", "sep", "delimiter"), _texted(lambda source, text: replace(source, delimiter=text), (1,)))
    | {
        "columns": _columns,
        "header": _flagged(lambda source, flag: replace(source, header=flag)),
        "quote": _texted(lambda source, text: replace(source, quote=text), (0, 1)),
        "escape": _only(lambda source, value: _text(value) in {source.quote, ""}),
        "nullstr": _texted(lambda source, text: replace(source, null=text)),
        "null_padding": _OFF,
        "ignore_errors": _OFF,
        "all_varchar": _OFF,
        "skip": _only(lambda _, value: value.name == "0"),
    },
    Format.JSON: _SHARED
    | {
        "columns": _columns,
        "format": _only(lambda _, value: _text(value) in _JSON_LINES),
        "records": _only(lambda _, value: _text(value) in {"auto", "true"}),
        "ignore_errors": _OFF,
    },
}
