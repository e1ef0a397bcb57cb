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

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "manifest.md"
START, END = "<!-- fields -->\n", "<!-- end of fields -->\n"
FIELDS = dict(walk(MANIFEST))


def sections() -> dict[str, Record]:
    """Each different record under the path where it first stands; the root is ''."""
    found = {"": MANIFEST}
    for path, field in walk(MANIFEST):
        if field.record is not None and field.record not in found.values():
            found[path + {Kind.RECORDS: "[]", Kind.RECORD_MAP: ".NAME"}.get(field.kind, "")] = field.record
    return found


def rendered() -> str:
    """The tables of the page: one for each record, with all places where it stands."""
    text = ""
    for path, record in sections().items():
        text += f"\n### {f'`{path}`' if path else 'The document'}\n\n"
        also = [
            f"`{other}`" for other, field in walk(MANIFEST) if field.record is record and not path.startswith(other)
        ]
        text += f"The same for {', '.join(also)}.\n\n" if also and path else ""
        text += "| field | type | default | example | meaning |\n| --- | --- | --- | --- | --- |\n"
        text += "".join(row(field) for field in record.fields if field.kind is not Kind.OPAQUE)
        text += "".join(f"\n{rule}\n" for rule in rules(record))
    return text.lstrip("\n") + "\n"


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


def test_the_page_documents_every_field_and_no_other() -> None:
    page = PAGE.read_text()
    before, _, rest = page.partition(START)
    tables, _, after = rest.partition(END)
    if os.environ.get("GRISTMILL_REWRITE_GOLD"):
        PAGE.write_text(before + START + rendered() + END + after)
        tables = rendered()
    assert tables == rendered()


def test_every_manifest_on_the_page_loads() -> None:
    manifests = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL) if "kind:" in text]
    assert len(manifests) >= 3
    for text in manifests:
        assert load_manifest(dump_manifest(load_manifest(text))) == load_manifest(text)


@pytest.mark.parametrize("path", [path for path, field in FIELDS.items() if field.kind is not Kind.OPAQUE])
def test_every_field_has_a_meaning_and_an_example_of_its_type(path: str) -> None:
    field = FIELDS[path]
    value = yaml.safe_load(field.example)
    types = {
        Kind.INTEGER: int,
        Kind.BOOLEAN: bool,
        Kind.TEXTS: list,
        Kind.RECORDS: list,
        Kind.TEXT_MAP: dict,
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
