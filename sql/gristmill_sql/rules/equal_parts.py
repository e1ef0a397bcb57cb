"""Equal parts of a query are computed once.

Who writes a subquery over the same join as the query around it, or one half of a UNION like the other, has the same
work asked for twice; the largest part that stands there more than once is shared by its readers, where that spares
more rows than it has to store. Two parts are equal if they differ in nothing but the names of columns (common
subexpressions, found by hash consing).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from gristmill_sql.algebra import (
    Aggregate,
    Filter,
    Item,
    Join,
    Project,
    Relation,
    Scan,
    Shared,
    column,
    inputs_of,
    nodes_of,
    with_inputs,
)
from gristmill_sql.copies import text_of
from gristmill_sql.decorrelate import expressions_of
from gristmill_sql.expressions import columns_in, is_volatile, substituted

if TYPE_CHECKING:
    from gristmill_sql.rules import Knowledge


def share_equal_parts(relation: Relation, knowledge: Knowledge) -> Relation:
    """The relation with one reader of a shared relation in the place of each part that others are equal to."""
    scans = _scans(relation)
    once = {scan.table.source: knowledge.estimator.rows(scan) for scan in scans}
    again = sum(map(knowledge.estimator.rows, scans)) - sum(once.values())
    if len(once) == len(scans) or not knowledge.pays_to_share(again, 0, 2):
        return relation
    return _Sharing(relation, knowledge).applied(relation)


def _scans(relation: Relation) -> list[Scan]:
    return [node for node in nodes_of(relation) if isinstance(node, Scan)]


@dataclass(frozen=True, slots=True)
class _Form:
    """A relation without its names: equal ones have one ``number``, and ``columns`` says what its columns are there."""

    number: int
    columns: dict[str, str]

    def text(self, expression: exp.Expr) -> str:
        """An expression over the relation's columns."""
        own = {name: column(self.columns[name]) for name in columns_in(expression) if name in self.columns}
        return text_of(substituted(expression, own))


@dataclass(slots=True)
class _Forms:
    """The forms of all parts of one relation."""

    numbers: dict[Hashable, int] = field(default_factory=dict)
    found: dict[int, _Form] = field(default_factory=dict)
    """By the id of the part. The relation that they are parts of lives as long as this."""

    def of(self, relation: Relation) -> _Form | None:
        """The form of a relation; None where it is not known to give the same rows each time."""
        inputs = [self.of(child) for child in inputs_of(relation)]
        if None in inputs or any(map(is_volatile, expressions_of(relation))):
            return None
        form = self._made(relation, [form for form in inputs if form is not None])
        if form is not None:
            self.found[id(relation)] = form
        return form

    def _made(self, relation: Relation, inputs: list[_Form]) -> _Form | None:
        match relation:
            case Scan(table, columns, sources):
                own = {each.name: source for each, source in zip(columns, sources, strict=True)}
                return self._numbered((Scan, table.source, sources), own)
            case Shared(name, columns, sources):
                own = {each.name: source for each, source in zip(columns, sources, strict=True)}
                return self._numbered((Shared, name), own)
            case Filter(_, predicates):
                (below,) = inputs
                return self._numbered((Filter, below.number, frozenset(map(below.text, predicates))), below.columns)
            case Project(_, items):
                (below,) = inputs
                own = _values(items, below)
                return self._numbered((Project, below.number, frozenset(own.values())), own)
            case Join(kind, _, _, on):
                left, right = inputs
                own = {name: f"left {each}" for name, each in left.columns.items()}
                own |= {name: f"right {each}" for name, each in right.columns.items()}
                both = _Form(0, own)
                form = self._numbered((Join, kind, left.number, right.number, frozenset(map(both.text, on))), own)
                names = {each.name for each in relation.columns}
                return _Form(form.number, {name: each for name, each in own.items() if name in names})
            case Aggregate(_, keys, calls):
                (below,) = inputs
                by, called = _values(keys, below), _values(calls, below)
                return self._numbered(
                    (Aggregate, below.number, frozenset(by.values()), frozenset(called.values())), by | called
                )
        return None

    def _numbered(self, structure: Hashable, columns: dict[str, str]) -> _Form:
        return _Form(self.numbers.setdefault(structure, len(self.numbers)), columns)


def _values(items: tuple[Item, ...], below: _Form) -> dict[str, str]:
    return {item.column.name: below.text(item.value) for item in items}


class _Sharing:
    """Puts readers into the places of equal parts, the largest first."""

    def __init__(self, relation: Relation, knowledge: Knowledge) -> None:
        forms = _Forms()
        forms.of(relation)
        self._knowledge = knowledge
        self._forms = forms.found
        self._times = Counter(form.number for form in forms.found.values())
        self._shared: dict[int, tuple[Shared, dict[str, str]]] = {}
        """By number of form: the shared relation, and its columns by what they are."""

    def applied(self, relation: Relation) -> Relation:
        """The relation with its parts shared where that pays."""
        form = self._forms.get(id(relation))
        if form is not None and self._pays(relation, form):
            shared, columns = self._share(relation, form)
            sources = tuple(columns[form.columns[each.name]] for each in relation.columns)
            return Shared(shared.name, relation.columns, sources)
        return with_inputs(relation, tuple(map(self.applied, inputs_of(relation))))

    def _pays(self, relation: Relation, form: _Form) -> bool:
        if form.number in self._shared:
            return True
        times = self._times[form.number]
        if times < 2 or isinstance(relation, Scan | Shared):
            return False
        rows = sum(map(self._knowledge.estimator.rows, _scans(relation)))
        return self._knowledge.pays_to_share(rows, self._knowledge.estimator.rows(relation), times)

    def _share(self, relation: Relation, form: _Form) -> tuple[Shared, dict[str, str]]:
        if form.number not in self._shared:
            gone = self._times[form.number] - 1
            for part in nodes_of(relation):
                if part is not relation:
                    self._times[self._forms[id(part)].number] -= gone
            inputs = tuple(map(self.applied, inputs_of(relation)))
            shared = self._knowledge.share("equal rows", with_inputs(relation, inputs))
            self._shared[form.number] = shared, {own: name for name, own in form.columns.items()}
        return self._shared[form.number]
