"""DuckDB's SQL as it stands: calls that planning need not understand stay a name with arguments.

Used wherever text in DuckDB's dialect is read. sqlglot knows hundreds of functions of many dialects by their meaning,
and writes them in its own words: ``decode(b, 'replace')`` without its second argument, ``log2(x)`` as a quotient,
``date_trunc(unit, d)`` with a column's name for a unit. What is not listed here reaches DuckDB as the user wrote it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from sqlglot import TokenType
from sqlglot.dialects import Dialect
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.parsers.duckdb import DuckDBParser

from gristmill.errors import InvalidQuery

_UNDERSTOOD = frozenset(
    """
    any_value arg_max arg_min argmax argmin array_agg avg bit_and bit_or bit_xor bool_and bool_or coalesce columns count
    count_if countif cume_dist current_date current_timestamp dense_rank exists first first_value
    generate_series grouping grouping_id ifnull lag last last_value lead list list_value max max_by mean median min
    min_by mode nth_value ntile nullif percent_rank percentile_cont percentile_disc quantile quantile_cont
    quantile_disc random range rank row_number stddev stddev_pop stddev_samp struct_pack sum today unnest uuid
    var_pop var_samp variance
    """.upper().split()
)
"""Functions that binder, rules or planner ask for by their meaning."""
_SYNTAX = frozenset(
    """
    arg_max arg_min argmax argmin cast extract group_concat listagg max max_by min min_by overlay quantile
    quantile_cont quantile_disc string_agg substring trim try_cast
    """.upper().split()
)
"""Functions whose arguments may stand in forms of their own, as in ``extract(year FROM d)``."""


_FOREIGN = ("<=>", "APPLY")
"""What is no comparison, and no keyword, in DuckDB."""


class _Parser(DuckDBParser):
    """Reads a call of any other function as one without a known meaning."""

    FUNCTIONS: ClassVar[dict[str, Callable[..., Any]]] = {
        name: build for name, build in DuckDBParser.FUNCTIONS.items() if name in _UNDERSTOOD
    }
    FUNCTION_PARSERS: ClassVar[dict[str, Callable[..., Any]]] = {
        name: read for name, read in DuckDBParser.FUNCTION_PARSERS.items() if name in _SYNTAX
    }


class Verbatim(DuckDB):
    """sqlglot's dialect of DuckDB with those functions alone."""

    class Tokenizer(DuckDB.Tokenizer):
        """Reads ``apply`` as the function that it is; ``<=>``, which measures lists, is refused."""

        KEYWORDS: ClassVar[dict[str, TokenType]] = {
            word: token for word, token in DuckDB.Tokenizer.KEYWORDS.items() if word not in _FOREIGN
        }

    Parser = _Parser


def require_own_parser(dialect: Dialect) -> None:
    """Raises InvalidQuery where sqlglot does not let others extend its parser: its compiled form does not."""
    try:
        dialect.parser()
    except TypeError as fault:
        raise InvalidQuery(
            f"the compiled form of sqlglot is installed, which Gristmill cannot extend ({fault})",
            place="package sqlglotc",
            remedy="pip uninstall sqlglotc; sqlglot itself stays",
        ) from None


require_own_parser(Verbatim())
