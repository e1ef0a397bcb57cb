"""SQL text to a chain of MapReduce jobs. Knows core's plan types and storage's footers, nothing of how tasks run."""

from gristmill_sql.catalog import Catalog, Table, TableFacts
from gristmill_sql.check import check_query
from gristmill_sql.compile import CompiledQuery, compile_query
from gristmill_sql.options import CompileOptions
from gristmill_sql.whole import WholeQuery, read_whole

__all__ = [
    "Catalog",
    "CompileOptions",
    "CompiledQuery",
    "Table",
    "TableFacts",
    "WholeQuery",
    "check_query",
    "compile_query",
    "read_whole",
]
