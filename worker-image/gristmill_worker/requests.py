"""From what the operator asks for to what a lead can run: the resource, its code and its stores become a chain.

Blocking (it lists files for SQL, may download code), so the lead calls it in a thread. All that is wrong with a request
is told here, before anything runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gristmill.errors import InvalidPlan
from gristmill.plan.job import ChainPlan, Output, OutputMode, Store
from gristmill.plan.query import QueryPlan
from gristmill.plan.resource_fields import QUERY_KIND
from gristmill.plan.resources import load_job, load_query, load_stores
from gristmill.plan.source import FileSource, Format
from gristmill.storage.filesystem import Filesystem, canonical, join, volume_of
from gristmill.storage.layout import scratch_of
from gristmill.storage.manifest import read_manifest
from gristmill.storage.splits import PlannedInput
from gristmill.storage.stores import Stores
from gristmill.wire.protocol import UPSTREAM_ANNOTATION
from gristmill_worker.code import with_code


@dataclass(frozen=True, slots=True)
class Request:
    """What the operator asked for."""

    uid: str
    kind: str
    resource: Mapping[str, Any]
    code: Mapping[str, bytes]

    @property
    def name(self) -> str:
        """The resource's name."""
        return str(self.resource.get("metadata", {}).get("name", self.uid))

    @property
    def run(self) -> str:
        """The run's id in storage: the same for every lead that takes the run."""
        return run_id(self.uid)

    @property
    def volumes(self) -> frozenset[str]:
        """The volumes (``pvc://CLAIM``) that it reads."""
        spec = self.resource.get("spec", {})
        read = [spec.get(part) for part in ("input", "sideInputs", "tables")]
        return frozenset(_volumes([*read, *_upstream(self.resource).values()]))


def _volumes(form: object) -> Iterator[str]:
    match form:
        case str() if form.startswith("pvc://"):
            yield volume_of(canonical(form))
        case dict():
            yield from _volumes([*form.values()])
        case list():
            for each in form:
                yield from _volumes(each)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that can be planned. ``scratch`` is where the run keeps journal and logs; empty: nowhere.

    ``stores`` reaches its files; ``known`` are inputs that were listed already, to compile a query.
    """

    chain: ChainPlan
    scratch: str
    stores: Stores
    known: Mapping[FileSource, PlannedInput] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a pool adds to each request: its stores, where its own come before those of jobs, and its scratch.

    ``volumes`` are those that other pods of the pool have mounted, with what reaches them. ``reached`` keeps the
    clients of stores, so that later runs find their connections open.
    """

    stores: tuple[Store, ...]
    scratch: str
    volumes: Mapping[str, Filesystem] = field(default_factory=dict)
    reached: dict[tuple[Store, ...], Stores] = field(default_factory=dict)

    def reach(self, own: Mapping[str, Any]) -> Stores:
        """The stores of a request with this ``spec``. Raises InvalidPlan."""
        wanted = self.stores or load_stores(own.get("stores", ()))
        return self.reached.setdefault(wanted, Stores(wanted, volumes=self.volumes))


def run_id(uid: str) -> str:
    """The id of a resource's run: part of the names of its parts, so only letters and digits."""
    return "".join(filter(str.isalnum, uid))[:16]


def request_from(uid: str, kind: str, resource: str, code: Mapping[str, bytes]) -> Request:
    """A RunRequest's fields as a value. Raises InvalidPlan for a resource that is no JSON object."""
    try:
        form = json.loads(resource)
    except ValueError as error:
        raise InvalidPlan(f"the resource is not JSON: {error}", place=f"run {uid}") from None
    if not isinstance(form, dict):
        raise InvalidPlan("the resource is not an object", place=f"run {uid}")
    return Request(uid, kind, form, dict(code))


def accept(request: Request, around: Surroundings) -> Accepted:
    """The chain that the request means. Raises InvalidPlan, InvalidQuery, InputError or StorageError."""
    stores = around.reach(request.resource.get("spec", {}))
    known: dict[FileSource, PlannedInput] = {}
    chain = _query_chain(request, stores, known) if request.kind == QUERY_KIND else _job_chain(request, stores)
    scratch = _scratch(chain, around)
    return Accepted(_with_result(replace(chain, stores=stores.stores), scratch, request.run), scratch, stores, known)


def _job_chain(request: Request, stores: Stores) -> ChainPlan:
    upstream = {name: _output_of(name, uri, stores) for name, uri in _upstream(request.resource).items()}
    chain = load_job(request.resource, upstream)
    return replace(chain, jobs=tuple(with_code(job, request.code, stores) for job in chain.jobs))


def _upstream(resource: Mapping[str, Any]) -> dict[str, str]:
    annotations = resource.get("metadata", {}).get("annotations") or {}
    told = [(name, uri) for name, uri in annotations.items() if name.startswith(UPSTREAM_ANNOTATION)]
    return {name.removeprefix(UPSTREAM_ANNOTATION): uri for name, uri in told}


def _output_of(job: str, uri: str, stores: Stores) -> FileSource:
    """The rows that another job wrote."""
    manifest = read_manifest(canonical(uri), stores)
    if manifest is None:
        raise InvalidPlan(f"job {job!r} has committed nothing to {uri}", place="spec.input", remedy="run it again")
    pairs = manifest.format == Format.PARQUET and [column.name for column in manifest.schema] == ["key", "value"]
    return FileSource((uri,), Format.PAIRS if pairs else Format(manifest.format))


def _query_chain(request: Request, stores: Stores, known: dict[FileSource, PlannedInput]) -> ChainPlan:
    # A lead whose runs are jobs need not know SQL, and is up sooner.
    from gristmill_sql import Catalog, CompileOptions, compile_query
    from gristmill_sql.catalog import StorageFacts

    query = load_query(request.resource)
    facts = StorageFacts(stores)
    options = CompileOptions(
        dialect=query.dialect,
        params=query.bound,
        partitions=query.partitions,
        outputs=(query.output,) if query.output else (),
    )
    chain = compile_query(query.sql, Catalog(query.sources, facts), options).chain
    known.update(facts.planned)
    return replace(_of_query(chain, query), scratch=query.scratch)


def _of_query(chain: ChainPlan, query: QueryPlan) -> ChainPlan:
    """The chain with the query's deadline, which is that of its result."""
    wanted = chain.result_job.name
    jobs = tuple(replace(job, deadline_s=query.deadline_s) if job.name == wanted else job for job in chain.jobs)
    return replace(chain, jobs=jobs)


def _scratch(chain: ChainPlan, around: Surroundings) -> str:
    job = chain.result_job
    own = chain.scratch or job.scratch or around.scratch
    found = own or (scratch_of(job.outputs[0].uri) if job.outputs else "")
    return canonical(found) if found else ""


def _with_result(chain: ChainPlan, scratch: str, run: str) -> ChainPlan:
    """The chain with an output for its result: in scratch, where it names none."""
    wanted = chain.result_job
    if wanted.outputs:
        return chain
    if not scratch:
        raise InvalidPlan(
            "it has no output, and there is no scratch where its result could go",
            place="spec.output",
            remedy="set spec.output.uri or spec.scratch, or scratch of the pool or chart",
        )
    output = Output(join(scratch, "results", run), format=Format.ARROW, mode=OutputMode.OVERWRITE)
    jobs = tuple(replace(job, outputs=(output,)) if job.name == wanted.name else job for job in chain.jobs)
    return replace(chain, jobs=jobs)
