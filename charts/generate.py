"""Brings the generated parts of the chart up to date: run by ``python charts/generate.py``, compared by tests/chart.

The comments of values.yaml are the only place that describes values: from them come the descriptions of
values.schema.json and the table of the chart's README. The CRDs of crds/ are copied. It knows nothing of templates.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "charts" / "gristmill"
TABLE_BEGIN, TABLE_END = "<!-- values: begin -->", "<!-- values: end -->"


@dataclass(frozen=True, slots=True)
class Value:
    """One value that users may set. ``path`` has dots; ``default`` is as JSON."""

    path: str
    text: str
    default: str


def generated() -> dict[Path, str]:
    """Every generated file with what it should hold."""
    values = described(CHART / "values.yaml")
    schema, readme = CHART / "values.schema.json", CHART / "README.md"
    files = {schema: with_descriptions(schema.read_text(), values), readme: with_table(readme.read_text(), values)}
    for crd in sorted((ROOT / "crds").glob("*.yaml")):
        files[CHART / "files" / "crds" / crd.name] = crd.read_text()
    return files


def described(path: Path) -> tuple[Value, ...]:
    """The values of a commented values.yaml, in its order."""
    defaults = yaml.safe_load(path.read_text())
    return tuple(Value(name, text, as_json(name, defaults)) for name, text in comments(path.read_text()))


def comments(text: str) -> Iterator[tuple[str, str]]:
    """Path and description of each value that has a ``# --`` comment."""
    above: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("# -- "):
            comment = [stripped.removeprefix("# -- ")]
        elif stripped.startswith("# ") and comment:
            comment.append(stripped.removeprefix("# "))
        elif stripped and not stripped.startswith("#"):
            indent = len(line) - len(line.lstrip())
            above = [*[entry for entry in above if entry[0] < indent], (indent, stripped.split(":")[0])]
            if comment:
                yield ".".join(key for _, key in above), " ".join(comment)
            comment = []


def as_json(path: str, values: Any) -> str:
    """The default at ``path``, as JSON on one line."""
    for key in path.split("."):
        values = values[key]
    return json.dumps(values)


def with_descriptions(schema: str, values: tuple[Value, ...]) -> str:
    """The schema with every value's description in it. Raises KeyError for a value that the schema does not know."""
    document = json.loads(schema)
    for value in values:
        place = document
        for key in value.path.split("."):
            place = place["properties"][key]
        place["description"] = value.text
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def with_table(readme: str, values: tuple[Value, ...]) -> str:
    """The README with its table of values anew."""
    rows = "".join(f"| `{v.path}` | `{v.default}` | {v.text.replace('|', '&#124;')} |\n" for v in values)
    before, rest = readme.split(TABLE_BEGIN)
    table = f"\n| value | default | meaning |\n| --- | --- | --- |\n{rows}"
    return before + TABLE_BEGIN + table + TABLE_END + rest.split(TABLE_END)[1]


def main() -> None:
    """Writes what differs."""
    for path, text in generated().items():
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


if __name__ == "__main__":
    main()
