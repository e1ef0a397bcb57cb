"""SQL text -> syntax tree: one SELECT-like statement in any of sqlglot's dialects, with parameters bound.

Called by the compiler first. Knows no tables and no types; what it returns is sqlglot's tree, which later steps
read and copy but never change.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.dialects import Dialect
from sqlglot.errors import ParseError, TokenError

from gristmill.errors import InvalidQuery
from gristmill.plan.source import FileSource
from gristmill_sql.catalog import Catalog
from gristmill_sql.diagnose import Span, invalid
from gristmill_sql.dialects import say_in_duckdb
from gristmill_sql.instant import fix_instant
from gristmill_sql.intervals import DIALECTS, with_whole_intervals
from gristmill_sql.json_arrows import restore_arrows
from gristmill_sql.operator_order import written_out
from gristmill_sql.options import CompileOptions
from gristmill_sql.oracle import Oracle
from gristmill_sql.parameters import bind_parameters
from gristmill_sql.path_functions import Reading, name_paths, path_sources
from gristmill_sql.pivot_order import parse_ordered_pivot
from gristmill_sql.pivot_values import fill_pivots
from gristmill_sql.statements import About, Statement, Target, read_statements, renamed, with_table_columns
from gristmill_sql.verbatim import Verbatim

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # its warnings are about what the errors here say precisely


@dataclass(frozen=True, slots=True)
class Parsed:
    """A query's tree, the text that its positions refer to, and the text that DuckDB reads.

    ``source`` is the user's own text in DuckDB's dialect (with parentheses where operators need them), else its
    translation; ``text`` is the same unless something had to be bound.
    ``target`` is where the statement around the query writes its rows. ``sources`` are the files that it reads by
    calls such as ``read_csv``, by the name that they have as tables of the tree; ``about`` is what is asked about the
    query instead of its rows.
    """

    tree: exp.Query
    source: str
    text: str
    target: Target | None = None
    sources: Mapping[str, FileSource] = field(default_factory=dict)
    about: About | None = None


def parse(sql: str, options: CompileOptions, oracle: Oracle, catalog: Catalog | None = None) -> Parsed:
    """The one query in ``sql``; without a catalog, rows to insert keep their own types.

    Raises InvalidQuery with the place of the fault.
    """
    _require_text(sql, "query")
    given = options.params.values() if isinstance(options.params, Mapping) else options.params
    for value in given:
        if isinstance(value, str):
            _require_text(value, f"parameter {value!a}")
    if options.dialect == "duckdb":
        sql = written_out(sql, oracle)
    trees = _statements(sql, options, oracle)
    statement = read_statements(sql, trees)
    tree = _only_query(sql, _for_target(statement, catalog))
    if options.dialect == "duckdb":
        restore_arrows(sql, tree)
    bound = bind_parameters(sql, tree, options.params)
    sources = path_sources(tree, Reading(sql, span_of, oracle))
    changes = [
        bound,
        bool(sources),
        name_paths(tree),
        fix_instant(tree, options.now),
        fill_pivots(sql, tree, options.ask, span_of),
    ]
    if options.dialect != "duckdb":
        say_in_duckdb(tree)
        text = written_out(tree.sql(dialect="duckdb", pretty=True), oracle)
        tree, source = in_duckdb(text, oracle), text
    else:
        changed = any(changes) or statement.target or statement.about or len(trees) > 1
        text, source = tree.sql(dialect="duckdb", pretty=True) if changed else sql, sql
    return Parsed(tree, source, text, statement.target, sources, statement.about)


def _require_text(text: str, place: str) -> None:
    """Raises InvalidQuery for what was no UTF-8 where it was read, and came as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError as fault:
        reason = f"its character {fault.start + 1} is not valid UTF-8"
        raise InvalidQuery(reason, place=place, remedy="Convert it to UTF-8.") from None


def in_duckdb(text: str, oracle: Oracle) -> exp.Query:
    """The tree of a text that is DuckDB's: of a translated one, so that what comes next meets DuckDB's forms alone."""
    (tree,) = _statements(text, CompileOptions(), oracle)
    query = _only_query(text, tree)
    restore_arrows(text, query)
    return query


def _for_target(statement: Statement, catalog: Catalog | None) -> exp.Expr:
    """The query with the names and types of what its rows are written to."""
    target = statement.target
    if target is None or (target.inserts and catalog is None):
        return statement.query
    if not target.inserts or catalog is None:
        return renamed(statement.query, target.columns)
    table = catalog.find(target.name)
    if table is None:
        raise InvalidQuery("there is no such table", place=target.place, remedy="CREATE TABLE ... AS makes one")
    return with_table_columns(statement.query, target, table)


def _statements(sql: str, options: CompileOptions, oracle: Oracle) -> list[exp.Expr]:
    try:
        dialect = Verbatim() if options.dialect == "duckdb" else Dialect.get_or_raise(options.dialect)
    except ValueError as fault:
        raise InvalidQuery(str(fault), place="dialect", remedy="see sqlglot's list of dialects") from None
    try:
        tokens = dialect.tokenize(sql)
        if options.dialect in DIALECTS:
            tokens = with_whole_intervals(tokens)
        return [statement for statement in dialect.parser().parse(tokens, sql) if statement is not None]
    except (ParseError, TokenError) as fault:
        if options.dialect == "duckdb":
            oracle.check_syntax(sql)  # DuckDB's own words, if it refuses the text too
            if (ordered := _ordered_pivot(sql)) is not None:
                return [ordered]
        raise _parse_error(sql, fault) from None


def _ordered_pivot(sql: str) -> exp.Expr | None:
    with contextlib.suppress(ParseError, TokenError):
        return parse_ordered_pivot(sql)
    return None


def _only_query(sql: str, tree: exp.Expr) -> exp.Query:
    if isinstance(tree, exp.Values):
        return exp.select("*").from_(tree)
    if isinstance(tree, exp.Pivot):
        return exp.select("*").from_(exp.Subquery(this=tree))
    if not isinstance(tree, exp.Query):
        name = str(tree.this).upper() if isinstance(tree, exp.Command) else tree.key.upper()
        reason = f"{name} is not supported: Gristmill runs queries"
        remedy = "write a SELECT, WITH, VALUES or FROM query, CREATE TABLE AS, INSERT INTO or COPY (query) TO"
        raise invalid(sql, reason, at=_first_word(sql), remedy=remedy)
    return tree


def span_of(node: exp.Expr) -> Span | None:
    """Where the identifiers of a node stand in the text that was parsed."""
    places = [identifier.meta for identifier in node.find_all(exp.Identifier) if "start" in identifier.meta]
    if not places:
        return None
    return Span(min(place["start"] for place in places), max(place["end"] for place in places) + 1)


def _first_word(sql: str) -> Span:
    start = len(sql) - len(sql.lstrip())
    return Span(start, start + len(sql[start:].split(maxsplit=1)[0]))


def _parse_error(sql: str, fault: ParseError | TokenError) -> InvalidQuery:
    detail = fault.errors[0] if isinstance(fault, ParseError) and fault.errors else None
    if detail is None or not detail.get("line"):
        end = len(sql.rstrip())
        return invalid(sql, "syntax error: a quote or comment is not closed", at=Span(end - 1, end))
    lines = sql.split("\n")
    highlight = str(detail.get("highlight") or " ")
    end = sum(len(line) + 1 for line in lines[: detail["line"] - 1]) + detail["col"]
    at = Span(end - len(highlight), end)
    description = str(detail["description"])
    missing = description.startswith("Required keyword")
    return invalid(sql, f"syntax error: {'something is missing here' if missing else description}".rstrip("."), at=at)
