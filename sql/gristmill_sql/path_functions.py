"""``read_parquet('…')`` and its like in FROM: the same as the path itself, which the catalog resolves."""

from __future__ import annotations

from sqlglot import exp

from gristmill_sql.copies import all_in

_FUNCTIONS = {"read_parquet", "parquet_scan", "read_csv", "read_csv_auto", "read_json", "read_json_auto"}


def replace_path_functions(tree: exp.Query) -> bool:
    """Replaces calls with a single path in the freshly parsed tree; whether there were any."""
    found = False
    for node in all_in(tree, exp.Table):
        path = _path(node.this)
        if path is not None:
            node.set("this", exp.to_identifier(path, quoted=True))
            found = True
    return found


def _path(call: exp.Expr) -> str | None:
    if not isinstance(call, exp.Func):
        return None
    name = str(call.this).lower() if isinstance(call, exp.Anonymous) else call.sql_name().lower()
    arguments = [call.this] if isinstance(call.this, exp.Literal) else call.expressions
    if name not in _FUNCTIONS or len(arguments) != 1:
        return None
    (argument,) = arguments
    return argument.name if isinstance(argument, exp.Literal) and argument.is_string else None
