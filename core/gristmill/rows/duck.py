"""DuckDB as a function over Arrow columns: for sort keys, hashes and casts that Arrow cannot do by itself.

Each thread has one in-memory connection with one thread of its own; nothing stays in it. Only modules of rows call it.
"""

from __future__ import annotations

import threading

import duckdb
import pyarrow as pa

_local = threading.local()


def query(sql: str, given: pa.Table) -> pa.Table:
    """The rows of ``sql`` over the table ``given``, in its order. Raises duckdb.Error."""
    if not hasattr(_local, "connection"):
        _local.connection = duckdb.connect(config={"threads": 1})
    con: duckdb.DuckDBPyConnection = _local.connection
    con.register("given", given)
    try:
        return con.sql(sql).to_arrow_table()
    finally:
        con.unregister("given")
