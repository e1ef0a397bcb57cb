"""What can be known of a query without its tables: whether it can be read, and which of its tables nobody has named.

The command line asks before it sends a query to a cluster, whose data it may have no way to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlglot import exp

from gristmill.errors import InvalidQuery
from gristmill_sql.diagnose import Span, invalid
from gristmill_sql.options import CompileOptions
from gristmill_sql.oracle import Oracle
from gristmill_sql.parse import Parsed, parse, span_of
from gristmill_sql.tables import table_name


def check_query(sql: str, tables: Collection[str], options: CompileOptions) -> bool:
    """Whether the query gives rows, and does not write them somewhere itself (COPY, INSERT, CREATE TABLE).

    Raises InvalidQuery for one that cannot be parsed, parameters that do not fit, and for names that are neither
    ``tables``, nor defined in the query, nor URIs of files that a cluster can reach.
    """
    parsed = parse(sql, options, Oracle())
    known = {name.casefold() for name in tables}
    for name, at in _foreign(parsed, known):
        raise _not_there(parsed, name, at, sorted(tables))
    if parsed.target is None:
        return True
    if "://" not in parsed.target.name and parsed.target.name.casefold() not in known:
        raise _not_there(parsed, parsed.target.name, None, sorted(tables))
    return False


def _foreign(parsed: Parsed, known: Collection[str]) -> Iterator[tuple[str, Span | None]]:
    """Names in FROM that a cluster cannot make anything of."""
    defined = {cte.alias.casefold() for cte in parsed.tree.find_all(exp.CTE)}
    for node in parsed.tree.find_all(exp.Table):
        name = table_name(node)
        if name and name.casefold() not in known and name.casefold() not in defined and "://" not in name:
            yield name, span_of(node)


def _not_there(parsed: Parsed, name: str, at: Span | None, tables: list[str]) -> InvalidQuery:
    if "/" in name or "." in name:
        return invalid(
            parsed.source,
            f"{name} lies on this machine",
            at=at,
            remedy="pods do not see it: put it into object storage, and name it by URI, as s3://bucket/orders/*.parquet",
        )
    known = f"known tables: {', '.join(tables)}" if tables else f"give it: --table {name}=s3://bucket/{name}/*.parquet"
    return invalid(parsed.source, f"there is no table {name}", at=at, remedy=known)
