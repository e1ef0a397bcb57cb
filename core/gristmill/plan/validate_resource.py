"""The rules that a query or pool must keep, as ``validate_job`` has those of a job. ``plan.resources`` runs them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from gristmill.plan.finding import Finding
from gristmill.plan.job import Store
from gristmill.plan.pool import PoolPlan
from gristmill.plan.query import QueryPlan
from gristmill.plan.validate_job import (
    IDENTIFIER,
    lifetime_findings,
    name_findings,
    output_findings,
    source_findings,
)


def query_findings(query: QueryPlan) -> list[Finding]:
    """All that is wrong with a query, but for its SQL."""
    return [*name_findings(query.name, "query"), *_query_text(query), *_tables(query), *_ends(query)]


def pool_findings(pool: PoolPlan) -> list[Finding]:
    """All that is wrong with a pool."""
    return [*name_findings(pool.name, "pool"), *_sizes(pool), *_stores(pool.stores)]


def _query_text(query: QueryPlan) -> Iterator[Finding]:
    if not query.sql.strip():
        yield Finding("spec.sql", "the SQL text is empty")
    if query.partitions is not None and query.partitions < 1:
        yield Finding("spec.partitions", f"must be at least 1, found {query.partitions}")


def _tables(query: QueryPlan) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for table in query.tables:
        path = f"spec.tables[{table.name}]"
        if not IDENTIFIER.fullmatch(table.name):
            remedy = "Letters, digits and underscores, at most 63."
            yield Finding(path, f"{table.name!r} is not a name for a table", remedy)
        elif table.name.lower() in seen:
            reason = f"{seen[table.name.lower()]!r} is the same name but for its case"
            yield Finding(path, reason, "Give each table its own name.")
        seen.setdefault(table.name.lower(), table.name)
        yield from source_findings(table.source, path)


def _ends(query: QueryPlan) -> Iterator[Finding]:
    if query.output is not None:
        if not query.output.uri.strip():
            yield Finding("spec.output.uri", "the URI is empty")
        yield from output_findings(query.output, "spec.output")
    yield from _stores(query.stores)
    yield from lifetime_findings(query.deadline_s, query.cluster)


def _stores(stores: tuple[Store, ...]) -> Iterator[Finding]:
    for prefix, count in Counter(store.prefix for store in stores).items():
        if not prefix:
            yield Finding("spec.stores", "a prefix is empty", 'For instance prefix: "s3://".')
        elif count > 1:
            yield Finding("spec.stores", f"there are two stores for {prefix!r}", "Keep one of them.")


def _sizes(pool: PoolPlan) -> Iterator[Finding]:
    if pool.min_pods < 0:
        yield Finding("spec.min", f"must be at least 0, found {pool.min_pods}")
    if pool.max_pods < max(pool.min_pods, 1):
        least = max(pool.min_pods, 1)
        yield Finding("spec.max", f"must be at least {least}, found {pool.max_pods}", "max counts the pods of min too.")
    if not 0 < pool.idle_s < float("inf"):
        yield Finding("spec.idle", f"must be more than nothing, found {pool.idle_s} s")
