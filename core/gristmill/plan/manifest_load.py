"""From checked manifest documents to the plan they mean. ``plan.manifest`` calls it; it trusts their form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gristmill.plan.exchange import ExchangeKind, HashName
from gristmill.plan.fragment import (
    Calling,
    Code,
    CodeFile,
    CommandFragment,
    Fragment,
    PythonFragment,
    PythonFunction,
    SqlFragment,
)
from gristmill.plan.job import ChainPlan, JobInput, JobPlan, Output, RetryPolicy, SideInput
from gristmill.plan.manifest_parts import NOTHING, cluster_options, file_source, output, schema, store
from gristmill.plan.manifest_yaml import Block, Document
from gristmill.plan.pairs import default_key
from gristmill.plan.problems import Problem
from gristmill.plan.schema import SortKey
from gristmill.plan.source import FileSource, JobSource, Source
from gristmill.plan.validate import chain_findings, job_references


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A document and the job it means."""

    document: Document
    job: JobPlan


def load_chain(
    documents: list[Document], upstream: Mapping[str, FileSource] | None = None
) -> tuple[ChainPlan, list[Problem]]:
    """The chain that the documents mean, its jobs in an order in which each comes after those it reads.

    ``upstream`` says where the rows lie of jobs that are read and stand elsewhere. The problems are what its jobs say
    about each other, and what ``plan.validate`` finds.
    """
    jobs_read = upstream or {}
    loaded = _in_order([_Loaded(document, _from_files(_job(document.root), jobs_read)) for document in documents])
    jobs = {one.job.name: one.job for one in loaded}
    loaded = [replace(one, job=_with_default_keys(one.job, one.document, jobs)) for one in loaded]
    specs = [one.document.root["spec"] for one in loaded]
    stores = dict.fromkeys(store(block) for spec in specs for block in spec.get("stores", ()))
    problems: list[Problem] = []
    chain = ChainPlan(
        tuple(one.job for one in loaded),
        _result(loaded, problems),
        tuple(stores),
        _chain_scratch(loaded, problems),
    )
    for found in chain_findings(chain):
        place = loaded[0].document.file if found.job is None else _place(loaded[found.job], found.finding.path)
        problems.append(Problem(place, found.finding.reason, found.finding.remedy))
    return chain, problems


def _in_order(loaded: list[_Loaded]) -> list[_Loaded]:
    """Each after those it reads, else as written; jobs in a circle stay as written at the end."""
    ordered: list[_Loaded] = []
    waiting = list(loaded)
    while waiting:
        names = {one.job.name for one in waiting}
        ready = (one for one in waiting if not any(name in names for _, name in job_references(one.job)))
        one = next(ready, None)
        if one is None:
            return ordered + waiting
        ordered.append(one)
        waiting.remove(one)
    return ordered


def _from_files(job: JobPlan, upstream: Mapping[str, FileSource]) -> JobPlan:
    """``job`` with what it reads of jobs in ``upstream`` read from their files."""

    def of(source: Source) -> Source:
        return upstream.get(source.job, source) if isinstance(source, JobSource) else source

    return replace(
        job,
        inputs=tuple(replace(input_, source=of(input_.source)) for input_ in job.inputs),
        side_inputs=tuple(replace(side, source=of(side.source)) for side in job.side_inputs),
    )


def _with_default_keys(job: JobPlan, document: Document, jobs: Mapping[str, JobPlan]) -> JobPlan:
    written: list[Block] = document.root["spec"].get("input", [])
    inputs = [
        input_ if "key" in block else replace(input_, key=default_key(job, input_, jobs))
        for input_, block in zip(job.inputs, written, strict=True)
    ]
    return replace(job, inputs=tuple(inputs))


def _result(loaded: list[_Loaded], problems: list[Problem]) -> str:
    marked = [one for one in loaded if one.document.root["spec"].get("chain", NOTHING).get("result")]
    for other in marked[1:]:
        reason = f"job {marked[0].job.name!r} is the result already"
        problems.append(Problem(_place(other, "spec.chain.result"), reason, "Keep it in one job of the file."))
    return marked[0].job.name if marked else ""


def _chain_scratch(loaded: list[_Loaded], problems: list[Problem]) -> str:
    said: dict[str, _Loaded] = {}
    for one in loaded:
        said.setdefault(one.document.root["spec"].get("chain", NOTHING).get("scratch", ""), one)
    first, *others = said
    if others:
        reason = f"the jobs of one file differ: {', '.join(map(repr, said))}"
        remedy = "Write the same in each; a job's own scratch is spec.scratch."
        problems.append(Problem(_place(said[others[0]], "spec.chain.scratch"), reason, remedy))
    return first


def _place(one: _Loaded, path: str) -> str:
    """The place of a field, or of ``spec.map`` where an input has no map of its own."""
    head, found, rest = path.partition("].map")
    if found and path.startswith("spec.input[") and f"{head}].map" not in one.document.marks:
        path = "spec.map" + rest
    return one.document.place(path)


def _job(root: Block) -> JobPlan:
    spec: Block = root["spec"]
    metadata: Block = root["metadata"]
    partition = spec.get("partition", "hash")
    custom = isinstance(partition, Block)
    shared_map = _fragment(spec.get("map"))
    retries = spec.get("retries", NOTHING)
    return JobPlan(
        name=metadata["name"],
        inputs=tuple(_input(block, shared_map) for block in spec.get("input", ())),
        reduce=_fragment(spec.get("reduce")),
        combine=_fragment(spec.get("combine")),
        partition=ExchangeKind.CUSTOM if custom else ExchangeKind(partition),
        partitioner=PythonFunction(partition["python"]) if custom else None,
        hash=HashName(spec.get("hash", "gm1")),
        partitions=spec.get("partitions"),
        sort=tuple(
            SortKey(block["by"], block.get("desc", False), block.get("nulls", "last") == "first")
            for block in spec.get("sort", ())
        ),
        side_inputs=tuple(SideInput(block["name"], _source(block)) for block in spec.get("sideInputs", ())),
        outputs=_outputs(spec),
        code=_code(spec.get("code", NOTHING)),
        retry=RetryPolicy(**{_RETRY_FIELDS[name]: value for name, value in retries.values.items()}),
        scratch=spec.get("scratch", ""),
        deadline_s=spec.get("deadline"),
        note=spec.get("note", ""),
        single_reason=spec.get("singleReason", ""),
        labels=tuple(metadata.get("labels", {}).items()),
        cluster=cluster_options(metadata, spec),
    )


_RETRY_FIELDS = {
    "errors": "errors",
    "oom": "oom",
    "timeouts": "timeouts",
    "taskTimeout": "task_timeout_s",
    "skipRecords": "skip_records",
}


def _input(block: Block, shared_map: Fragment | None) -> JobInput:
    exchange = block.get("exchange")
    return JobInput(
        name=block.get("name", "input"),
        source=_source(block),
        map=_fragment(block["map"]) if "map" in block else shared_map,
        key=tuple(block.get("key", ())),
        exchange=ExchangeKind(exchange) if exchange else None,
        note=block.get("note", ""),
    )


def _source(block: Block) -> Source:
    return JobSource(block["fromJob"]) if "fromJob" in block else file_source(block)


def _fragment(block: Block | None) -> Fragment | None:
    if block is None:
        return None
    if "sql" in block:
        return SqlFragment(block["sql"])
    if "command" in block:
        return CommandFragment(tuple(block["command"]), schema(block))
    calling = Calling.ROWS if block.get("rows") else Calling.BATCHES if block.get("batches") else Calling.PAIRS
    return PythonFragment(PythonFunction(block["python"]), calling, schema(block))


def _outputs(spec: Block) -> tuple[Output, ...]:
    if "output" in spec:
        return (output(spec["output"]),)
    named: dict[str, Block] = spec.get("outputs", {})
    return tuple(output(block, name) for name, block in named.items())


def _code(block: Block) -> Code:
    return Code(
        inline=tuple(CodeFile(path, text) for path, text in block.get("inline", {}).items()),
        local=tuple(block.get("files", ())),
        config_map=block.get("configMap", ""),
        uri=block.get("uri", ""),
        sha256=block.get("sha256", ""),
        image=block.get("image", ""),
        requirements=tuple(block.get("requirements", ())),
    )
