"""Manifests: MapReduceJob documents in YAML, as ``kubectl apply`` and ``gristmill run`` take them, to plans and back.

The command line and the operator load them, ``submit`` writes them. ``manifest_fields`` is the table of all fields,
docs/manifest.md explains them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gristmill.plan.fragment import CodeFile
from gristmill.plan.job import ChainPlan, JobPlan
from gristmill.plan.manifest_dump import dump_chain, inexpressible
from gristmill.plan.manifest_load import load_chain
from gristmill.plan.manifest_yaml import read_documents
from gristmill.plan.problems import Problem, raise_problems


def load_manifest(text: str, path: str = "manifest", base_dir: Path | None = None) -> ChainPlan:
    """The chain that a manifest means: one job for each document, joined by ``fromJob``.

    ``path`` is the manifest's name in messages. With ``base_dir``, ``code.files`` are read from that folder and put
    inline; without it they stay names. Raises InvalidPlan that tells all that is wrong, each with line and column.
    """
    documents, problems = read_documents(text, path)
    if not documents:
        problems.append(
            Problem(path, "holds no MapReduceJob", "A manifest starts with apiVersion, kind, metadata, spec.")
        )
    raise_problems(problems, path)
    chain, problems = load_chain(documents)
    raise_problems(problems, path)
    return chain if base_dir is None else inline_files(chain, base_dir)


def dump_manifest(chain: ChainPlan) -> str:
    """The manifest of ``chain``; ``load_manifest`` turns it back into an equal one.

    Raises InvalidPlan, naming each, where functions are pickles and so have no name that a file could hold.
    """
    raise_problems(inexpressible(chain), "chain")
    return dump_chain(chain)


def inline_files(chain: ChainPlan, base_dir: Path) -> ChainPlan:
    """``chain`` with the files that ``code.files`` names read from ``base_dir`` and put inline.

    Raises InvalidPlan for files that are not there or are not text.
    """
    problems: list[Problem] = []
    jobs = tuple(_inlined(job, base_dir, problems) for job in chain.jobs)
    raise_problems(problems, "code.files")
    return replace(chain, jobs=jobs)


def _inlined(job: JobPlan, base_dir: Path, problems: list[Problem]) -> JobPlan:
    files = []
    for name in job.code.local:
        try:
            files.append(CodeFile(name, (base_dir / name).read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
            remedy = f"Paths in code.files start at {base_dir}."
            problems.append(Problem(f"job {job.name}, code.files {name}", str(reason), remedy))
    return replace(job, code=replace(job.code, local=(), inline=(*job.code.inline, *files))) if files else job
