"""Resources as an API server gives them, to plans: MapReduceJob, SQLQuery and WorkerPool; and queries back.

The lead, the operator and the command line call it. Places in its errors are paths of fields (``spec.tables[o].uri``):
whoever prints them knows which resource it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gristmill.errors import InvalidPlan
from gristmill.plan.fields import Record
from gristmill.plan.finding import Finding
from gristmill.plan.formats import format_of_table, path_source
from gristmill.plan.job import ChainPlan, Store
from gristmill.plan.manifest_fields import MANIFEST
from gristmill.plan.manifest_forms import (
    Form,
    dump_cluster,
    dump_duration,
    dump_files,
    dump_metadata,
    dump_output,
    dump_store,
    given,
    unless,
)
from gristmill.plan.manifest_load import load_chain
from gristmill.plan.manifest_parts import NOTHING, cluster_options, file_source, output, pairs, pod_options, store
from gristmill.plan.manifest_yaml import Block, Document, read_resource
from gristmill.plan.parameters import parameter_text, parse_parameters
from gristmill.plan.pool import PoolPlan
from gristmill.plan.problems import Problem, raise_problems
from gristmill.plan.query import Parameter, QueryPlan, QueryTable
from gristmill.plan.resource_fields import POOL, POOL_KIND, QUERY, QUERY_KIND
from gristmill.plan.shared_fields import API_VERSION
from gristmill.plan.source import FileSource, Format
from gristmill.plan.validate_resource import pool_findings, query_findings

Resource = Mapping[str, Any]
"""A resource as JSON has it; its status is read over."""


def load_job(resource: Resource, upstream: Mapping[str, FileSource] | None = None) -> ChainPlan:
    """The chain of one job that a MapReduceJob means.

    ``upstream`` says where the rows lie of jobs that it reads (``fromJob``): each becomes an input from those files.
    Raises InvalidPlan that tells all that is wrong.
    """
    document = _checked(resource, MANIFEST)
    chain, problems = load_chain([document], upstream or {})
    raise_problems(problems, "spec")
    return chain


def load_query(resource: Resource) -> QueryPlan:
    """The query that a SQLQuery means. Raises InvalidPlan that tells all that is wrong, but for the SQL itself."""
    document = _checked(resource, QUERY)
    metadata: Block = document.root["metadata"]
    spec: Block = document.root["spec"]
    problems: list[Problem] = []
    query = QueryPlan(
        name=metadata["name"],
        sql=spec["sql"],
        dialect=spec.get("dialect", "duckdb"),
        params=_params(spec, problems),
        tables=_tables(spec, problems),
        stores=tuple(store(block) for block in spec.get("stores", ())),
        output=output(spec["output"]) if "output" in spec else None,
        scratch=spec.get("scratch", ""),
        partitions=spec.get("partitions"),
        force_distributed=spec.get("forceDistributed", False),
        deadline_s=spec.get("deadline"),
        labels=pairs(metadata, "labels"),
        cluster=cluster_options(metadata, spec),
    )
    _raise(problems, query_findings(query))
    return query


def load_pool(resource: Resource) -> PoolPlan:
    """The pool that a WorkerPool means. Raises InvalidPlan that tells all that is wrong."""
    document = _checked(resource, POOL)
    metadata: Block = document.root["metadata"]
    spec: Block = document.root["spec"]
    default = PoolPlan("")
    pool = PoolPlan(
        name=metadata["name"],
        min_pods=spec.get("min", default.min_pods),
        max_pods=spec.get("max", default.max_pods),
        idle_s=spec.get("idle", default.idle_s),
        image=spec.get("image", ""),
        stores=tuple(store(block) for block in spec.get("stores", ())),
        scratch=spec.get("scratch", ""),
        claims=tuple(spec.get("claims", ())),
        pod=pod_options(spec),
        namespace=metadata.get("namespace", ""),
        labels=pairs(metadata, "labels"),
        annotations=pairs(metadata, "annotations"),
    )
    _raise([], pool_findings(pool))
    return pool


def load_stores(forms: Sequence[Mapping[str, Any]]) -> tuple[Store, ...]:
    """Stores as a list of ``spec.stores`` means them. Raises InvalidPlan that tells all that is wrong."""
    pool = {"apiVersion": API_VERSION, "kind": POOL_KIND, "metadata": {"name": "stores"}, "spec": {"stores": [*forms]}}
    return load_pool(pool).stores


def dump_query(query: QueryPlan) -> Form:
    """The SQLQuery of ``query``, which ``load_query`` turns back; what loading takes for granted is left out."""
    cluster = query.cluster
    spec = given(
        sql=query.sql,
        dialect=unless("duckdb", query.dialect),
        params=[parameter_text(parameter) for parameter in query.params],
        tables={table.name: dump_files(table.source) for table in query.tables},
        stores=[dump_store(one) for one in query.stores],
        output=dump_output(query.output) if query.output else None,
        scratch=query.scratch,
        partitions=query.partitions,
        forceDistributed=query.force_distributed,
        deadline=dump_duration(query.deadline_s),
        **dump_cluster(cluster),
    )
    metadata = dump_metadata(query.name, cluster.namespace, query.labels, cluster.annotations)
    return {"apiVersion": API_VERSION, "kind": QUERY_KIND, "metadata": metadata, "spec": spec}


def _checked(resource: Resource, record: Record) -> Document:
    document, problems = read_resource(resource, record)
    raise_problems(problems, "spec")
    return document


def _raise(problems: list[Problem], findings: Sequence[Finding]) -> None:
    found = [Problem(finding.path, finding.reason, finding.remedy) for finding in findings]
    raise_problems([*problems, *found], "spec")


def _params(spec: Block, problems: list[Problem]) -> tuple[Parameter, ...]:
    try:
        return parse_parameters(spec.get("params", ()), "spec.params")
    except InvalidPlan as error:
        problems.append(Problem(error.place, error.reason, error.remedy))
        return ()


def _tables(spec: Block, problems: list[Problem]) -> tuple[QueryTable, ...]:
    tables: dict[str, Block] = spec.get("tables", {})
    return tuple(QueryTable(name, table_source(name, block, problems)) for name, block in tables.items())


def table_source(name: str, block: Block, problems: list[Problem]) -> FileSource:
    """The files of a table; those of which nothing tells the format are added to ``problems``."""
    if "format" in block:
        return file_source(block)
    uri = block["uri"] if "uri" in block else next(iter(block["uris"]), "")
    format_ = format_of_table(uri)
    if format_ is None:
        reason = f"{uri!r} does not say its format"
        problems.append(Problem(f"spec.tables[{name}]", reason, "Set format: parquet, csv, json or arrow."))
        return FileSource((uri,), Format.PARQUET)
    source = file_source(Block(block.path, {"format": format_, **block.values}))
    told = "delimiter" in block.get("csv", NOTHING)
    return source if told else replace(source, delimiter=path_source(uri, format_).delimiter)
