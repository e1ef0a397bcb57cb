"""From a plan to its manifest. ``plan.manifest`` calls it; what ``manifest_load`` takes for granted is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import yaml

from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.fragment import (
    Calling,
    Code,
    CommandFragment,
    Fragment,
    PythonFragment,
    PythonFunction,
    SqlFragment,
)
from gristmill.plan.job import ChainPlan, JobInput, JobPlan, RetryPolicy
from gristmill.plan.manifest_fields import KIND
from gristmill.plan.manifest_forms import (
    Form,
    dump_cluster,
    dump_duration,
    dump_files,
    dump_metadata,
    dump_output,
    dump_schema,
    dump_store,
    given,
    unless,
)
from gristmill.plan.pairs import default_key
from gristmill.plan.problems import Problem
from gristmill.plan.shared_fields import API_VERSION
from gristmill.plan.source import FileSource, Source


def dump_chain(chain: ChainPlan) -> str:
    """The manifest of ``chain``: a YAML document for each job, in its order."""
    documents = job_forms(chain)
    text = yaml.dump_all(
        documents,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=120,
        explicit_start=len(documents) > 1,
    )
    return str(text)


def job_forms(chain: ChainPlan) -> list[Form]:
    """The MapReduceJob of each job of ``chain``, in its order, as it would be read from YAML or JSON."""
    jobs = {job.name: job for job in chain.jobs}
    return [_document(chain, job, jobs) for job in chain.jobs]


def inexpressible(chain: ChainPlan) -> list[Problem]:
    """What of ``chain`` no manifest can say: functions that are pickles."""
    problems = []
    for job in chain.jobs:
        for where, function in _functions(job):
            if function.pickled is not None:
                reason = f"the function {function.entry} is a pickle, which a manifest cannot hold"
                remedy = 'Put it into a file of the job\'s code, and name it "module:function".'
                problems.append(Problem(f"job {job.name}, {where}", reason, remedy))
    return problems


def _functions(job: JobPlan) -> Iterator[tuple[str, PythonFunction]]:
    fragments = [(f"map of input {input_.name}", input_.map) for input_ in job.inputs]
    for where, fragment in (*fragments, ("combine", job.combine), ("reduce", job.reduce)):
        if isinstance(fragment, PythonFragment):
            yield where, fragment.function
    if job.partitioner is not None:
        yield "partition", job.partitioner


def _document(chain: ChainPlan, job: JobPlan, jobs: Mapping[str, JobPlan]) -> Form:
    metadata = dump_metadata(job.name, job.cluster.namespace, job.labels, job.cluster.annotations)
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": _spec(chain, job, jobs)}


def _spec(chain: ChainPlan, job: JobPlan, jobs: Mapping[str, JobPlan]) -> Form:
    maps = {input_.map for input_ in job.inputs}
    shared = next(iter(maps)) if len(maps) == 1 else None
    named = {output.name: dump_output(output) for output in job.outputs}
    return given(
        stores=[dump_store(store) for store in chain.stores],
        code=_code(job.code),
        input=[_input(job, input_, shared, jobs) for input_ in job.inputs],
        sideInputs=[{"name": side.name, **_source(side.source)} for side in job.side_inputs],
        map=_fragment(shared),
        combine=_fragment(job.combine),
        reduce=_fragment(job.reduce),
        partitions=job.partitions,
        partition=_partition(job),
        hash=unless("gm1", job.hash.value),
        sort=[given(by=term.by, desc=term.desc, nulls="first" if term.nulls_first else "") for term in job.sort],
        output=named.get(""),
        outputs={name: output for name, output in named.items() if name},
        scratch=job.scratch,
        retries=_retries(job.retry),
        deadline=dump_duration(job.deadline_s),
        chain=given(result=chain.result == job.name, scratch=chain.scratch),
        note=job.note,
        singleReason=job.single_reason,
        **dump_cluster(job.cluster),
        managedBy=job.cluster.managed_by,
    )


def _partition(job: JobPlan) -> str | Form | None:
    if job.partition is ExchangeKind.CUSTOM and job.partitioner is not None:
        return {"python": job.partitioner.entry}
    return unless("hash", job.partition.value)


def _input(job: JobPlan, input_: JobInput, shared: Fragment | None, jobs: Mapping[str, JobPlan]) -> Form:
    own = given(
        map=_fragment(input_.map) if shared is None else None,
        exchange=input_.exchange.value if input_.exchange else None,
        note=input_.note,
    )
    form: Form = {"name": input_.name} | _source(input_.source) | own
    if input_.key != default_key(job, replace(input_, key=()), jobs):
        form["key"] = list(input_.key)
    return form


def _source(source: Source) -> Form:
    if not isinstance(source, FileSource):
        return {"fromJob": source.job}
    return dump_files(source)


def _fragment(fragment: Fragment | None) -> Form | None:
    match fragment:
        case None:
            return None
        case SqlFragment(sql):
            return {"sql": sql}
        case CommandFragment(argv, schema):
            return {"command": list(argv)} | dump_schema(schema)
        case PythonFragment(function, calling, schema):
            called = {} if calling is Calling.PAIRS else {calling.value: True}
            return {"python": function.entry} | called | dump_schema(schema)


def _code(code: Code) -> Form:
    return given(
        inline={file.path: file.text for file in code.inline},
        files=list(code.local),
        configMap=code.config_map,
        uri=code.uri,
        sha256=code.sha256,
        image=code.image,
        requirements=list(code.requirements),
    )


def _retries(retry: RetryPolicy) -> Form:
    default = RetryPolicy()
    return {
        name: value
        for name, value, usual in (
            ("errors", retry.errors, default.errors),
            ("oom", retry.oom, default.oom),
            ("timeouts", retry.timeouts, default.timeouts),
            ("taskTimeout", dump_duration(retry.task_timeout_s), None),
            ("skipRecords", retry.skip_records, default.skip_records),
        )
        if value != usual
    }


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as a block, and quotes what another reader of YAML might not take for text."""


_PLAIN = re.compile(r"[A-Za-z/][^\n]*")
_ONCE_BOOLEAN = {"y", "n"}


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if not text.replace("\n", "").isprintable():
        style = '"'
    elif "\n" in text:
        style = "|"
    elif not _PLAIN.fullmatch(text) or text.lower() in _ONCE_BOOLEAN:
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
_Dumper.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]
