"""Which build sides every probe task computes itself, from files, instead of reading what a job before has computed.

Asked by the planner of joins. A job costs a round of scheduling, and each of its tasks a few milliseconds, before it
does anything; where the tables are small, to read them again in every task costs less, and nobody waits.
"""

from __future__ import annotations

from gristmill.plan.source import FileSource, Format
from gristmill.storage.filesystem import canonical, volume_of
from gristmill_sql.algebra import Filter, Join, Project, Relation, Scan, Values, nodes_of
from gristmill_sql.decorrelate import expressions_of
from gristmill_sql.expressions import is_volatile
from gristmill_sql.flow import Flow, Reading
from gristmill_sql.options import CompileOptions

TINY_BYTES = 1 << 20
"""Tables of at most so many file bytes are read by every task, however many these are."""
READ_AGAIN_ROWS = 400_000
"""Larger ones where that makes no more rows than these to be read once more (about 10 ms of work)."""
_MOST_FILES = 4


def is_computed_by_tasks(build: Relation, flow: Flow, probe_tasks: int, options: CompileOptions) -> bool:
    """Whether the tasks that probe ``build``, whose rows come by ``flow``, had better compute it each for itself."""
    if len(flow.branches) > 1 or not options.broadcast_bytes:
        return False
    only = flow.branches[0]
    if not isinstance(only.origin, Reading):
        return False
    sources = [only.origin.source, *(side.source for side in only.sides)]
    if not all(isinstance(source, FileSource) and not _on_volume(source) for source in sources):
        return False
    nodes = list(nodes_of(build))
    if not all(isinstance(node, Scan | Values | Filter | Project | Join) for node in nodes):
        return False
    if any(is_volatile(expression) for node in nodes for expression in expressions_of(node)):
        return False
    return _are_small([node for node in nodes if isinstance(node, Scan)], probe_tasks, options)


def is_tiny(relation: Relation, flow: Flow, options: CompileOptions) -> bool:
    """Whether a relation's tables are so small that any tasks had better read them than wait for a job."""
    scans = [node for node in nodes_of(relation) if isinstance(node, Scan)]
    bytes_ = sum(scan.table.facts.bytes_ for scan in scans)
    return bytes_ <= min(TINY_BYTES, options.broadcast_bytes) and is_computed_by_tasks(relation, flow, 1, options)


def _are_small(scans: list[Scan], probe_tasks: int, options: CompileOptions) -> bool:
    facts = [scan.table.facts for scan in scans]
    if sum(each.bytes_ for each in facts) <= min(TINY_BYTES, options.broadcast_bytes):
        return True
    if any(scan.table.source.format is not Format.PARQUET for scan in scans):
        return False  # of others all columns would be read, and kept
    if any(each.rows is None or each.files > _MOST_FILES for each in facts):
        return False
    return sum(each.rows or 0 for each in facts) * max(1, probe_tasks - 1) <= READ_AGAIN_ROWS


def _on_volume(source: FileSource) -> bool:
    """Whether files lie on a volume, which perhaps not every worker has."""
    return any(volume_of(canonical(uri)) for uri in source.uris)
