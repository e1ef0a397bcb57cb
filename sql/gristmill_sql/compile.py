"""The front door: SQL text -> chain of jobs, step by step. Called by the API and the command line.

Each step is a module and each step's result prints, so that EXPLAIN can show the way of a query.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from gristmill.errors import InvalidQuery
from gristmill.garbage import uncollected
from gristmill.plan.job import ChainPlan
from gristmill.plan.schema import Schema
from gristmill_sql.about import read_query
from gristmill_sql.algebra import Query
from gristmill_sql.bind import bind
from gristmill_sql.catalog import Catalog
from gristmill_sql.estimate import Estimator
from gristmill_sql.optimize import optimize
from gristmill_sql.options import CompileOptions
from gristmill_sql.oracle import Oracle
from gristmill_sql.parse import Parsed
from gristmill_sql.physical import Planner
from gristmill_sql.rules import Knowledge
from gristmill_sql.statements import outputs_of

Result = TypeVar("Result")

_FRAMES = 30_000
_STACK_BYTES = 512 << 20
"""Address space for the deepest of queries; only what is used becomes memory."""


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """A query ready to run.

    ``schema`` is the result's, with the names and types that DuckDB gives; ``ordered``: the rows of the result's
    parts, taken in order, are in the query's ORDER BY order. ``parsed``, ``bound`` and ``optimized`` are the steps
    before, for EXPLAIN.
    """

    chain: ChainPlan
    schema: Schema
    ordered: bool
    parsed: Parsed
    bound: Query
    optimized: Query


def compile_query(sql: str, catalog: Catalog, options: CompileOptions | None = None) -> CompiledQuery:
    """The chain of jobs that computes ``sql``. Raises InvalidQuery with the place, the reason and a remedy."""
    options = options or CompileOptions()
    with uncollected():
        return given_room(lambda: _compiled(sql, catalog, options))


def _compiled(sql: str, catalog: Catalog, options: CompileOptions) -> CompiledQuery:
    oracle = Oracle()
    parsed, catalog = read_query(sql, options, oracle, catalog)
    options = replace(options, outputs=outputs_of(parsed.target, catalog, options.outputs))
    bound, names = bind(parsed, catalog, oracle)
    estimator = Estimator()
    optimized = optimize(bound, Knowledge(oracle, names, estimator, options))
    chain, ordered = Planner(names, estimator, options).chain(optimized)
    schema = tuple(item.column for item in bound.result)
    return CompiledQuery(chain, schema, ordered, parsed, bound, optimized)


def given_room(work: Callable[[], Result]) -> Result:
    """The work done here, or again where a deeply nested query has room. Raises InvalidQuery beyond that."""
    try:
        return work()
    except RecursionError:
        return _with_deep_stack(work)


def _with_deep_stack(work: Callable[[], Result]) -> Result:
    before = threading.stack_size(_STACK_BYTES), sys.getrecursionlimit()
    sys.setrecursionlimit(_FRAMES)
    try:
        with ThreadPoolExecutor(max_workers=1) as one:
            return one.submit(work).result()
    except RecursionError:
        raise InvalidQuery(
            "the query is nested too deeply", place="query", remedy="name inner parts with WITH, or use IN for long ORs"
        ) from None
    finally:
        threading.stack_size(before[0])
        sys.setrecursionlimit(before[1])
