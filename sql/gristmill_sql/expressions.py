"""Questions about bound expressions, and copies of them with parts replaced. Shared by binder, rules and planner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from sqlglot import exp

from gristmill_sql.copies import all_in, copied, replaced
from gristmill_sql.oracle import function_names

_OPEN = (exp.Connector, exp.Binary, exp.Unary, exp.Between, exp.In, exp.AtTimeZone)
"""What reads otherwise beside an operator that binds more."""
_WRAPPERS = (exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)


def conjuncts(predicate: exp.Expr | None) -> tuple[exp.Expr, ...]:
    """The terms of a conjunction, parentheses aside, in order."""
    found: list[exp.Expr] = []
    pending = [predicate] if predicate is not None else []
    while pending:
        term = pending.pop()
        if isinstance(term, exp.Paren):
            pending.append(term.this)
        elif isinstance(term, exp.And):
            pending += [term.expression, term.this]
        else:
            found.append(term)
    return tuple(found)


def disjuncts(predicate: exp.Expr) -> tuple[exp.Expr, ...]:
    """The terms of a disjunction, parentheses aside, in order."""
    found: list[exp.Expr] = []
    pending = [predicate]
    while pending:
        term = pending.pop()
        if isinstance(term, exp.Paren):
            pending.append(term.this)
        elif isinstance(term, exp.Or):
            pending += [term.expression, term.this]
        else:
            found.append(term)
    return tuple(found)


def all_of(terms: Iterable[exp.Expr]) -> exp.Expr:
    """The conjunction of terms; TRUE without any."""
    return _chain(exp.And, terms, exp.true())


def any_of(terms: Iterable[exp.Expr]) -> exp.Expr:
    """The disjunction of terms; FALSE without any."""
    return _chain(exp.Or, terms, exp.false())


def implied_for(predicate: exp.Expr, own: Set[str]) -> exp.Expr | None:
    """What an OR says of the columns ``own`` alone; None where a branch of it, or another predicate, says nothing."""
    branches = disjuncts(predicate)
    parts = [[t for t in conjuncts(branch) if (used := columns_in(t)) and used <= own] for branch in branches]
    return any_of(dict.fromkeys(all_of(part) for part in parts)) if len(branches) > 1 and all(parts) else None


def _chain(kind: type[exp.Connector], terms: Iterable[exp.Expr], empty: exp.Expr) -> exp.Expr:
    result: exp.Expr | None = None
    for term in terms:
        operand = exp.Paren(this=copied(term)) if isinstance(term, exp.Connector) else copied(term)
        result = operand if result is None else kind(this=result, expression=operand)
    return empty if result is None else result


def enclosed(term: exp.Expr) -> exp.Expr:
    """The term so that it may stand beside any operator: with parentheses where it is one itself."""
    fresh = copied(term)
    is_number = isinstance(fresh, exp.Neg) and isinstance(fresh.this, exp.Literal)
    is_open = isinstance(fresh, _OPEN) and not isinstance(fresh, exp.Paren) and not is_number
    return exp.Paren(this=fresh) if is_open else fresh


def unwrapped(term: exp.Expr) -> exp.Expr:
    """The term without parentheses around it."""
    while isinstance(term, exp.Paren):
        term = term.this
    return term


def columns_in(expression: exp.Expr) -> frozenset[str]:
    """The names of the columns that an expression reads. Planning asks this most of all: hence no generators."""
    if isinstance(expression, exp.Column):
        return frozenset((_name_of(expression),))
    found = set()
    pending: list[object] = [expression]
    while pending:
        node = pending.pop()
        if isinstance(node, exp.Column):
            found.add(_name_of(node))
        elif isinstance(node, exp.Expr):
            if not node.is_primitive:
                pending += node.args.values()
        elif isinstance(node, list):
            pending += node
    return frozenset(found)


def _name_of(column: exp.Column) -> str:
    name = column.args["this"]
    return name.args["this"] if type(name) is exp.Identifier else column.name


def columns_of_all(expressions: Iterable[exp.Expr]) -> frozenset[str]:
    """The names of the columns that any of the expressions reads."""
    return frozenset().union(*[columns_in(expression) for expression in expressions])


def substituted(expression: exp.Expr, values: Mapping[str, exp.Expr]) -> exp.Expr:
    """A copy with columns replaced by expressions, in parentheses where that is needed."""

    def value(node: exp.Expr) -> exp.Expr | None:
        if not isinstance(node, exp.Column) or node.name not in values:
            return None
        new = values[node.name]
        is_argument = isinstance(node.parent, exp.Func | exp.Paren | None) and not isinstance(node.parent, exp.Binary)
        return copied(new) if is_argument else enclosed(new)

    return replaced(expression, value)


def is_aggregate(node: exp.Expr) -> bool:
    """Whether a node is the call of an aggregate function, with its FILTER and the like."""
    node = bare_call(node)
    if isinstance(node, exp.AggFunc):
        return True
    return isinstance(node, exp.Anonymous) and str(node.this).lower() in function_names("aggregate")


def bare_call(node: exp.Expr) -> exp.Expr:
    """The function call inside FILTER, WITHIN GROUP and IGNORE NULLS."""
    while isinstance(node, _WRAPPERS):
        node = node.this
    return node


def holds(expression: exp.Expr, *kinds: type[exp.Expr]) -> bool:
    """Whether a node of one of the kinds is in the tree."""
    pending: list[object] = [expression]
    while pending:
        node = pending.pop()
        if isinstance(node, kinds):
            return True
        if isinstance(node, exp.Expr):
            if not node.is_primitive:
                pending += node.args.values()
        elif isinstance(node, list):
            pending += node
    return False


def has_aggregate(expression: exp.Expr) -> bool:
    """Whether an aggregate is called, other than as a window function and outside of subqueries."""
    pending = [expression]
    while pending:
        node = pending.pop()
        if isinstance(node, exp.Query):
            continue
        if isinstance(node, exp.Window):
            pending += windowless_parts(node)
        elif is_aggregate(node):
            return True
        else:
            pending += node.iter_expressions()
    return False


def windowless_parts(window: exp.Window) -> list[exp.Expr]:
    """All below a window function but the function itself: its arguments, partition and order."""
    function = bare_call(window.this)
    parts = list(function.iter_expressions())
    parts += [child for child in window.iter_expressions() if child is not window.this]
    if window.this is not function and isinstance(window.this, exp.Filter):
        parts.append(window.this.expression)
    return parts


def is_volatile(expression: exp.Expr) -> bool:
    """Whether two evaluations may differ, so that the expression must stay where it is."""
    return any(
        isinstance(node, exp.Rand | exp.Randn | exp.Uuid)
        or (isinstance(node, exp.Anonymous) and str(node.this).lower() in function_names("volatile"))
        for node in all_in(expression, exp.Func)
    )
