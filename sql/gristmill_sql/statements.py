"""Statements around a query: views before it, where its rows go (CREATE TABLE AS, INSERT INTO, COPY … TO), and what is
asked about it instead of its rows (DESCRIBE, SUMMARIZE).

Called by ``parse`` with sqlglot's trees. Writing is the engine's: a statement becomes a query and an output of its
last job, which commits all rows or none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlglot import exp

from gristmill.errors import InvalidQuery
from gristmill.plan.formats import format_of_path
from gristmill.plan.job import Output, OutputMode
from gristmill.plan.source import Format
from gristmill_sql.catalog import Catalog, Table
from gristmill_sql.copies import copied
from gristmill_sql.diagnose import invalid, span_of_word
from gristmill_sql.literals import data_type

_GLOB = "*?["


@dataclass(frozen=True, slots=True)
class Target:
    """Where a statement's rows go: a table's name or a URI; ``columns`` are those that INSERT names.

    ``format`` None: as the table's or the URI's suffix says, else Parquet. ``inserts``: rows are cast to the columns
    of a table that is there.
    """

    place: str
    name: str
    mode: OutputMode
    format: Format | None = None
    compression: str = ""
    partition_by: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    inserts: bool = False


class About(StrEnum):
    """What a statement asks about a query, or about all tables, instead of rows."""

    COLUMNS = "DESCRIBE"
    SUMMARY = "SUMMARIZE"
    TABLES = "SHOW TABLES"


@dataclass(frozen=True, slots=True)
class Statement:
    """A query that has the views before it in its WITH, and where its rows go; None: to the caller.

    ``about``: what is asked about the query; None: its rows.
    """

    query: exp.Expr
    target: Target | None = None
    about: About | None = None


def read_statements(sql: str, trees: Sequence[exp.Expr]) -> Statement:
    """The one statement that runs, after views that it may name. Raises InvalidQuery."""
    trees = [tree for tree in trees if not isinstance(tree, exp.Semicolon)]  # comments after the last statement
    if not trees:
        raise invalid(sql, "the query is empty", remedy="write a SELECT")
    *before, last = trees
    views = [_view(sql, tree, len(trees)) for tree in before]
    if _is_view(last):
        raise invalid(sql, "a view alone does nothing", remedy="write the query that reads it after a semicolon")
    statement = _statement(sql, last)
    return replace(statement, query=_with_views(statement.query, views)) if views else statement


def _is_view(tree: exp.Expr) -> bool:
    return isinstance(tree, exp.Create) and tree.kind == "VIEW"


def _view(sql: str, tree: exp.Expr, count: int) -> exp.CTE:
    """A view as a common table expression."""
    if not isinstance(tree, exp.Create) or not _is_view(tree):
        raise invalid(sql, f"{count} statements where one is expected", remedy="run them one at a time")
    name, columns = _named(tree.this)
    alias = exp.TableAlias(
        this=exp.to_identifier(name, quoted=True), columns=[exp.to_identifier(c, quoted=True) for c in columns]
    )
    return exp.CTE(this=copied(tree.expression), alias=alias)


def _with_views(query: exp.Expr, views: list[exp.CTE]) -> exp.Expr:
    if not isinstance(query, exp.Query) or isinstance(query, exp.Subquery | exp.Values):
        query = exp.select("*").from_(query if isinstance(query, exp.Values) else exp.Subquery(this=query))
    own = query.args.get("with_")
    query.set(
        "with_",
        exp.With(
            expressions=[*views, *(own.expressions if own else ())], recursive=bool(own and own.args.get("recursive"))
        ),
    )
    return query


def _statement(sql: str, tree: exp.Expr) -> Statement:
    match tree:
        case exp.Create() if tree.kind == "TABLE" and tree.expression is not None:
            if tree.args.get("exists"):
                raise invalid(sql, "IF NOT EXISTS is not supported", remedy="leave it out; a table is never replaced")
            name, columns = _named(tree.this)
            mode = OutputMode.OVERWRITE if tree.args.get("replace") else OutputMode.ERROR
            return Statement(tree.expression, Target(f"table {name}", name, mode, columns=columns))
        case exp.Insert() if tree.expression is not None:
            unsupported = next((k for k in ("conflict", "returning", "by_name", "ignore") if tree.args.get(k)), None)
            if unsupported:
                raise invalid(sql, f"INSERT with {unsupported.upper().replace('_', ' ')} is not supported")
            name, columns = _named(tree.this)
            target = Target(f"table {name}", name, OutputMode.APPEND, columns=columns, inserts=True)
            return Statement(tree.expression, target)
        case exp.Copy() if not tree.args.get("kind"):
            return Statement(_copied(tree.this), _copy_target(sql, tree))
        case exp.Describe() | exp.Summarize() if isinstance(tree.this, exp.Query | exp.Table | exp.Literal):
            about = About.COLUMNS if isinstance(tree, exp.Describe) else About.SUMMARY
            path = isinstance(tree.this, exp.Literal)
            named = exp.Table(this=exp.to_identifier(tree.this.name, quoted=True)) if path else tree.this
            return Statement(_copied(named), about=about)
        case exp.Show() if tree.name.upper() == "TABLES":
            return Statement(exp.select("1"), about=About.TABLES)
        case exp.Command() if str(tree.this).upper() == "EXPLAIN":
            remedy = "gristmill sql --explain or --analyze, or .explain() of what gm.sql gives"
            raise invalid(sql, "EXPLAIN is no statement here", at=span_of_word(sql, "EXPLAIN"), remedy=remedy)
    return Statement(tree)


def _named(node: exp.Expr) -> tuple[str, tuple[str, ...]]:
    """A table's name, and the columns that stand after it."""
    if isinstance(node, exp.Schema):
        columns = tuple(c.name for c in node.expressions)
        return _named(node.this)[0], columns
    return ".".join(part.name for part in node.parts) if isinstance(node, exp.Table) else node.name, ()


def _copied(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Table):
        return exp.select("*").from_(copied(node))
    return node.this if isinstance(node, exp.Subquery) and not node.args.get("with_") else node


def _copy_target(sql: str, tree: exp.Copy) -> Target:
    if len(tree.args["files"]) != 1:
        raise invalid(
            sql, "COPY names no place to write to", at=span_of_word(sql, "COPY"), remedy="COPY (query) TO 'URI'"
        )
    (file,) = tree.args["files"]
    options = {param.name.upper(): param.expression for param in tree.args.get("params") or ()}
    format_, compression, mode = None, "", OutputMode.ERROR
    partition_by: tuple[str, ...] = ()
    for name, value in options.items():
        word = value.name if value is not None else ""
        match name:
            case "FORMAT":
                format_ = _format(sql, word)
            case "COMPRESSION" | "CODEC":
                compression = word.lower()
            case "PARTITION_BY":
                partition_by = tuple(c.name for c in value.find_all(exp.Column)) if value is not None else ()
            case "OVERWRITE" | "OVERWRITE_OR_IGNORE" | "APPEND":
                if value is None or not isinstance(value, exp.Boolean) or value.this:
                    mode = OutputMode.APPEND if name == "APPEND" else OutputMode.OVERWRITE
            case _:
                known = "FORMAT, COMPRESSION, PARTITION_BY, OVERWRITE, APPEND"
                raise invalid(
                    sql, f"COPY has no option {name} here", at=span_of_word(sql, name), remedy=f"there are: {known}"
                )
    return Target(f"COPY TO {file.name!r}", file.name, mode, format_, compression, partition_by)


def _format(sql: str, word: str) -> Format:
    try:
        return Format(word.lower())
    except ValueError:
        raise invalid(
            sql, f"there is no format {word}", at=span_of_word(sql, word), remedy="parquet, csv, json or arrow"
        ) from None


def outputs_of(target: Target | None, catalog: Catalog, given: tuple[Output, ...]) -> tuple[Output, ...]:
    """Where the rows go: what the caller has given, or the output that the statement names. Raises InvalidQuery."""
    if target is None:
        return given
    if given:
        raise InvalidQuery("the statement says itself where its rows go", place=target.place, remedy="write a SELECT")
    return (output_of(target, catalog),)


def output_of(target: Target, catalog: Catalog) -> Output:
    """The output that a statement writes. Raises InvalidQuery for what is no place to write to."""
    source = catalog.source(target.name)
    if source is not None:
        (first, *others) = source.uris
        uri, format_ = _folder(target, first, bool(others)), target.format or source.format
    else:
        if not any(mark in target.name for mark in "/.:"):
            raise InvalidQuery(
                "it is neither a path nor the name of a table",
                place=target.place,
                remedy=f'name a path, as in CREATE TABLE "out/{target.name}/", or --table {target.name}=URI',
            )
        uri, format_ = target.name, target.format or format_of_path(target.name) or Format.PARQUET
    return Output(uri, "", format_, target.mode, target.compression, target.partition_by)


def _folder(target: Target, uri: str, has_more: bool) -> str:
    """The folder of a table's files, which a result is written into."""
    folder, _, last = uri.rpartition("/")
    if last.startswith("*") and not any(mark in folder for mark in _GLOB) and not has_more:
        return folder + "/"
    if has_more or any(mark in uri for mark in _GLOB) or (last and format_of_path(uri) and not target.mode == "error"):
        raise InvalidQuery(
            f"it is {'several files' if has_more or any(m in uri for m in _GLOB) else 'one file'}: {uri}",
            place=target.place,
            remedy="rows can be written to a table that is a folder",
        )
    return uri


def with_table_columns(query: exp.Expr, target: Target, table: Table) -> exp.Query:
    """The rows of INSERT's query as rows of its table: by position, cast to the columns' types, the rest NULL."""
    schema = table.facts.schema
    named = target.columns or tuple(c.name for c in schema)
    known = {c.name.casefold(): c for c in schema}
    unknown = next((name for name in named if name.casefold() not in known), None)
    if unknown is not None:
        columns = ", ".join(c.name for c in schema)
        raise InvalidQuery(f"it has no column {unknown}", place=target.place, remedy=f"its columns: {columns}")
    cells = {name.casefold(): f"c{index}" for index, name in enumerate(named)}
    items = [
        exp.alias_(
            exp.Cast(
                this=exp.column(cells[c.name.casefold()]) if c.name.casefold() in cells else exp.Null(),
                to=data_type(c.type),
            ),
            c.name,
            quoted=True,
        )
        for c in schema
    ]
    alias = exp.TableAlias(
        this=exp.to_identifier("inserted"), columns=[exp.to_identifier(cell) for cell in cells.values()]
    )
    body = query if isinstance(query, exp.Query) and not isinstance(query, exp.Values) else exp.select("*").from_(query)
    return exp.select(*items).from_(exp.Subquery(this=copied(body), alias=alias))


def renamed(query: exp.Expr, columns: tuple[str, ...]) -> exp.Expr:
    """The query with the column names that CREATE TABLE gives."""
    if not columns:
        return query
    alias = exp.TableAlias(
        this=exp.to_identifier("created"), columns=[exp.to_identifier(name, quoted=True) for name in columns]
    )
    return exp.select("*").from_(exp.Subquery(this=copied(query), alias=alias))
