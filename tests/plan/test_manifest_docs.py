"""docs/manifest.md, the table of fields and the loader say the same.

``GRISTMILL_REWRITE_GOLD=1 pytest tests/plan/test_manifest_docs.py`` writes the tables of the page anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gristmill.plan.fields import Field, Kind, Record, walk
from gristmill.plan.manifest import dump_manifest, load_manifest
from gristmill.plan.manifest_fields import MANIFEST
from gristmill.plan.resource_fields import POOL, QUERY
from gristmill.plan.resources import dump_query, load_pool, load_query

KINDS = {"MapReduceJob": MANIFEST, "SQLQuery": QUERY, "WorkerPool": POOL}

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "manifest.md"
FIELDS = dict(walk(MANIFEST))
MARKS = {kind: (f"<!-- fields of {kind} -->\n", f"<!-- end of fields of {kind} -->\n") for kind in KINDS}


def sections(manifest: Record, told: tuple[Record, ...]) -> dict[str, Record]:
    """Each record that is not told of yet, under the path where it first stands; the root is ''."""
    found = {} if told else {"": manifest}
    for path, field in walk(manifest):
        new = field.record is not None and field.record not in (*told, *found.values())
        if field.record is not None and new and not (told and path == "metadata"):
            found[path + {Kind.RECORDS: "[]", Kind.RECORD_MAP: ".NAME"}.get(field.kind, "")] = field.record
    return found


def rendered(kind: str) -> str:
    """The tables of a kind: one for each record that no earlier kind has, with all places where it stands."""
    manifest = KINDS[kind]
    earlier = list(KINDS)[: list(KINDS).index(kind)]
    told = tuple(field.record for other in earlier for _, field in walk(KINDS[other]) if field.record is not None)
    text = ""
    for path, record in sections(manifest, told).items():
        text += f"\n### {f'`{path}`' if path else 'The document'}\n\n"
        also = [
            f"`{other}`" for other, field in walk(manifest) if field.record is record and not path.startswith(other)
        ]
        text += f"The same for {', '.join(also)}.\n\n" if also and path else ""
        text += "| field | type | default | example | meaning |\n| --- | --- | --- | --- | --- |\n"
        text += "".join(row(field) for field in record.fields if field.kind is not Kind.OPAQUE)
        text += "".join(f"\n{rule}\n" for rule in rules(record))
    shared = [
        f"`{field.name}`" for field in spec_of(manifest).fields if field.record is not None and field.record in told
    ]
    text += f"\n{listed(shared)} are as in a MapReduceJob.\n" if shared else ""
    return text.lstrip("\n") + "\n"


def spec_of(manifest: Record) -> Record:
    spec = manifest.field("spec")
    assert spec is not None
    assert spec.record is not None
    return spec.record


def listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def row(field: Field) -> str:
    kind = str(field.kind)
    if field.choices and field.kind is Kind.RECORD:
        kind = f"{', '.join(f'`{choice}`' for choice in field.choices)}, or {kind}"
    elif field.choices:
        kind = ", ".join(f"`{choice}`" for choice in field.choices)
    default = "**required**" if field.required else field.default
    meaning = field.doc + (" *cluster*" if field.cluster else "")
    return f"| `{field.name}` | {kind} | {default} | `{field.example}` | {meaning} |\n"


def rules(record: Record) -> Iterator[str]:
    for group in record.exactly_one:
        yield f"Exactly one of {', '.join(f'`{name}`' for name in group)}."
    for group in record.at_most_one:
        if len(group) > 2 or group[0] != "fromJob":
            yield f"At most one of {', '.join(f'`{name}`' for name in group)}."


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_documents_every_field_and_no_other(kind: str) -> None:
    start, end = MARKS[kind]
    page = PAGE.read_text()
    before, _, rest = page.partition(start)
    tables, _, after = rest.partition(end)
    if os.environ.get("GRISTMILL_REWRITE_GOLD"):
        PAGE.write_text(before + start + rendered(kind) + end + after)
        tables = rendered(kind)
    assert tables == rendered(kind)


def test_every_manifest_on_the_page_loads() -> None:
    blocks = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL) if "kind:" in text]
    manifests = [text for text in blocks if "kind: MapReduceJob" in text]
    assert len(manifests) >= 3
    for text in manifests:
        assert load_manifest(dump_manifest(load_manifest(text))) == load_manifest(text)
    (query,) = (load_query(yaml.safe_load(text)) for text in blocks if "kind: SQLQuery" in text)
    assert load_query(dump_query(query)) == query
    (pool,) = (load_pool(yaml.safe_load(text)) for text in blocks if "kind: WorkerPool" in text)
    assert pool.max_pods > pool.min_pods


ALL = {f"{kind} {path}": field for kind, manifest in KINDS.items() for path, field in walk(manifest)}


@pytest.mark.parametrize("path", [path for path, field in ALL.items() if field.kind is not Kind.OPAQUE])
def test_every_field_has_a_meaning_and_an_example_of_its_type(path: str) -> None:
    field = ALL[path]
    value = yaml.safe_load(field.example)
    types = {
        Kind.INTEGER: int,
        Kind.BOOLEAN: bool,
        Kind.TEXTS: list,
        Kind.RECORDS: list,
        Kind.TEXT_MAP: dict,
        Kind.QUANTITIES: dict,
        Kind.RECORD_MAP: dict,
        Kind.RECORD: str if field.choices else dict,
    }
    assert isinstance(value, types.get(field.kind, str))
    assert field.doc.endswith(".")
    if field.choices:
        assert value in field.choices


def paths(record: Record, value: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """The paths that a manifest writes, as ``walk`` names them."""
    for name, item in value.items():
        field = record.field(name)
        assert field is not None
        yield prefix + name
        if field.record is None or isinstance(item, str):
            continue
        step = {Kind.RECORDS: "[].", Kind.RECORD_MAP: ".NAME."}.get(field.kind, ".")
        for one in item if field.kind is Kind.RECORDS else item.values() if field.kind is Kind.RECORD_MAP else [item]:
            yield from paths(field.record, one, prefix + name + step)


def test_the_plan_heeds_every_field_of_the_table() -> None:
    text = (HERE / "manifest" / "every_field.yaml").read_text()
    written = list(yaml.safe_load_all(text))
    used = {path for document in written for path in paths(MANIFEST, document)}
    assert used == {path for path, field in FIELDS.items() if field.kind is not Kind.OPAQUE}
    chain = load_manifest(text, "every_field.yaml")
    assert list(yaml.safe_load_all(dump_manifest(chain))) == written


def test_a_query_heeds_every_field_of_its_table() -> None:
    written = yaml.safe_load((HERE / "manifest" / "every_query_field.yaml").read_text())
    known = {path for path, field in walk(QUERY) if field.kind is not Kind.OPAQUE}
    assert set(paths(QUERY, written)) == known
    assert dump_query(load_query(written)) == written


def test_a_pool_heeds_every_field_of_its_table() -> None:
    """Each field that goes makes another pool."""
    query = yaml.safe_load((HERE / "manifest" / "every_query_field.yaml").read_text())
    shared = {name: query["spec"][name] for name in ("stores", "scratch", "resources", "pod")}
    spec = {"min": 1, "max": 9, "idle": "1m", "image": "worker:1", "claims": ["data"], **shared}
    pool = query | {"kind": "WorkerPool", "spec": spec}
    known = {path for path, field in walk(POOL) if field.kind is not Kind.OPAQUE}
    assert set(paths(POOL, pool)) == known
    for field in spec:
        less = {name: value for name, value in spec.items() if name != field}
        assert load_pool(pool | {"spec": less}) != load_pool(pool)
