"""Rewriting rules: each a function from a relation to an equal one, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlglot import exp

from gristmill_sql.algebra import Relation, Shared, column
from gristmill_sql.estimate import Estimator
from gristmill_sql.names import Names
from gristmill_sql.options import CompileOptions
from gristmill_sql.oracle import Oracle
from gristmill_sql.rules.distinct_aggregates import split_distinct_aggregates
from gristmill_sql.rules.equal_parts import share_equal_parts
from gristmill_sql.rules.fold_constants import fold_constants
from gristmill_sql.rules.full_joins import split_full_joins
from gristmill_sql.rules.global_windows import split_totals, spread_global_windows
from gristmill_sql.rules.join_order import order_joins
from gristmill_sql.rules.key_filters import filter_by_keys
from gristmill_sql.rules.long_limits import spread_long_limits
from gristmill_sql.rules.outer_joins import tighten_outer_joins
from gristmill_sql.rules.predicates import normalize_predicates
from gristmill_sql.rules.pushdown import push_predicates
from gristmill_sql.rules.quantiles import spread_quantiles
from gristmill_sql.rules.semi_joins import push_semi_joins
from gristmill_sql.rules.shared_scans import share_scans
from gristmill_sql.task_sizes import MOVING

_FEWEST_SPARED = 300_000
"""Rows that are not read again outweigh that readers wait for each other (about 10 ms of work)."""


@dataclass(slots=True)
class Knowledge:
    """What rules may ask and make: types and constants, sizes, new names, relations that several readers share."""

    oracle: Oracle
    names: Names
    estimator: Estimator
    options: CompileOptions
    constants: dict[exp.Expr, exp.Expr | None] = field(default_factory=dict)
    """What constant expressions came to, as literals; None: they stay."""
    made: list[tuple[str, Relation]] = field(default_factory=list)
    """Shared relations that a rule made, each after those that it reads."""

    def share(self, name: str, relation: Relation) -> Shared:
        """A reader, under its own column names, of a relation that is now computed once."""
        self._numbers += 1
        key = f"{name} {self._numbers}"
        self.made.append((key, relation))
        self.estimator.define(key, relation)
        return Shared(key, relation.columns, tuple(c.name for c in relation.columns))

    def read(self, shared: Shared) -> tuple[Shared, dict[str, exp.Expr]]:
        """Another reader under new names, and the values of the old names over it."""
        columns = tuple(self.names.column(c.name, c.type) for c in shared.columns)
        values: dict[str, exp.Expr] = {
            old.name: column(new.name) for old, new in zip(shared.columns, columns, strict=True)
        }
        return Shared(shared.name, columns, shared.sources), values

    def pays_to_share(self, rows: float, kept: float, readers: int) -> bool:
        """Whether what so many readers want of so many rows had better be computed once: to keep it and to read it
        takes less than to read the rows again."""
        if self.options.filter_rows < 0:
            return True
        return (readers - 1) * rows - MOVING * (readers + 1) * kept >= _FEWEST_SPARED

    def partitions(self, bytes_: float) -> int:
        """How many reducers so many bytes want."""
        return self.options.partitions_for(bytes_)

    _numbers: int = 0


Rule = Callable[[Relation, Knowledge], Relation]

RULES: tuple[Rule, ...] = (
    fold_constants,
    normalize_predicates,
    push_predicates,
    tighten_outer_joins,
    push_predicates,
    push_semi_joins,
    order_joins,
    share_equal_parts,
    split_full_joins,
    split_totals,
    split_distinct_aggregates,
    spread_quantiles,
    spread_long_limits,
    spread_global_windows,
)
"""The rules for one relation; unused columns are cut afterwards, for the query as a whole (rules.columns)."""

LATER_RULES: tuple[Rule, ...] = (filter_by_keys, share_scans)
"""The rules that ask how wide rows are, and so come after that."""
