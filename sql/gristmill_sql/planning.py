"""temporary"""
from __future__ import annotations

from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.fragment import SqlFragment
from gristmill.plan.job import ChainPlan, JobInput, JobPlan
from gristmill_sql.algebra import Opaque, Query, Scan
from gristmill_sql.options import CompileOptions
from gristmill_sql.oracle import quote, text_of


def plan_chain(query: Query, options: CompileOptions) -> tuple[ChainPlan, bool]:
    root = query.root
    assert isinstance(root, Opaque)
    inputs = []
    for name, scan in zip(root.names, root.inputs, strict=True):
        assert isinstance(scan, Scan)
        items = ", ".join(f"{quote(s)} AS {quote(c.name)}" for s, c in zip(scan.sources, scan.columns, strict=True))
        inputs.append(JobInput(name, scan.table.source, SqlFragment(f"SELECT {items} FROM input")))
    items = ", ".join(f"{text_of(i.value)} AS {quote(i.column.name)}" for i in query.result)
    job = JobPlan(f"{options.name}-1", tuple(inputs), SqlFragment(f"SELECT {items} FROM ({root.sql})"),
                  partition=ExchangeKind.SINGLE, partitions=1, outputs=options.outputs, single_reason=root.reason)
    return ChainPlan((job,)), root.ordered
