"""The three custom resource definitions: names, columns, versions, and what may change of a spec that is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gristmill.plan.fields import Field, Kind, Record
from gristmill.plan.manifest_fields import KIND as JOB_KIND
from gristmill.plan.manifest_fields import MANIFEST
from gristmill.plan.resource_fields import POOL, POOL_KIND, QUERY, QUERY_KIND
from gristmill.plan.shared_fields import API_VERSION
from gristmill_operator.crds.record_rules import JOB_SPEC, POOL_SPEC, QUERY_SPEC
from gristmill_operator.crds.rule import Rule, listed
from gristmill_operator.crds.schema import Schema, record_schema, unlimited
from gristmill_operator.crds.status_fields import POOL_STATUS, RUN_STATUS

GROUP, VERSION = API_VERSION.split("/")
Definition = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of ``kubectl get``; with ``wide`` of ``-o wide`` alone."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False

    def form(self) -> dict[str, Any]:
        """The column as a definition has it."""
        form = {"name": self.name, "type": self.type, "jsonPath": self.path}
        return form | {"priority": 1} if self.wide else form


_PHASE = Column("Phase", ".status.phase")
_AGE = Column("Age", ".metadata.creationTimestamp", "date")
_OF_RUNS = (
    _PHASE,
    Column("Maps", ".status.progress.maps"),
    Column("Reduces", ".status.progress.reduces"),
    Column("Rows", ".status.progress.rows", "integer"),
    _AGE,
    Column("Pool", ".status.pool", wide=True),
    Column("Workers", ".status.workers", "integer", wide=True),
    Column("Message", ".status.message", wide=True),
)
_OF_POOLS = (
    _PHASE,
    Column("Workers", ".status.workers", "integer"),
    Column("Active", ".status.active", "integer"),
    Column("Min", ".spec.min", "integer"),
    Column("Max", ".spec.max", "integer"),
    _AGE,
    Column("Lead", ".status.lead", wide=True),
    Column("Message", ".status.message", wide=True),
)


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """What a definition is made from. ``frozen``: spec is fixed once there, but for the fields that say otherwise."""

    kind: str
    plural: str
    short: str
    doc: str
    manifest: Record
    status: Record
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    frozen: bool


KINDS = (
    ResourceKind(
        JOB_KIND,
        "mapreducejobs",
        "mrj",
        "A MapReduce job: map, shuffle, reduce.",
        MANIFEST,
        RUN_STATUS,
        _OF_RUNS,
        JOB_SPEC,
        True,
    ),
    ResourceKind(
        QUERY_KIND,
        "sqlqueries",
        "gsql",
        "A SQL query over files; it becomes a chain of MapReduce jobs.",
        QUERY,
        RUN_STATUS,
        _OF_RUNS,
        QUERY_SPEC,
        True,
    ),
    ResourceKind(
        POOL_KIND,
        "workerpools",
        "gpool",
        "A warm pool of pods that jobs and queries of its namespace run in.",
        POOL,
        POOL_STATUS,
        _OF_POOLS,
        POOL_SPEC,
        False,
    ),
)


def definition(kind: ResourceKind) -> Definition:
    """The CustomResourceDefinition of ``kind``."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": [kind.short],
                "categories": ["gristmill"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [column.form() for column in kind.columns],
                    "schema": {"openAPIV3Schema": _root(kind)},
                }
            ],
        },
    }


def _root(kind: ResourceKind) -> Schema:
    field = kind.manifest.field("spec")
    assert field is not None
    assert field.record is not None
    spec = record_schema(field.record, field.doc)
    if kind.frozen:
        spec = _fix(spec, field.record)
    rules = (*kind.rules, *(_fixed(field.record) if kind.frozen else ()))
    spec["x-kubernetes-validations"] = [*spec.get("x-kubernetes-validations", ()), *(rule.form() for rule in rules)]
    return {
        "description": kind.doc,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": unlimited(record_schema(kind.status, "Written by the operator.")),
        },
        "x-kubernetes-validations": [rule.form() for rule in _name_rules(kind)],
    }


def _name_rules(kind: ResourceKind) -> tuple[Rule, ...]:
    name = Rule(
        "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')",
        "the name has lower-case letters, digits and dashes, at most 63",
    )
    itself = Rule(
        "!has(self.spec.input) || self.spec.input.all(i, !has(i.fromJob) || i.fromJob != self.metadata.name)",
        "a job cannot read itself: fromJob names another",
    )
    return (name, itself) if kind.kind == JOB_KIND else (name,)


def _fixed(spec: Record) -> tuple[Rule, ...]:
    """Rules for what may not change: no field comes or goes, and where nothing changed that may, nothing did.

    Each field by itself is compared where it stands, so that the message names it; but CEL has no access to a field
    that is a text or an object, hence the whole.
    """
    changing = tuple(field.name for field in spec.fields if field.changes)
    fixed = [field.name for field in spec.fields if not field.changes and not _hidden(field)]
    there = " && ".join(f"has(self.{name}) == has(oldSelf.{name})" for name in fixed)
    unchanged = " && ".join(f"({_same(name)})" for name in changing)
    message = f"spec is fixed once the resource is there, but for {listed(changing)}: make another one"
    back = "!has(oldSelf.cancel) || !oldSelf.cancel || (has(self.cancel) && self.cancel)"
    return (
        Rule(f"{there} && (!({unchanged}) || self == oldSelf)", message, reason="FieldValueForbidden"),
        Rule(back, "cannot be taken back: make another one", "cancel"),
    )


def _hidden(field: Field) -> bool:
    return field.kind is Kind.RECORD and bool(field.choices)


def _same(name: str) -> str:
    return f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})"


_FIXED = Rule("self == oldSelf", "is fixed: make another one")


def _fix(spec: Schema, record: Record) -> Schema:
    """``spec`` with a rule for each field that may not change."""
    for field in record.fields:
        if not field.changes and not _hidden(field):
            schema = spec["properties"][field.name]
            schema["x-kubernetes-validations"] = [*schema.get("x-kubernetes-validations", ()), _FIXED.form()]
    return spec
