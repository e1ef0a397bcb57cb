"""Applies the rules to a bound query, in their order. Called by the compiler; its result prints like the bound one."""

from __future__ import annotations

from dataclasses import replace

from gristmill_sql.algebra import Query, Relation
from gristmill_sql.rules import LATER_RULES, RULES, Knowledge, Rule
from gristmill_sql.rules.columns import prune_columns


def optimize(query: Query, knowledge: Knowledge) -> Query:
    """An equal query that costs less."""
    for rules in (RULES, LATER_RULES):
        query = prune_columns(_after(query, rules, knowledge))
    return query


def _after(query: Query, rules: tuple[Rule, ...], knowledge: Knowledge) -> Query:
    shared = []
    for name, relation in query.shared:
        rewritten = _rewritten(relation, rules, knowledge)
        knowledge.estimator.define(name, rewritten)
        shared += [*_made(knowledge), (name, rewritten)]
    root = _rewritten(query.root, rules, knowledge)
    return replace(query, root=root, shared=(*shared, *_made(knowledge)))


def _made(knowledge: Knowledge) -> list[tuple[str, Relation]]:
    """The shared relations that rules made since the last call."""
    made, knowledge.made = knowledge.made, []
    return made


def _rewritten(relation: Relation, rules: tuple[Rule, ...], knowledge: Knowledge) -> Relation:
    """The relation after the rules; what a rule makes to be shared goes through the rules after it."""
    made: list[tuple[str, Relation]] = []
    for rule in rules:
        earlier = made
        made = []
        for name, shared in earlier:
            new = rule(shared, knowledge)
            knowledge.estimator.define(name, new)
            made += [*_made(knowledge), (name, new)]
        relation = rule(relation, knowledge)
        made += _made(knowledge)
    knowledge.made = made
    return relation
