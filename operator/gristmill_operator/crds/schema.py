"""From a table of fields to a structural schema, as a custom resource definition has it."""

from __future__ import annotations

from typing import Any

import yaml

from gristmill.plan.fields import Field, Form, Kind, Record
from gristmill_operator.crds.record_rules import rules_of
from gristmill_operator.crds.rule import Rule
from gristmill_operator.crds.texts import DURATION, FORMS, QUANTITY, SIZE, TextForm

Schema = dict[str, Any]

MOST_ITEMS = 64
"""So many items of a list or entries of a map, where the field says nothing else."""


def record_schema(record: Record, doc: str = "") -> Schema:
    """The schema of an object."""
    schema: Schema = {"description": doc} if doc else {}
    schema |= {
        "type": "object",
        "properties": {field.name: field_schema(field, record) for field in record.fields if _shown(field)},
    }
    required = [field.name for field in record.fields if field.required]
    if required:
        schema["required"] = required
    return _with_rules(schema, rules_of(record))


def field_schema(field: Field, record: Record) -> Schema:
    """The schema of ``field`` in ``record``, with its meaning and default."""
    schema = {"description": _description(field, record)} | _value_schema(field)
    default = _default(field, record)
    return schema if default is None else schema | {"default": default}


def _value_schema(field: Field) -> Schema:
    match field.kind:
        case Kind.TEXT if field.choices:
            return {"type": "string", "enum": list(field.choices)}
        case Kind.TEXT:
            return _text(field)
        case Kind.TIME:
            return {"type": "string", "format": "date-time"}
        case Kind.DURATION:
            return _with_rules({"type": "string", "maxLength": 64}, (DURATION,))
        case Kind.SIZE:
            return _with_rules({"x-kubernetes-int-or-string": True, "maxLength": 32}, (SIZE,))
        case Kind.INTEGER:
            least = {} if field.minimum is None else {"minimum": field.minimum}
            return {"type": "integer"} | least
        case Kind.BOOLEAN:
            return {"type": "boolean"}
        case Kind.TEXTS:
            unique = {"x-kubernetes-list-type": "set"} if field.unique else {}
            items = _text(field, most=FORMS[field.form].most)
            return {"type": "array", "items": items, "maxItems": field.most or MOST_ITEMS} | unique
        case Kind.TEXT_MAP | Kind.QUANTITIES | Kind.RECORD_MAP:
            return _map(field)
        case Kind.RECORD if field.record is not None and field.choices:
            return _text_or_object(field, field.record)
        case Kind.RECORD if field.record is not None:
            return record_schema(field.record)
        case Kind.RECORDS if field.record is not None:
            return _list(field, field.record)
    raise AssertionError(field)


def _text(field: Field, most: int | None = None) -> Schema:
    form = FORMS[field.form]
    least = max(form.least, 1 if field.required else 0)
    schema: Schema = {"type": "string", "maxLength": most or field.most or form.most}
    if least:
        schema["minLength"] = least
    return _with_rules(schema, form.rules)


def _map(field: Field) -> Schema:
    form = FORMS[field.form]
    rules = (Rule(f"self.all(n, {form.names})", form.message),) if form.names else ()
    schema = {
        "type": "object",
        "additionalProperties": _map_value(field, form),
        "maxProperties": field.most or MOST_ITEMS,
    }
    return _with_rules(schema, rules)


def _map_value(field: Field, form: TextForm) -> Schema:
    if field.record is not None:
        return record_schema(field.record)
    if field.kind is Kind.QUANTITIES:
        return _with_rules({"x-kubernetes-int-or-string": True, "maxLength": 64}, (QUANTITY,))
    rules = (Rule(form.values, "is not a value of a label"),) if form.values else ()
    return _with_rules({"type": "string", "maxLength": form.most}, rules)


def _list(field: Field, record: Record) -> Schema:
    schema = {"type": "array", "items": record_schema(record), "maxItems": field.most or MOST_ITEMS}
    if field.named_by:
        schema |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [field.named_by]}
    return schema


def _text_or_object(field: Field, record: Record) -> Schema:
    """One of a few words, or an object: what a structural schema has no type for, and CEL no access to."""
    required = [one.name for one in record.fields if one.required]
    no_number = {"minimum": 1, "maximum": 0}
    no_list = {"minItems": 1, "maxItems": 0}
    an_object = no_number | no_list | {"maxLength": 0, "not": {"enum": [True, False]}}
    return {
        "x-kubernetes-preserve-unknown-fields": True,
        "anyOf": [{"enum": list(field.choices)}, {"required": required} | an_object],
    }


def _description(field: Field, record: Record) -> str:
    default = field.default if field.default and _default(field, record) is None else ""
    return field.doc + (f" Default: {default}." if default else "")


def _default(field: Field, record: Record) -> Any:
    """The default that an API server can fill in: a value, and of no field that others exclude."""
    grouped = {name for group in (*record.exactly_one, *record.at_most_one, *record.needs) for name in group}
    if not field.default or field.name in grouped:
        return None
    match field.kind:
        case Kind.BOOLEAN:
            return field.default == "true"
        case Kind.INTEGER if field.default.isdigit():
            return int(field.default)
        case Kind.TEXT if field.default in field.choices or field.form is Form.IDENTIFIER:
            return field.default
        case Kind.TEXT if field.form is Form.CHARACTER:
            return yaml.safe_load(field.default)
        case Kind.DURATION if field.default[0].isdigit():
            return field.default
    return None


def _shown(field: Field) -> bool:
    return field.kind is not Kind.OPAQUE


def unlimited(schema: Schema) -> Schema:
    """``schema`` without limits of length, at any depth."""
    kept = {name: value for name, value in schema.items() if name not in ("maxLength", "maxItems", "maxProperties")}
    for name in ("items", "additionalProperties"):
        if name in kept:
            kept[name] = unlimited(kept[name])
    if "properties" in kept:
        kept["properties"] = {name: unlimited(value) for name, value in kept["properties"].items()}
    return kept


def _with_rules(schema: Schema, rules: tuple[Rule, ...]) -> Schema:
    return schema | {"x-kubernetes-validations": [rule.form() for rule in rules]} if rules else schema
