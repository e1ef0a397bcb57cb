"""A job's source files, wherever they come from, put into its plan: from then on they travel with it.

From a ConfigMap (the operator passes the bytes on) or a URI, whose content is checked; code of an image is there
already.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from gristmill.errors import InputError, InvalidPlan
from gristmill.plan.fragment import Code, CodeFile
from gristmill.plan.job import JobPlan
from gristmill.storage.stores import Stores

LARGEST_BYTES = 16 << 20
_SKIPPED = ("__pycache__/", ".git/", "__MACOSX/")


def with_code(job: JobPlan, config_map: Mapping[str, bytes], stores: Stores) -> JobPlan:
    """The job with its source inline. Raises InvalidPlan, InputError or StorageError naming the field and file."""
    if job.code.config_map:
        return _with_files(job, _of_config_map(job.code, config_map))
    if job.code.uri:
        return _with_files(job, dict(_of_uri(job.code, stores)))
    return job


def _with_files(job: JobPlan, files: Mapping[str, bytes]) -> JobPlan:
    inline = tuple(CodeFile(path, _text(path, files[path])) for path in sorted(files))
    return replace(job, code=Code(inline=inline, requirements=job.code.requirements))


def _of_config_map(code: Code, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    if not files:
        raise InvalidPlan(
            f"the ConfigMap {code.config_map!r} holds no source files",
            place="spec.code.configMap",
            remedy="give it a key for each file",
        )
    return files


def _of_uri(code: Code, stores: Stores) -> Iterator[tuple[str, bytes]]:
    content = stores.filesystem(code.uri).read(code.uri)
    found = hashlib.sha256(content).hexdigest()
    if found != code.sha256.lower():
        raise InputError(
            f"what lies there has the SHA-256 {found}, not {code.sha256}",
            place=f"spec.code.uri {code.uri}",
            remedy="Put the right file there, or set spec.code.sha256 to the new sum.",
        )
    if len(content) > LARGEST_BYTES:
        reason = f"it is larger than {LARGEST_BYTES >> 20} MiB"
        raise InputError(reason, place=f"spec.code.uri {code.uri}", remedy="Build an image with it.")
    name = PurePosixPath(code.uri).name
    if name.endswith(".zip"):
        yield from _unzipped(content, code.uri)
    elif name.endswith((".tar.gz", ".tgz")):
        yield from _untarred(content, code.uri)
    else:
        yield name, content


def _unzipped(content: bytes, uri: str) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for info in archive.infolist():
                if not info.is_dir() and _wanted(info.filename):
                    yield info.filename, archive.read(info)
    except zipfile.BadZipFile as error:
        raise InputError(f"it is not a zip archive: {error}", place=f"spec.code.uri {uri}") from None


def _untarred(content: bytes, uri: str) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None and _wanted(member.name):
                    yield member.name.removeprefix("./"), file.read()
    except (tarfile.TarError, OSError) as error:
        raise InputError(f"it is not a tar.gz archive: {error}", place=f"spec.code.uri {uri}") from None


def _wanted(path: str) -> bool:
    """Source, and not what tools leave beside it."""
    return not any(part in path for part in _SKIPPED) and not path.endswith((".pyc", ".DS_Store"))


def _text(path: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text: only source travels with a job"
        raise InvalidPlan(reason, place=f"code file {path!r}", remedy="Put data into a side input.") from None
