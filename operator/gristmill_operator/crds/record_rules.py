"""What holds between the fields of an object: the groups of its table, and rules of its own.

The rules of its own say in CEL what ``gristmill.plan.validate_job`` says to those who run a job without a cluster,
as far as one object shows it; and what only a cluster wants.
"""

from __future__ import annotations

from gristmill.plan.fields import Record
from gristmill_operator.crds.rule import Rule, has, listed

_POWERS = ", ".join(str(1 << power) for power in range(21))
_SUFFIX = r"(?i)([.](parquet|csv|tsv|json|jsonl|ndjson|arrow|feather)([.](gz|zst|bz2|xz|lz4|br))*|/[^./]*)$"
_NAMED = "^[A-Za-z_][A-Za-z0-9_]*="

_FILES = (
    Rule("!has(self.whole) || !self.whole || (has(self.format) && self.format == 'text')", "is for text", "whole"),
    Rule(
        "!has(self.schema) || !has(self.format) || self.format != 'text'",
        "text has no columns to declare: declare them where the map gives them",
        "schema",
    ),
    Rule("!has(self.csv) || (has(self.format) && self.format == 'csv')", "is for format: csv", "csv"),
)
_IN_A_POOL = (
    Rule(
        "!has(self.pool) || !(has(self.workers) || has(self.resources) || has(self.pod) || has(self.stores))",
        "workers, resources, pod and stores are those of a pool of its own: leave them out, or leave out pool, which "
        "names a warm one that has its own",
        "pool",
        "FieldValueForbidden",
    ),
)
_MAP_ONLY = (
    "!has(self.reduce) && !has(self.partitions) && (!has(self.sort) || size(self.sort) == 0) && "
    "(!has(self.input) || self.input.all(i, !has(i.key) || size(i.key) == 0))"
)
_PYTHON = (
    "[has(self.map) && has(self.map.python), has(self.combine) && has(self.combine.python), "
    "has(self.reduce) && has(self.reduce.python), "
    "has(self.input) && self.input.exists(i, has(i.map) && has(i.map.python))].exists(p, p)"
)

OWN: dict[str, tuple[Rule, ...]] = {
    "input": _FILES,
    "sideInput": (*_FILES, Rule("self.name != 'input'", "'input' is the name of the map's own rows", "name")),
    "table": (
        *_FILES[1:2],
        Rule(
            "!has(self.csv) || !has(self.format) || self.format == 'csv'",
            "is for format: csv",
            "csv",
        ),
        Rule(
            f"has(self.format) || (has(self.uri) ? self.uri : size(self.uris) > 0 ? self.uris[0] : '/')"
            f".matches('{_SUFFIX}')",
            "the URI does not say its format: set format to parquet, csv, json or arrow",
            "format",
            "FieldValueRequired",
        ),
    ),
    "csv": (
        Rule("!has(self.delimiter) || size(self.delimiter) == 1", "must be one character", "delimiter"),
        Rule(
            "!has(self.quote) || self.quote == '' || self.quote != (has(self.delimiter) ? self.delimiter : ',')",
            "is the delimiter too",
            "quote",
        ),
    ),
    "output": (
        Rule(
            "!has(self.compression) || self.compression in "
            "(!has(self.format) || self.format in ['parquet', 'pairs'] "
            "? ['', 'none', 'zstd', 'snappy', 'lz4', 'gzip', 'brotli'] "
            ": self.format == 'arrow' ? ['', 'none', 'lz4', 'zstd'] "
            ": ['', 'none', 'gzip', 'bz2', 'zstd', 'xz', 'lz4', 'brotli'])",
            "is no compression of this format",
            "compression",
        ),
        Rule(
            "!has(self.partitionBy) || size(self.partitionBy) == 0 || !has(self.format) || self.format != 'text'",
            "text has no columns to make folders of",
            "partitionBy",
        ),
    ),
    "code": (
        Rule(
            "!has(self.files)",
            "files lie on the machine of whoever applies this: put them under code.inline, or use `gristmill submit`, "
            "which does that",
            "files",
            "FieldValueForbidden",
        ),
    ),
    "pod": tuple(
        Rule(
            f"!has(self.{name}) || !self.{name}.exists(n, n.startsWith('gristmill.dev/') || "
            "n.startsWith('app.kubernetes.io/'))",
            "gristmill.dev/… and app.kubernetes.io/… are the operator's own",
            name,
        )
        for name in ("labels", "annotations")
    ),
    "toleration": (
        Rule(
            "!has(self.value) || self.value == '' || !has(self.operator) || self.operator == 'Equal'",
            "operator Exists compares no value: leave value out, or set operator: Equal",
            "value",
        ),
        Rule(
            "(has(self.key) && self.key != '') || (has(self.operator) && self.operator == 'Exists')",
            "without a key it tolerates every taint: set operator: Exists, or name the key",
            "operator",
        ),
        Rule(
            "!has(self.tolerationSeconds) || !has(self.effect) || self.effect == 'NoExecute'",
            "is for effect: NoExecute",
            "tolerationSeconds",
        ),
    ),
}

JOB_SPEC = (
    Rule(
        "(has(self.input) && size(self.input) > 0) || (has(self.reduce) && has(self.reduce.sql))",
        "a job needs at least one input; only a reduce in SQL may do without",
        reason="FieldValueRequired",
    ),
    Rule(
        "!has(self.combine) || has(self.reduce)",
        "there is no reduce that it could be part of: add reduce, or remove combine",
        "combine",
    ),
    Rule(
        "!has(self.sideInputs) || !has(self.input) || "
        "self.sideInputs.all(s, !self.input.exists(i, has(i.name) && i.name == s.name))",
        "an input has the name of a side input: give each its own",
        "sideInputs",
    ),
    Rule(
        f"!has(self.hash) || self.hash != 'duckdb' || !has(self.partitions) || self.partitions in [{_POWERS}]",
        "hash: duckdb wants a power of two: 1, 2, 4, 8, …; or set hash: gm1",
        "partitions",
    ),
    Rule(
        f"!({_MAP_ONLY}) || !has(self.input) || self.input.all(i, !has(i.exchange))",
        "a job without reduce, key, partitions and sort has no exchange: leave it out, or add a reduce",
        "input",
    ),
    Rule(
        f"({_MAP_ONLY}) || !has(self.input) || size(self.input) == 0 || "
        "self.input.exists(i, !has(i.exchange) || i.exchange != 'broadcast') || "
        "(has(self.partitions) && self.partitions == 1)",
        "every input is broadcast, so every reducer would give the same rows: leave exchange out for one of them",
        "input",
    ),
    Rule(
        f"has(self.code) || !({_PYTHON})",
        "a Python function lies in the job's code, and there is none: add code.inline, code.configMap, code.uri or "
        "code.image",
        reason="FieldValueRequired",
    ),
    Rule(
        "!has(self.pool) || !has(self.code) || !has(self.code.image)",
        "a warm pool has an image of its own: leave out pool, or give the code in another way",
        "code.image",
        "FieldValueForbidden",
    ),
    *_IN_A_POOL,
)
QUERY_SPEC = (
    Rule(
        f"!has(self.params) || self.params.all(p, p.matches('{_NAMED}')) || "
        f"!self.params.exists(p, p.matches('{_NAMED}'))",
        'some values have names and some have none: name all or none; a text with = is written in double quotes: "a=b"',
        "params",
    ),
    Rule(
        "!has(self.tables) || self.tables.all(a, self.tables.exists_one(b, a.lowerAscii() == b.lowerAscii()))",
        "two tables differ in nothing but the case of their names",
        "tables",
    ),
    *_IN_A_POOL,
)
POOL_SPEC = (
    Rule(
        "(has(self.min) ? self.min : 0) <= (has(self.max) ? self.max : 4)",
        "is less than min, whose pods it counts too",
        "max",
    ),
)


def rules_of(record: Record) -> tuple[Rule, ...]:
    """All rules of a record, those of its table first."""
    return (*_groups(record), *OWN.get(record.name, ()))


def _groups(record: Record) -> tuple[Rule, ...]:
    rules = [
        Rule(f"[{', '.join(map(has, group))}].exists_one(x, x)", f"wants exactly one of {listed(group, 'or')}")
        for group in record.exactly_one
    ]
    for group in record.at_most_one:
        if len(group) > 2:
            message = f"at most one of {listed(group)} may stand here"
            rules.append(
                Rule(f"[{', '.join(map(has, group))}].filter(x, x).size() <= 1", message, reason="FieldValueForbidden")
            )
    for first, others in _exclusive(record).items():
        cel = f"!has(self.{first}) || !({' || '.join(map(has, others))})"
        message = f"{first} and {listed(others, 'or')} cannot stand together"
        rules.append(Rule(cel, message, reason="FieldValueForbidden"))
    for other, names in _needed(record).items():
        cel = f"has(self.{other}) || !({' || '.join(map(has, names))})"
        rules.append(Rule(cel, f"{listed(names, 'or')} needs {other} beside it", reason="FieldValueRequired"))
    return tuple(rules)


def _needed(record: Record) -> dict[str, tuple[str, ...]]:
    """Names that others need, with those that need them."""
    found: dict[str, tuple[str, ...]] = {}
    for name, other in record.needs:
        found[other] = (*found.get(other, ()), name)
    return found


def _exclusive(record: Record) -> dict[str, tuple[str, ...]]:
    """The pairs of ``at_most_one`` by their first name, so that a name that many start with comes once."""
    pairs: dict[str, tuple[str, ...]] = {}
    for group in record.at_most_one:
        if len(group) == 2:
            pairs[group[0]] = (*pairs.get(group[0], ()), group[1])
    return pairs
