"""What other dialects say in forms that DuckDB has no words for, said as DuckDB does.

Called by ``parse`` before a tree is written in DuckDB's dialect: sqlglot writes these as they stand, or with another
meaning. Changes the freshly parsed tree in place.
"""

from __future__ import annotations

from sqlglot import exp

from gristmill.errors import InvalidQuery
from gristmill_sql.copies import copied


def say_in_duckdb(tree: exp.Expr) -> None:
    """Rewrites hints, APPLY, LATERAL VIEW OUTER, WITH ROLLUP, Hive's GROUPING SETS, and LIMIT inside of ARRAY_AGG.

    Raises InvalidQuery for what would mean something else.
    """
    for select in list(tree.find_all(exp.Select)):
        select.set("hint", None)
        for join in select.args.get("joins") or ():
            _apply(join)
        for lateral in select.args.get("laterals") or ():
            _keep_rows_without_elements(lateral)
        if (group := select.args.get("group")) is not None:
            _grouping_sets(group)
    for call in list(tree.find_all(exp.ArrayAgg)):
        if isinstance(call.this, exp.Limit):
            _first_elements(call, call.this)


def _apply(join: exp.Join) -> None:
    """CROSS APPLY and OUTER APPLY as joins with LATERAL."""
    lateral = join.this
    if not isinstance(lateral, exp.Lateral) or lateral.args.get("cross_apply") is None:
        return
    is_cross = lateral.args["cross_apply"]
    lateral.set("cross_apply", None)
    join.set("side", None if is_cross else "LEFT")
    join.set("on", exp.true())


def _keep_rows_without_elements(lateral: exp.Lateral) -> None:
    """LATERAL VIEW OUTER: a list without elements is one of NULL."""
    if not lateral.args.get("outer"):
        return
    call = lateral.this
    if type(call) is not exp.Explode:
        raise InvalidQuery(
            f"LATERAL VIEW OUTER {call.sql_name().lower()} is not supported",
            place="query",
            remedy="use explode, or LEFT JOIN LATERAL",
        )
    some = exp.GT(this=exp.ArraySize(this=copied(call.this)), expression=exp.Literal.number(0))
    nothing = exp.Array(expressions=[exp.Null()])
    call.set("this", exp.Case(ifs=[exp.If(this=some, true=copied(call.this))], default=nothing))


def _grouping_sets(group: exp.Group) -> None:
    """``GROUP BY a, b WITH ROLLUP`` and ``GROUP BY a, b GROUPING SETS (…)``: the list is no grouping of its own."""
    keys = group.expressions
    for name in ("rollup", "cube"):
        for node in group.args.get(name) or ():
            if keys and not node.expressions:
                node.set("expressions", [copied(key) for key in keys])
                group.set("expressions", None)
    if keys and group.args.get("grouping_sets"):
        group.set("expressions", None)


def _first_elements(call: exp.ArrayAgg, limit: exp.Limit) -> None:
    call.set("this", limit.this)
    slice_ = exp.Slice(this=exp.Literal.number(1), expression=limit.expression)
    call.replace(exp.Bracket(this=copied(call), expressions=[slice_], offset=1, safe=True))
