"""Where things lie in an output's folder, and how parts are named. Only names: no I/O.

::

    <output>/part-00000-<commit>.parquet        parts, in Hive folders with partition_by
    <output>/_SUCCESS                            the newest generation is all in place
    <output>/_gristmill/commits/00000001.json    commit record of generation 1: the manifest
    <output>/_gristmill/commits/00000001-<commit>.done   its parts are all in place
    <output>/_gristmill/runs/<commit>.json       a run that may have staged something here
    <output>/_gristmill/runs/<commit>/epoch-000001   taken by its first coordinator
    <output>/_gristmill/staged/<commit>/         staged parts (stores with multipart uploads keep them unseen)
"""

from __future__ import annotations

import re

from gristmill.plan.source import Format
from gristmill.storage.compression import SUFFIX_OF
from gristmill.storage.filesystem import join

OWN = "_gristmill"
NOBODY = "none"
_SUFFIX = {
    Format.PARQUET: ".parquet",
    Format.PAIRS: ".parquet",
    Format.CSV: ".csv",
    Format.JSON: ".jsonl",
    Format.TEXT: ".txt",
    Format.ARROW: ".arrow",
}
_RECORD = re.compile(r"(\d{8})\.json")
_DONE = re.compile(r"(\d{8})-([0-9A-Za-z_-]+)\.done")
_EPOCH = re.compile(r"epoch-(\d{6})")
_PART = re.compile(r"part-\d{5,}-([0-9A-Za-z_-]+)\.[a-z0-9.]+")


def scratch_of(output_uri: str) -> str:
    """The default scratch of a job: below its output."""
    return join(output_uri, OWN)


def part_name(partition: int, commit: str, format_: Format, codec: str | None) -> str:
    """``part-00003-<commit>.csv.gz``."""
    return f"part-{partition:05}-{commit}{_SUFFIX[format_]}{SUFFIX_OF[codec] if codec else ''}"


def part_commit(name: str) -> str | None:
    """The commit that a part's name carries, or None for other names."""
    match = _PART.fullmatch(name)
    return match[1] if match else None


def commits(output_uri: str) -> str:
    """The folder of commit records."""
    return join(output_uri, OWN, "commits")


def record(output_uri: str, generation: int) -> str:
    """The commit record of a generation."""
    return join(commits(output_uri), f"{generation:08}.json")


def done(output_uri: str, generation: int, commit: str) -> str:
    """The mark that a generation's parts are all in place. Its name tells whose commit it was."""
    return join(commits(output_uri), f"{generation:08}-{commit or NOBODY}.done")


def record_generation(name: str) -> int | None:
    """The generation that a name in the folder of commit records is the record of."""
    match = _RECORD.fullmatch(name)
    return int(match[1]) if match else None


def done_generation(name: str) -> tuple[int, str] | None:
    """(generation, commit) of a mark's name."""
    match = _DONE.fullmatch(name)
    return (int(match[1]), match[2]) if match else None


def success(output_uri: str) -> str:
    """The mark for readers that know nothing of manifests."""
    return join(output_uri, "_SUCCESS")


def runs(output_uri: str) -> str:
    """The folder of registered runs."""
    return join(output_uri, OWN, "runs")


def run(output_uri: str, commit: str) -> str:
    """The registration of a run."""
    return join(runs(output_uri), f"{commit}.json")


def epochs(output_uri: str, commit: str) -> str:
    """The folder of the epochs that coordinators of a run took."""
    return join(runs(output_uri), commit)


def epoch(output_uri: str, commit: str, number: int) -> str:
    """One epoch's file."""
    return join(epochs(output_uri, commit), f"epoch-{number:06}")


def epoch_number(name: str) -> int | None:
    """The number of an epoch's file."""
    match = _EPOCH.fullmatch(name)
    return int(match[1]) if match else None


def staged_root(output_uri: str) -> str:
    """The folder above all staging folders."""
    return join(output_uri, OWN, "staged")


def staging(output_uri: str, commit: str) -> str:
    """The folder of a run's staged parts."""
    return join(staged_root(output_uri), commit)


def probe(output_uri: str, token: str) -> str:
    """A file to try conditional puts with."""
    return join(output_uri, OWN, f"probe-{token}")
