"""TABLESAMPLE and USING SAMPLE: a part of the rows, or so many of them, by chance.

Called by ``sources``. The choice is by a hash of each row's task, place and columns with the seed, so that tasks draw
independently and one that runs again chooses the same rows; they are others than DuckDB's, with the same chances.
"""

from __future__ import annotations

import secrets
from fractions import Fraction

from sqlglot import exp

from gristmill_sql.algebra import Relation, Sample
from gristmill_sql.opaque import CannotSpread
from gristmill_sql.oracle import Oracle, Unbindable

_SEEDS = 1 << 31


def sampled(relation: Relation, sample: exp.TableSample, oracle: Oracle) -> Relation:
    """The relation under a sample clause; without REPEATABLE its seed is drawn here."""
    percent, size, seed = (sample.args.get(k) for k in ("percent", "size", "seed"))
    number = _number(percent or size, oracle)
    chosen = int(_number(seed, oracle)) if seed else secrets.randbelow(_SEEDS)
    if percent is not None:
        return Sample(relation, chosen, share=number / 100)
    return Sample(relation, chosen, count=int(number))


def _number(node: exp.Expr | None, oracle: Oracle) -> Fraction:
    if node is None:
        raise CannotSpread("a sample without a size")
    try:
        text, _ = oracle.evaluate(node)
    except Unbindable:
        raise CannotSpread("a sample whose size is not constant") from None
    return Fraction(text or 0)
