"""From a chain or query to the resources that a cluster takes, checked before anything is sent.

``submit``, ``sql --cluster`` and ``gm.run`` call it. It speaks to nobody.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import yaml

from gristmill.api.cluster.kinds import Body, Kind
from gristmill.api.packing import with_source
from gristmill.errors import InvalidPlan
from gristmill.plan.fragment import Code, CodeFile
from gristmill.plan.job import ChainPlan, JobPlan, Output
from gristmill.plan.manifest import dump_manifest
from gristmill.plan.problems import Problem, raise_problems
from gristmill.plan.query import QueryPlan
from gristmill.plan.resources import dump_query, load_pool, load_query
from gristmill.plan.source import FileSource, JobSource
from gristmill.plan.validate_resource import query_findings
from gristmill.units import bytes_text

INLINE_CODE_BYTES = 128 << 10
"""More code than this goes into a ConfigMap."""
MOST_CODE_BYTES = 900 << 10
"""What a ConfigMap can hold, with room for the rest of the object."""
_LOADERS: dict[str, Callable[[Body], object]] = {Kind.QUERY.title: load_query, Kind.POOL.title: load_pool}
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_LONGEST_NAME = 63
_MACHINE = ("file", "memory")
_UPLOAD = (
    "Pods do not see this machine's files: put them into object storage, and write s3://..., gs://... or abfs://..."
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A resource to make, and the ConfigMap that its code needs to be in."""

    body: Body
    code: Body | None = None


def job_bodies(chain: ChainPlan, suffix: str = "") -> list[Prepared]:
    """The jobs of ``chain`` in its order, named with ``suffix``, functions as source.

    Raises InvalidPlan that tells all that a cluster could not run: paths of this machine, functions of no file, too
    much code.
    """
    packed = with_source(chain)
    raise_problems(list(_problems(packed)), "chain")
    if suffix:
        packed = _renamed(packed, suffix)
    maps = {job.name: _code_map(job) for job in packed.jobs}
    jobs = tuple(
        replace(job, code=Code(config_map=_name_of(maps[job.name]), requirements=job.code.requirements))
        if maps[job.name]
        else job
        for job in packed.jobs
    )
    bodies = yaml.safe_load_all(dump_manifest(replace(packed, jobs=jobs)))
    return [Prepared(body, maps[body["metadata"]["name"]]) for body in bodies]


def query_body(query: QueryPlan) -> Body:
    """The SQLQuery of ``query``. Raises InvalidPlan for what a resource may not be, and for tables and outputs on this
    machine."""
    for finding in query_findings(query):
        raise InvalidPlan(finding.reason, place=finding.path.removeprefix("spec."), remedy=finding.remedy)
    problems = [_machine(f"table {table.name}", uri) for table in query.tables for uri in table.source.uris]
    if query.output is not None:
        problems.append(_machine("output", query.output.uri))
    raise_problems([problem for problem in problems if problem], "query")
    return dict(dump_query(query))


def resource_bodies(text: str, place: str) -> list[Prepared]:
    """The SQLQuery and WorkerPool documents of a manifest, checked; none where it holds jobs, or is not YAML.

    Raises InvalidPlan for what is wrong with one, and for jobs among them.
    """
    try:
        documents = [form for form in yaml.safe_load_all(text) if isinstance(form, dict)]
    except yaml.YAMLError:
        return []
    kinds = {str(form.get("kind")) for form in documents}
    if not kinds & _LOADERS.keys():
        return []
    for form in documents:
        kind = str(form.get("kind"))
        if kind not in _LOADERS:
            raise InvalidPlan(
                f"{kind} stands among {', '.join(sorted(kinds & _LOADERS.keys()))}",
                place=place,
                remedy="Put jobs into a file of their own, or use kubectl apply.",
            )
        try:
            _LOADERS[kind](form)
        except InvalidPlan as error:
            raise InvalidPlan(error.reason, place=f"{place}: {error.place}", remedy=error.remedy) from None
    return [Prepared(form) for form in documents]


def is_of_machine(uri: str) -> bool:
    """Whether a URI means something that only this machine, or this process, has."""
    scheme, mark, _ = uri.partition("://")
    return not mark or scheme.lower() in _MACHINE


def fresh_suffix() -> str:
    """Five letters and digits that make a name one of its own, none that read alike."""
    return "-" + "".join(secrets.choice(_LETTERS) for _ in range(5))


def fresh_name(name: str, suffix: str) -> str:
    """``name`` with the suffix, cut so that it stays a name."""
    return name[: _LONGEST_NAME - len(suffix)].rstrip("-") + suffix


def _renamed(chain: ChainPlan, suffix: str) -> ChainPlan:
    names = {job.name: fresh_name(job.name, suffix) for job in chain.jobs}
    jobs = tuple(_with_names(job, names) for job in chain.jobs)
    return replace(chain, jobs=jobs, result=names.get(chain.result, chain.result))


def _with_names(job: JobPlan, names: Mapping[str, str]) -> JobPlan:
    def source(given: FileSource | JobSource) -> FileSource | JobSource:
        return JobSource(names[given.job]) if isinstance(given, JobSource) else given

    return replace(
        job,
        name=names[job.name],
        inputs=tuple(replace(each, source=source(each.source)) for each in job.inputs),
        side_inputs=tuple(replace(each, source=source(each.source)) for each in job.side_inputs),
    )


def _problems(chain: ChainPlan) -> Iterator[Problem]:
    for job in chain.jobs:
        places: list[tuple[str, str]] = [("scratch", job.scratch)] if job.scratch else []
        places += [(f"{what} {name}", uri) for what, name, uri in _files_of(job)]
        places += [(_output_field(output), output.uri) for output in job.outputs]
        found = (_machine(f"job {job.name}, {field}", uri) for field, uri in places)
        yield from (problem for problem in found if problem)
        if job.code.local:
            yield Problem(f"job {job.name}, code.files", "are files of this machine", "Put them inline.")
    if chain.scratch and (problem := _machine("chain, scratch", chain.scratch)):
        yield problem


def _files_of(job: JobPlan) -> Iterator[tuple[str, str, str]]:
    """Every URI that the job reads, with the field and the name of the input."""
    for what, inputs in (("input", job.inputs), ("side input", job.side_inputs)):
        for each in inputs:
            uris = each.source.uris if isinstance(each.source, FileSource) else ()
            yield from ((what, each.name, uri) for uri in uris)


def _output_field(output: Output) -> str:
    return f"output {output.name}" if output.name else "output"


def _machine(place: str, uri: str) -> Problem | None:
    return Problem(place, f"{uri} lies on this machine", _UPLOAD) if is_of_machine(uri) else None


def _code_map(job: JobPlan) -> Body | None:
    """The ConfigMap for a job's code, where that is too large for the job itself."""
    bytes_ = sum(len(file.text.encode()) for file in job.code.inline)
    if bytes_ <= INLINE_CODE_BYTES:
        return None
    remedy = "Pack it into an archive in object storage and name it in code.uri, or into an image."
    if bytes_ > MOST_CODE_BYTES:
        raise InvalidPlan(f"{bytes_text(bytes_)} of source are too much", place=f"job {job.name}, code", remedy=remedy)
    folders = next((file.path for file in job.code.inline if "/" in file.path), "")
    if folders:
        reason = f"{bytes_text(bytes_)} of source in folders ({folders}) are too much"
        raise InvalidPlan(reason, place=f"job {job.name}, code", remedy=remedy)
    metadata = {"name": fresh_name(f"{job.name}-code", fresh_suffix())}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": _data(job.code.inline)}


def _data(files: tuple[CodeFile, ...]) -> dict[str, str]:
    return {file.path: file.text for file in files}


def _name_of(code: Body | None) -> str:
    return str(code["metadata"]["name"]) if code else ""
