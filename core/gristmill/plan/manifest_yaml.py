"""YAML text, or a resource from an API server, checked against a table of fields, with the place of everything in it.

``manifest_load`` and ``resources`` turn what comes out into plans. All that is wrong is gathered, not only the first;
it must not know plan types.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from gristmill.errors import InvalidPlan
from gristmill.plan.fields import Field, Kind, Record
from gristmill.plan.manifest_fields import MANIFEST
from gristmill.plan.problems import Problem, did_you_mean
from gristmill.units import parse_duration, parse_size

_TAG = "tag:yaml.org,2002:"
_SHOWN = {
    "map": "an object",
    "seq": "a list",
    "str": "text",
    "int": "the number",
    "float": "the number",
    "bool": "the boolean",
    "null": "nothing",
}
_OF_QUANTITIES = {f"{_TAG}str", f"{_TAG}int", f"{_TAG}float"}
_QUANTITY = re.compile(r"\d+(\.\d*)?([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?|\.\d+[numkMGTPE]?")
_CONSTRUCT = yaml.constructor.SafeConstructor()


@dataclass(frozen=True, slots=True)
class Block:
    """An object of the manifest, checked: its values by field name, absent fields left out.

    A value is text, int, bool, float (a duration in seconds), a list of text, a dict of text, a Block, a list of
    Blocks or a dict of Blocks, as the field's kind says; a size is an int.
    """

    path: str
    values: dict[str, Any]

    def get(self, name: str, default: Any = None) -> Any:
        """The field's value, or ``default``."""
        return self.values.get(name, default)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def __contains__(self, name: str) -> bool:
        return name in self.values


Mark = tuple[int, int] | None
"""Line and column, from 1; None for what did not come from text."""


@dataclass(slots=True)
class Document:
    """One document of a manifest: its checked root and the place of every path in it."""

    file: str
    root: Block
    marks: dict[str, Mark]

    def place(self, path: str) -> str:
        """``job.yaml:12:5 spec.input[0].format``; a path that is not written stands where its parent does."""
        at = path
        while at and at not in self.marks:
            at = at[: max(at.rfind("."), at.rfind("["), 0)]
        return _place(self.file, self.marks[at], path)


def _place(file: str, mark: Mark, path: str) -> str:
    if mark is None:
        return f"{file} {path}".strip()
    return f"{file}:{mark[0]}:{mark[1]} {path}".rstrip()


def read_documents(text: str, file: str, record: Record = MANIFEST) -> tuple[list[Document], list[Problem]]:
    """The documents of a manifest that are not empty, checked by ``record``, and all that is wrong with their form.

    Raises InvalidPlan where the text is not YAML at all.
    """
    documents: list[Document] = []
    problems: list[Problem] = []
    for node in _nodes(text, file):
        if node is None or (isinstance(node, yaml.ScalarNode) and node.tag == f"{_TAG}null"):
            continue
        documents.append(_document(node, record, file, problems))
    return documents, problems


def read_resource(resource: Mapping[str, Any], record: Record, name: str = "") -> tuple[Document, list[Problem]]:
    """A resource as an API server gives it, checked by ``record``, and all that is wrong with its form.

    Places are ``name`` and the field's path, without a line. ``resource`` holds what JSON can.
    """
    problems: list[Problem] = []
    node = yaml.SafeDumper(io.StringIO(), sort_keys=False).represent_data(dict(resource))
    return _document(node, record, name, problems), problems


def _document(node: yaml.Node, record: Record, file: str, problems: list[Problem]) -> Document:
    checker = _Checker(file, problems)
    return Document(file, checker.record(node, record, ""), checker.marks)


def _nodes(text: str, file: str) -> list[yaml.Node | None]:
    try:
        return list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        if "'\\t'" in str(error.problem):
            reason, remedy = "a tab where YAML wants spaces", "Indent with spaces."
        else:
            reason = "not YAML: " + ", ".join(part for part in (error.context, error.problem) if part)
            remedy = ""
        raise InvalidPlan(reason, place=place, remedy=remedy) from None
    except yaml.reader.ReaderError as error:
        raise InvalidPlan(f"not YAML: {error.reason} at character {error.position}", place=file) from None
    except RecursionError:
        raise InvalidPlan("lists or objects stand in each other too deeply", place=file) from None


@dataclass(slots=True)
class _Checker:
    """Walks one document's nodes along the table; remembers where each path stands."""

    file: str
    problems: list[Problem]
    marks: dict[str, Mark] = field(default_factory=dict)

    def problem(self, path: str, reason: str, remedy: str = "") -> None:
        self.problems.append(Problem(_place(self.file, self.marks[path], path), reason, remedy))

    def mark(self, path: str, node: yaml.Node) -> None:
        start = node.start_mark
        self.marks[path] = (start.line + 1, start.column + 1) if start else None

    def record(self, node: yaml.Node, record: Record, path: str) -> Block:
        """The object at ``node``; what is wrong with it is gathered."""
        if path not in self.marks:
            self.mark(path, node)
        values: dict[str, Any] = {}
        written: set[str] = set()
        for name, value_node in self.pairs(node, path, record.name):
            written.add(name)
            at = f"{path}.{name}" if path else name
            known = record.field(name)
            if known is None:
                self.problem(at, "unknown field", did_you_mean(name, _offered(record)))
                continue
            if (value := self.value(value_node, known, at)) is not None:
                values[name] = value
        if isinstance(node, yaml.MappingNode):
            self.rules(record, written, path)
        return Block(path, values)

    def pairs(self, node: yaml.Node, path: str, name: str) -> Iterator[tuple[str, yaml.Node]]:
        """Key and value of each entry of a mapping; marks the keys, tells of duplicates and of keys not text."""
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, path, f"an object ({name})")
            return
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            at = f"{path}.{key}" if path else key
            self.mark(at, key_node)
            if key_node.tag == f"{_TAG}merge":
                self.problem(at, "merge keys are not supported", "Write the fields out.")
            elif not isinstance(key_node, yaml.ScalarNode) or key_node.tag == f"{_TAG}null":
                self.problem(at, f"the name of a field must be text, found {_shown(key_node)}", "Quote it.")
            elif key in seen:
                remedy = "Remove one of them." if path else "Put a line --- between two documents."
                self.problem(at, f"written twice, first in line {seen[key]}", remedy)
            else:
                seen[key] = key_node.start_mark.line + 1 if key_node.start_mark else 0
                yield key, value_node

    def rules(self, record: Record, written: set[str], path: str) -> None:
        """What must hold between the fields of a record, whatever their values."""
        for one in record.fields:
            if one.required and one.name not in written:
                self.problem(path, f"{one.name} is missing", f"For instance {one.name}: {one.example}")
        for group in record.exactly_one:
            found = [name for name in group if name in written]
            if len(found) != 1:
                said = f"found {' and '.join(found)}" if found else "found none"
                self.problem(path, f"wants exactly one of {', '.join(group)}; {said}", _example(record, group[0]))
        for group in record.at_most_one:
            found = [name for name in group if name in written]
            if len(found) > 1:
                self.problem(path, f"{' and '.join(found)} cannot stand together", f"Keep one of {', '.join(found)}.")
        for name, other in record.needs:
            if name in written and other not in written:
                self.problem(f"{path}.{name}", f"needs {other} beside it", _example(record, other))

    def value(self, node: yaml.Node, known: Field, path: str) -> Any:
        """The value of one field, or None where it is wrong or opaque."""
        match known.kind:
            case Kind.OPAQUE:
                return None
            case Kind.RECORD if known.choices and isinstance(node, yaml.ScalarNode):
                return self.choice(node, known, path)
            case Kind.RECORD if known.record is not None:
                return self.record(node, known.record, path)
            case Kind.RECORDS if known.record is not None:
                record = known.record
                return [self.record(item, record, at) for item, at in self.items(node, path)]
            case Kind.RECORD_MAP if known.record is not None:
                record = known.record
                return {key: self.record(item, record, at) for key, item, at in self.entries(node, path)}
            case Kind.TEXTS:
                return [self.text(item, at) for item, at in self.items(node, path)]
            case Kind.TEXT_MAP:
                return {key: self.text(item, at) for key, item, at in self.entries(node, path)}
            case Kind.QUANTITIES:
                return {key: self.resource(item, at) for key, item, at in self.entries(node, path)}
            case _:
                return self.scalar(node, known, path)

    def items(self, node: yaml.Node, path: str) -> Iterator[tuple[yaml.Node, str]]:
        if not isinstance(node, yaml.SequenceNode):
            self.wrong(node, path, "a list", _listed(node))
            return
        for index, item in enumerate(node.value):
            self.mark(f"{path}[{index}]", item)
            yield item, f"{path}[{index}]"

    def entries(self, node: yaml.Node, path: str) -> Iterator[tuple[str, yaml.Node, str]]:
        for key, item in self.pairs(node, path, "names and values"):
            self.marks[f"{path}[{key}]"] = self.marks[f"{path}.{key}"]
            yield key, item, f"{path}[{key}]"

    def scalar(self, node: yaml.Node, known: Field, path: str) -> Any:
        match known.kind:
            case Kind.TEXT if known.choices:
                return self.choice(node, known, path)
            case Kind.TEXT:
                return self.text(node, path)
            case Kind.INTEGER:
                return self.integer(node, known, path)
            case Kind.BOOLEAN:
                return self.boolean(node, path)
            case Kind.SIZE | Kind.DURATION:
                return self.quantity(node, known.kind, path)
        raise AssertionError(known.kind)

    def text(self, node: yaml.Node, path: str) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.tag in (f"{_TAG}str", f"{_TAG}timestamp"):
            return str(node.value)
        quote = f'Quote it: "{node.value}".' if isinstance(node, yaml.ScalarNode) and node.value else ""
        self.wrong(node, path, "text", quote)
        return None

    def resource(self, node: yaml.Node, path: str) -> str | None:
        """A Kubernetes quantity as text."""
        if not isinstance(node, yaml.ScalarNode) or node.tag not in _OF_QUANTITIES:
            self.wrong(node, path, "a quantity")
        elif not _QUANTITY.fullmatch(node.value):
            self.problem(path, f"{node.value!r} is not a quantity", 'For instance memory: 4Gi, cpu: 500m, cpu: "2".')
        else:
            return str(node.value)
        return None

    def choice(self, node: yaml.Node, known: Field, path: str) -> str | None:
        if not isinstance(node, yaml.ScalarNode) or node.tag != f"{_TAG}str":
            self.wrong(node, path, f"one of {', '.join(known.choices)}")
            return None
        text = str(node.value)
        if text not in known.choices:
            self.problem(path, f"unknown {known.name} {text!r}", did_you_mean(text, known.choices))
            return None
        return text

    def boolean(self, node: yaml.Node, path: str) -> bool | None:
        if isinstance(node, yaml.ScalarNode) and node.tag == f"{_TAG}bool":
            return bool(_CONSTRUCT.construct_yaml_bool(node))
        self.wrong(node, path, "true or false")
        return None

    def integer(self, node: yaml.Node, known: Field, path: str) -> int | None:
        if not isinstance(node, yaml.ScalarNode) or node.tag != f"{_TAG}int":
            self.wrong(node, path, "a whole number")
            return None
        number = int(_CONSTRUCT.construct_yaml_int(node))
        if known.minimum is not None and number < known.minimum:
            self.problem(path, f"must be at least {known.minimum}, found {number}")
            return None
        return number

    def quantity(self, node: yaml.Node, kind: Kind, path: str) -> int | float | None:
        if not isinstance(node, yaml.ScalarNode) or node.tag == f"{_TAG}null":
            self.wrong(node, path, f"a {kind}")
            return None
        try:
            return parse_size(node.value) if kind is Kind.SIZE else parse_duration(node.value)
        except InvalidPlan as error:
            self.problem(path, error.reason, error.remedy)
            return None

    def wrong(self, node: yaml.Node, path: str, wanted: str, remedy: str = "") -> None:
        self.problem(path, f"expected {wanted}, found {_shown(node)}", remedy)


def _shown(node: yaml.Node) -> str:
    kind = node.tag.removeprefix(_TAG)
    said = _SHOWN.get(kind, f"a value tagged {node.tag}")
    if not isinstance(node, yaml.ScalarNode) or kind == "null":
        return said
    value = node.value if len(node.value) <= 40 else node.value[:37] + "..."
    return f"{said} {value!r}" if kind == "str" else f"{said} {value}"


def _offered(record: Record) -> list[str]:
    """The fields that a user would write."""
    return [known.name for known in record.fields if known.kind is not Kind.OPAQUE]


def _listed(node: yaml.Node) -> str:
    """How a single value is written as a list."""
    return (
        f"Write [{node.value}]." if isinstance(node, yaml.ScalarNode) and node.value else "Start each item with a dash."
    )


def _example(record: Record, name: str) -> str:
    known = record.field(name)
    return f"For instance {name}: {known.example}" if known else ""
