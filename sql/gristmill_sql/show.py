"""The algebra as text: one operator a line, inputs below and further right. For EXPLAIN, gold files and debugging."""

from __future__ import annotations

from collections.abc import Iterable

from gristmill_sql.algebra import (
    Aggregate,
    Filter,
    Item,
    Join,
    Limit,
    Opaque,
    Project,
    Query,
    Relation,
    Sample,
    Scan,
    Shared,
    Sort,
    UnionAll,
    Unnest,
    Values,
    Window,
    inputs_of,
)
from gristmill_sql.copies import text_of


def show(query: Query) -> str:
    """The whole query: shared definitions first, then the result."""
    lines: list[str] = []
    for name, relation in query.shared:
        lines += [f"shared {name}:", *_tree(relation, 1)]
    return "\n".join([*lines, f"result: {_items(query.result)}", *_tree(query.root, 1)])


def _tree(relation: Relation, depth: int) -> list[str]:
    lines: list[str] = []
    pending = [(relation, depth)]
    while pending:
        node, level = pending.pop()
        lines.append("  " * level + _line(node))
        pending += [(child, level + 1) for child in reversed(inputs_of(node))]
    return lines


def _line(node: Relation) -> str:
    match node:
        case Scan():
            return f"Scan {node.table.name}: {', '.join(c.name for c in node.columns)}"
        case Values():
            return f"Values {node.sql}"
        case Shared():
            return f"Shared {node.name}: {', '.join(c.name for c in node.columns)}"
        case Filter():
            return "Filter " + " AND ".join(text_of(p) for p in node.predicates)
        case Project():
            return "Project " + _items(node.items)
        case Join():
            return f"Join {node.kind} on " + (" AND ".join(text_of(p) for p in node.on) or "true")
        case Aggregate():
            return f"Aggregate by [{_items(node.keys)}]: {_items(node.calls)}"
        case Window():
            return f"Window by [{', '.join(text_of(p) for p in node.partition)}]: {_items(node.items)}"
        case Unnest():
            return "Unnest " + _items(node.items)
        case Sort():
            return "Sort " + ", ".join(text_of(t.value) + (" DESC" if t.desc else "") for t in node.terms)
        case Limit():
            return f"Limit {node.count} offset {node.offset}"
        case Sample():
            return f"Sample {node.count if node.share is None else f'{float(node.share):%}'} seed {node.seed}"
        case UnionAll():
            return f"UnionAll: {', '.join(c.name for c in node.columns)}"
        case Opaque():
            return f"Opaque ({node.reason})"


def _items(items: Iterable[Item]) -> str:
    return ", ".join(i.column.name if i.passes else f"{text_of(i.value)} AS {i.column.name}" for i in items)
