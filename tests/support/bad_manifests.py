"""The corpus of bad manifests in tests/crds/bad: good ones, each spoiled in one way, and what must be said about it.

A case names a good manifest of tests/crds/good and the fields to ``set`` in it (null removes one) by their paths. What
the API server refuses ``says`` some words in its message; a case with a ``condition`` is taken, and only a run sees
what is wrong: its resource then gets a condition of that reason, and ``says`` are words of its message. They read what
``objects`` holds, in a bucket that their manifests call BUCKET.
"""

from __future__ import annotations

import copy
import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

FOLDER = Path(__file__).resolve().parents[1] / "crds"
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]|\[([^\]]+)\]")

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One bad manifest. With ``update`` the good one is there already and the case changes it.

    ``elsewhere``: bad on a cluster alone; ``gristmill run`` has nothing against it.
    """

    name: str
    of: str = "job"
    set: dict[str, Any] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    condition: str = ""
    update: bool = False
    elsewhere: bool = False

    @property
    def before(self) -> Manifest:
        """The good manifest."""
        return good(self.of)

    @property
    def manifest(self) -> Manifest:
        """The bad one."""
        return changed(self.before, self.set)


def good(name: str) -> Manifest:
    """The good manifest of that name."""
    loaded: Manifest = yaml.safe_load((FOLDER / "good" / f"{name}.yaml").read_text())
    return loaded


def cases(file: str = "*") -> list[Case]:
    """The cases of one file of the corpus, or of all."""
    files = sorted((FOLDER / "bad").glob(f"{file}.yaml"))
    forms = [form for path in files for form in yaml.safe_load(path.read_text())]
    return [Case(**form | {"says": tuple(form.get("says", ()))}) for form in forms]


def placed(manifest: Manifest, bucket: str) -> Manifest:
    """``manifest`` with its data in ``bucket``: a URI without a slash at its end."""
    moved: Manifest = json.loads(json.dumps(manifest).replace("s3://BUCKET", bucket))
    return moved


def objects() -> dict[str, bytes]:
    """What lies in the bucket: lines of text, a table, a file that is none, and a folder with a committed output."""
    orders = pa.table({"orderkey": range(10), "custkey": [1, 2] * 5, "price": [float(at) for at in range(10)]})
    parquet = io.BytesIO()
    pq.write_table(orders, parquet)
    return {
        "lines.txt": b"a rose is a rose\nno thorn\nfar off\n",
        "orders.parquet": parquet.getvalue(),
        "broken.parquet": b"this is not Parquet, but as long as a footer\n",
        "taken/part-00000.parquet": parquet.getvalue(),
    }


def changed(manifest: Manifest, fields: dict[str, Any]) -> Manifest:
    """A copy with fields set by paths such as ``spec.input[0].format`` or ``spec.code.inline[m.py]``."""
    copied = copy.deepcopy(manifest)
    for path, value in fields.items():
        *way, last = [name or other or int(index) for name, index, other in _STEP.findall(path)]
        at: Any = copied
        for step in way:
            at = at.setdefault(step, {}) if isinstance(at, dict) else at[step]
        if value is not None:
            _put(at, last, _spelt_out(value))
        else:
            del at[last]
    return copied


def _spelt_out(value: Any) -> Any:
    """``@131073`` is so many letters, ``@list 257`` so many URIs: too long for the corpus."""
    if isinstance(value, str) and value.startswith("@"):
        kind, _, number = value[1:].rpartition(" ")
        return [f"s3://a/{at}" for at in range(int(number))] if kind == "list" else "x" * int(number)
    return value


def _put(at: Any, step: Any, value: Any) -> None:
    if isinstance(at, list) and step == len(at):
        at.append(value)
    else:
        at[step] = value
