"""The rules that one job must keep, each a small function from the job to what it breaks; how its rows are shared out
is in ``validate_exchange``.

``plan.validate`` runs them for every job of a chain. Paths are those of the manifest, whatever the job came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gristmill.plan.cluster import ClusterOptions
from gristmill.plan.finding import Finding, Rule, repeated
from gristmill.plan.fragment import CommandFragment, Fragment, PythonFragment, PythonFunction, SqlFragment
from gristmill.plan.job import JobPlan, Output
from gristmill.plan.problems import did_you_mean
from gristmill.plan.schema import Schema
from gristmill.plan.source import FileSource, Format, Source
from gristmill.plan.validate_exchange import EXCHANGE_RULES

_JOB_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_ENTRY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")

_OF_FILES = ("none", "gzip", "bz2", "zstd", "xz", "lz4", "brotli")
_OF_PARQUET = ("none", "zstd", "snappy", "lz4", "gzip", "brotli")
CODECS = {
    Format.TEXT: _OF_FILES,
    Format.CSV: _OF_FILES,
    Format.JSON: _OF_FILES,
    Format.PARQUET: _OF_PARQUET,
    Format.PAIRS: _OF_PARQUET,
    Format.ARROW: ("none", "lz4", "zstd"),
}
"""The codecs that an output of each format may name."""


def job_findings(job: JobPlan) -> list[Finding]:
    """All that is wrong with one job by itself, in the order of the rules."""
    return [finding for rule in RULES for finding in rule(job)]


def _name(job: JobPlan) -> Iterator[Finding]:
    yield from name_findings(job.name, "job")


def name_findings(name: str, noun: str) -> Iterator[Finding]:
    """What is wrong with the name of a job, query or pool, whichever ``noun`` says."""
    if not _JOB_NAME.fullmatch(name):
        near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-")
        reason = f"{name!r} is not a name for a {noun}: lower-case letters, digits and dashes, at most 63"
        yield Finding("metadata.name", reason, f"For instance {near}." if near else "")


def _input_names(job: JobPlan) -> Iterator[Finding]:
    if not job.inputs and not isinstance(job.reduce, SqlFragment):  # a SELECT may give constant rows
        remedy = "Set input: [{uri: …, format: …}]; only a reduce in SQL may do without."
        yield Finding("spec.input", "a job needs at least one input", remedy)
    named = [(f"spec.input[{at}].name", input_.name) for at, input_ in enumerate(job.inputs)]
    named += [(f"spec.sideInputs[{at}].name", side.name) for at, side in enumerate(job.side_inputs)]
    seen: dict[str, str] = {}
    for path, name in named:
        if not IDENTIFIER.fullmatch(name):
            remedy = "It becomes a table's name: letters, digits and underscores, at most 63."
            yield Finding(path, f"{name!r} is not a name for an input", remedy)
        elif name.lower() in seen:
            yield Finding(path, f"{name!r} is taken by {seen[name.lower()]}", "Give each input its own name.")
        elif name.lower() == "input" and path.startswith("spec.sideInputs"):
            yield Finding(path, "'input' is the name of the map's own rows", "Give the side input another name.")
        seen.setdefault(name.lower(), path)


def _sources(job: JobPlan) -> Iterator[Finding]:
    for at, input_ in enumerate(job.inputs):
        yield from source_findings(input_.source, f"spec.input[{at}]")
    for at, side in enumerate(job.side_inputs):
        yield from source_findings(side.source, f"spec.sideInputs[{at}]")


def source_findings(source: Source, path: str) -> Iterator[Finding]:
    """What is wrong with where rows come from; ``path`` is the input's or table's."""
    if not isinstance(source, FileSource):
        return
    if not source.uris:
        yield Finding(f"{path}.uris", "an input from files needs at least one URI")
    for at, uri in enumerate(source.uris):
        if not uri.strip():
            yield Finding(f"{path}.uri" if len(source.uris) == 1 else f"{path}.uris[{at}]", "the URI is empty")
    if source.whole and source.format is not Format.TEXT:
        yield Finding(f"{path}.whole", f"is for text, and the format is {source.format}")
    if source.schema is not None and source.format is Format.TEXT:
        yield Finding(f"{path}.schema", "text has no columns to declare", "Declare them where the map gives them.")
    yield from _schema(source.schema, f"{path}.schema")
    if source.split_bytes is not None and source.split_bytes < 1:
        yield Finding(f"{path}.splitSize", "must be at least one byte")
    yield from _csv(source, path)


def _csv(source: FileSource, path: str) -> Iterator[Finding]:
    if source.format is not Format.CSV:
        plain = FileSource(source.uris, source.format)
        given = [name for name in _CSV_FIELDS if getattr(source, name) != getattr(plain, name)]
        if given:
            reason = f"is for CSV, and the format is {source.format}"
            yield Finding(f"{path}.csv", reason, f"Set format: csv, or leave out {', '.join(given)}.")
        return
    if len(source.delimiter) != 1 or source.delimiter in "\r\n":
        yield Finding(f"{path}.csv.delimiter", f"must be one character, found {source.delimiter!r}")
    if len(source.quote) > 1 or source.quote in ("\r", "\n"):
        yield Finding(f"{path}.csv.quote", f"must be one character or empty, found {source.quote!r}")
    elif source.quote == source.delimiter:
        yield Finding(f"{path}.csv.quote", "is the delimiter too")


_CSV_FIELDS = ("header", "delimiter", "quote", "null", "newlines")


def _schema(schema: Schema | None, path: str) -> Iterator[Finding]:
    if schema is None:
        return
    if not schema:
        yield Finding(path, "declares no column", "Leave it out, or name the columns.")
    for name in repeated(column.name.lower() for column in schema):
        yield Finding(path, f"column {name!r} is declared twice", "Names of columns differ by more than case.")
    for at, column in enumerate(schema):
        if not column.name or not column.type.strip():
            yield Finding(f"{path}[{at}]", "a column needs a name and a type")


def _fragments(job: JobPlan) -> Iterator[Finding]:
    for at, input_ in enumerate(job.inputs):
        yield from _fragment(input_.map, f"spec.input[{at}].map")
    yield from _fragment(job.combine, "spec.combine")
    yield from _fragment(job.reduce, "spec.reduce")
    if job.combine is not None and job.reduce is None:
        yield Finding("spec.combine", "there is no reduce that it could be part of", "Add reduce, or remove combine.")
    if job.partitioner is not None:
        yield from _function(job.partitioner, "spec.partition.python")


def _fragment(fragment: Fragment | None, path: str) -> Iterator[Finding]:
    match fragment:
        case PythonFragment(function, _, schema):
            yield from _function(function, f"{path}.python")
            yield from _schema(schema, f"{path}.schema")
        case SqlFragment(sql):
            if not sql.strip():
                yield Finding(f"{path}.sql", "the SQL text is empty")
        case CommandFragment(argv, schema):
            if not argv or not argv[0]:
                yield Finding(f"{path}.command", "names no program")
            yield from _schema(schema, f"{path}.schema")


def _function(function: PythonFunction, path: str) -> Iterator[Finding]:
    names_a_file = ".py:" in function.entry
    if function.pickled is None and (names_a_file or not _ENTRY.fullmatch(function.entry)):
        module, _, name = function.entry.replace(".py:", ":").rpartition(":")
        near = f"{module or 'module'}:{name or 'function'}".replace("/", ".")
        remedy = f'Write "{near}".' if _ENTRY.fullmatch(near) else 'Write "module:function".'
        yield Finding(path, f"{function.entry!r} does not name a function", remedy)


def _outputs(job: JobPlan) -> Iterator[Finding]:
    if len(job.outputs) > 1 and any(not output.name for output in job.outputs):
        yield Finding("spec.outputs", "of several outputs each needs a name")
    for name in repeated(output.name for output in job.outputs if output.name):
        yield Finding(f"spec.outputs[{name}]", "there are two outputs of this name")
    placed: dict[str, str] = {}
    for output in job.outputs:
        path = f"spec.outputs[{output.name}]" if output.name else "spec.output"
        if output.name and not IDENTIFIER.fullmatch(output.name):
            yield Finding(path, f"{output.name!r} is not a name for an output", "Letters, digits and underscores.")
        if not output.uri.strip():
            yield Finding(f"{path}.uri", "the URI is empty")
            continue
        folder = output.uri.rstrip("/") + "/"
        for other, owner in placed.items():
            if folder.startswith(other) or other.startswith(folder):
                yield Finding(f"{path}.uri", f"lies in the same folder as {owner}", "Give each output its own.")
        placed[folder] = path
        yield from output_findings(output, path)


def output_findings(output: Output, path: str) -> Iterator[Finding]:
    """What is wrong with one output's format."""
    if output.compression and output.compression not in CODECS[output.format]:
        reason = f"{output.format} has no compression {output.compression!r}"
        yield Finding(f"{path}.compression", reason, did_you_mean(output.compression, CODECS[output.format]))
    if output.partition_by and output.format is Format.TEXT:
        yield Finding(f"{path}.partitionBy", "text has no columns to make folders of")
    for name in repeated(output.partition_by):
        yield Finding(f"{path}.partitionBy", f"names {name!r} twice")


def _budgets(job: JobPlan) -> Iterator[Finding]:
    retry = job.retry
    counted = {
        "errors": retry.errors,
        "oom": retry.oom,
        "timeouts": retry.timeouts,
        "skipRecords": retry.skip_records,
    }
    for name, budget in counted.items():
        if budget < 0:
            yield Finding(f"spec.retries.{name}", f"must be at least 0, found {budget}")
    if retry.task_timeout_s is not None and not 0 < retry.task_timeout_s < float("inf"):
        yield Finding("spec.retries.taskTimeout", f"must be more than nothing, found {retry.task_timeout_s} s")
    yield from lifetime_findings(job.deadline_s, job.cluster)


def lifetime_findings(deadline_s: float | None, cluster: ClusterOptions) -> Iterator[Finding]:
    """What is wrong with the limits of a job's or query's life and pool."""
    if deadline_s is not None and not 0 < deadline_s < float("inf"):
        yield Finding("spec.deadline", f"must be more than nothing, found {deadline_s} s")
    for name, number in (("ttlSecondsAfterFinished", cluster.ttl_s), ("workers", cluster.workers)):
        if number is not None and number < 0:
            yield Finding(f"spec.{name}", f"must be at least 0, found {number}")


def _code(job: JobPlan) -> Iterator[Finding]:
    code = job.code
    ways = {"inline": code.inline, "files": code.local, "configMap": code.config_map, "uri": code.uri}
    given = [name for name, way in (ways | {"image": code.image}).items() if way]
    if len(given) > 1:
        yield Finding("spec.code", f"{' and '.join(given)} cannot stand together", "Keep one of them.")
    if bool(code.uri) != bool(code.sha256):
        yield Finding("spec.code", "uri and sha256 go together", "sha256sum FILE prints the digits.")
    elif code.sha256 and not _SHA256.fullmatch(code.sha256):
        yield Finding("spec.code.sha256", f"must be 64 hex digits in lower case, found {code.sha256!r}")
    for name in repeated(file.path for file in code.inline):
        yield Finding(f"spec.code.inline[{name}]", "there are two files of this path")
    for file in code.inline:
        if not _is_relative(file.path):
            yield Finding(f"spec.code.inline[{file.path}]", "must be a relative path with forward slashes, without ..")
    for at, path in enumerate(code.local):
        if not _is_relative(path):
            remedy = "Source files lie beside the manifest or below it."
            yield Finding(f"spec.code.files[{at}]", f"{path!r} is not a relative path without ..", remedy)


def _labels(job: JobPlan) -> Iterator[Finding]:
    for name in repeated(name for name, _ in job.labels):
        yield Finding(f"metadata.labels[{name}]", "is given twice")


def _is_relative(path: str) -> bool:
    return bool(path) and "\\" not in path and all(step not in ("", ".", "..") for step in path.split("/"))


RULES: tuple[Rule, ...] = (
    _name,
    _input_names,
    _sources,
    _fragments,
    *EXCHANGE_RULES,
    _outputs,
    _budgets,
    _code,
    _labels,
)
