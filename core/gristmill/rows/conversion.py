"""Arrays made into other types, by Arrow or by DuckDB: what ``casting`` calls where an array does not fit as it is.

A module of its own since it brings DuckDB and all of Arrow's functions, which processes that only plan, schedule or
pass blocks on can do without.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.rows.carriers import exported_as, logical_of
from gristmill.rows.duck import query


def converted(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """``array`` as ``wanted``, which is no struct; by Arrow where it knows how, else by DuckDB.

    Raises pa.ArrowInvalid where a value does not fit.
    """
    if pa.types.is_integer(array.type) and pa.types.is_decimal(wanted):
        return _by_duckdb(array, wanted) if wanted.precision < 20 else pc.cast(array, wanted)
    if pa.types.is_decimal(array.type) and pa.types.is_floating(wanted):
        return _by_duckdb(array, wanted)  # Arrow's is off by a last place for one value in eight
    rounds = pa.types.is_integer(array.type) and pa.types.is_floating(wanted)
    try:
        return pc.cast(array, options=pc.CastOptions(target_type=wanted, allow_float_truncate=rounds))
    except (pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return _by_duckdb(array, wanted)


def _by_duckdb(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    kind = exported_as(logical_of(pa.field("v", wanted)))
    given = pa.table({"v": array})
    try:
        out = query(f"SELECT CAST(v AS {kind}) AS v FROM given", given)
    except duckdb.Error as error:
        raise pa.ArrowInvalid(str(error)) from error
    chunk = out.column(0).combine_chunks()
    return chunk if chunk.type == wanted else pc.cast(chunk, wanted)
