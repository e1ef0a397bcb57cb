"""Whether a chain of jobs can run at all, whoever made it: the manifest, the Python API, the SQL front end.

Called before anything else sees a plan. What needs files, stores or a parser of SQL is found later, by those who
have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gristmill.errors import InvalidPlan
from gristmill.plan.codec import from_json, to_json
from gristmill.plan.finding import Finding
from gristmill.plan.job import ChainPlan, JobPlan
from gristmill.plan.problems import Problem, did_you_mean, raise_problems
from gristmill.plan.source import JobSource
from gristmill.plan.validate_job import job_findings


@dataclass(frozen=True, slots=True)
class ChainFinding:
    """A broken rule and the job that breaks it, by its position in the chain; None: the chain as a whole."""

    job: int | None
    finding: Finding


def validate(chain: ChainPlan) -> None:
    """Raises InvalidPlan that tells everything wrong with ``chain``, each with place, reason and remedy."""
    _check_types(chain)
    problems = []
    for found in chain_findings(chain):
        field = found.finding.path.removeprefix("spec.").removeprefix("metadata.")
        place = "chain" if found.job is None else f"job {chain.jobs[found.job].name}"
        problems.append(Problem(f"{place}, {field}", found.finding.reason, found.finding.remedy))
    raise_problems(problems, "chain")


def _check_types(chain: ChainPlan) -> None:
    """Raises InvalidPlan for values of the wrong type, which Python lets anybody put into a plan."""
    try:
        from_json(to_json(chain), ChainPlan)
    except InvalidPlan as error:
        if found := re.fullmatch(r"ChainPlan\.jobs\[(\d+)\]\.(.*)", error.place):
            error.place = f"job {chain.jobs[int(found[1])].name}, {found[2]}"
        raise


def chain_findings(chain: ChainPlan) -> list[ChainFinding]:
    """All broken rules: of the chain first, then job by job."""
    found = [ChainFinding(None, finding) for finding in _chain_rules(chain)]
    found += _references(chain)
    found += [ChainFinding(at, finding) for at, job in enumerate(chain.jobs) for finding in job_findings(job)]
    return found


def _chain_rules(chain: ChainPlan) -> Iterator[Finding]:
    names = [job.name for job in chain.jobs]
    if not chain.jobs:
        yield Finding("jobs", "a chain needs at least one job")
    elif chain.result and chain.result not in names:
        yield Finding("result", f"there is no job {chain.result!r}", did_you_mean(chain.result, names))
    prefixes: dict[str, int] = {}
    for at, store in enumerate(chain.stores):
        if not store.prefix:
            yield Finding(f"stores[{at}].prefix", "is empty", 'For instance prefix: "s3://".')
        elif store.prefix in prefixes:
            reason = f"two stores for {store.prefix!r} that differ"
            yield Finding(f"stores[{at}].prefix", reason, "Keep one, or give one of them a longer prefix.")
        prefixes[store.prefix] = at


def _references(chain: ChainPlan) -> Iterator[ChainFinding]:
    """Jobs that share a name, read what is not there or stands after them, or run for nobody."""
    position: dict[str, int] = {}
    for at, job in enumerate(chain.jobs):
        if job.name in position:
            reason = f"there are two jobs {job.name!r}"
            yield ChainFinding(at, Finding("metadata.name", reason, "Give each job its own name."))
        position.setdefault(job.name, at)
    in_cycles: set[str] = set()
    for at, cycle in _cycles(chain, position):
        in_cycles.update(cycle)
        path = next(path for path, name in job_references(chain.jobs[at]) if name == cycle[1])
        yield ChainFinding(at, Finding(path, f"jobs read each other in a circle: {' -> '.join(cycle)}"))
    read: set[str] = set()
    for at, job in enumerate(chain.jobs):
        for path, name in job_references(job):
            read.add(name)
            if name not in position:
                reason, remedy = f"there is no job {name!r}", did_you_mean(name, position)
                yield ChainFinding(at, Finding(path, reason, remedy))
            elif position[name] >= at and not {name, job.name} <= in_cycles:
                reason, remedy = f"reads job {name!r}, which stands after it", f"Put {name} before {job.name}."
                yield ChainFinding(at, Finding(path, reason, remedy))
    yield from _unread(chain, read)


def _unread(chain: ChainPlan, read: set[str]) -> Iterator[ChainFinding]:
    result = chain.result or (chain.jobs[-1].name if chain.jobs else "")
    if all(job.name != result for job in chain.jobs):
        return
    for at, job in enumerate(chain.jobs):
        if not job.outputs and job.name not in read and job.name != result:
            reason = "its rows go nowhere: it has no output, no job reads it, and it is not the result"
            yield ChainFinding(at, Finding("spec.output", reason, 'Set output: {uri: "…"}, or remove the job.'))


def _cycles(chain: ChainPlan, position: dict[str, int]) -> Iterator[tuple[int, list[str]]]:
    """Each circle once: the position of its first job, and the names round it, the first again at the end."""
    done: set[str] = set()
    for job in chain.jobs:
        if job.name in done:
            continue
        trail = [job.name]
        stack = [_reads(job)]
        while stack:
            name = next(stack[-1], None)
            if name is None:
                stack.pop()
                done.add(trail.pop())
            elif name in trail:
                yield position[trail[trail.index(name)]], [*trail[trail.index(name) :], name]
            elif name not in done and name in position:
                trail.append(name)
                stack.append(_reads(chain.jobs[position[name]]))


def _reads(job: JobPlan) -> Iterator[str]:
    return (name for _, name in job_references(job))


def job_references(job: JobPlan) -> list[tuple[str, str]]:
    """The jobs that ``job`` reads, each with the path of the field that says so."""
    inputs = [(f"spec.input[{at}].fromJob", input_.source) for at, input_ in enumerate(job.inputs)]
    sides = [(f"spec.sideInputs[{at}].fromJob", side.source) for at, side in enumerate(job.side_inputs)]
    return [(path, source.job) for path, source in inputs + sides if isinstance(source, JobSource)]
