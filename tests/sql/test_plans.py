"""Gold files: each query under plans/ with the chain that it becomes, as EXPLAIN shows it, in comments under it.

``pytest tests/sql/test_plans.py --update`` writes them anew; a change of a plan is read in review. The tables are of
TPC-H at scale factor 1, known by their figures alone: no file is read.
"""

from pathlib import Path

import pytest

from gristmill.plan.explain import explain
from gristmill.plan.schema import Column
from gristmill.plan.source import FileSource, Format
from gristmill_sql import Catalog, CompileOptions, TableFacts, compile_query

FOLDER = Path(__file__).parent
PLANS = sorted((FOLDER / "plans").glob("*.sql"))
WORDS = {"i": "INTEGER", "b": "BIGINT", "d": "DECIMAL(15,2)", "t": "DATE", "s": "VARCHAR"}
TABLES = {
    "region": (5, 4 << 10, "b regionkey, s name, s comment"),
    "nation": (25, 4 << 10, "b nationkey, s name, b regionkey, s comment"),
    "supplier": (10_000, 800 << 10, "b suppkey, s name, s address, b nationkey, s phone, d acctbal, s comment"),
    "customer": (
        150_000,
        13 << 20,
        "b custkey, s name, s address, b nationkey, s phone, d acctbal, s mktsegment, s comment",
    ),
    "part": (
        200_000,
        7 << 20,
        "b partkey, s name, s mfgr, s brand, s type, i size, s container, d retailprice, s comment",
    ),
    "partsupp": (800_000, 42 << 20, "b partkey, b suppkey, i availqty, d supplycost, s comment"),
    "orders": (
        1_500_000,
        57 << 20,
        "b orderkey, b custkey, s orderstatus, d totalprice, t orderdate, s orderpriority, s clerk, i shippriority, "
        "s comment",
    ),
    "lineitem": (
        6_001_215,
        217 << 20,
        "b orderkey, b partkey, b suppkey, i linenumber, d quantity, d extendedprice, d discount, d tax, s returnflag, "
        "s linestatus, t shipdate, t commitdate, t receiptdate, s shipinstruct, s shipmode, s comment",
    ),
}
PREFIXES = {name: name[0] for name in TABLES} | {"partsupp": "ps"}


def _facts(source: FileSource, place: str) -> TableFacts:
    name = Path(source.uris[0]).stem
    rows, bytes_, columns = TABLES[name]
    pairs = [column.split() for column in columns.split(", ")]
    return TableFacts(tuple(Column(f"{PREFIXES[name]}_{c}", WORDS[t]) for t, c in pairs), rows, bytes_)


CATALOG = Catalog({name: FileSource((f"/tpch/{name}.parquet",), Format.PARQUET) for name in TABLES}, _facts)


def _chain(sql: str) -> str:
    text = explain(compile_query(sql, CATALOG, CompileOptions()).chain, None)
    return "\n".join(f"-- {line}".rstrip() for line in text.strip().splitlines())


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_plan_is_as_recorded(path: Path, request: pytest.FixtureRequest) -> None:
    sql = "\n".join(line for line in path.read_text().splitlines() if not line.startswith("--")).strip()
    actual = f"{sql}\n\n{_chain(sql)}\n"
    if request.config.getoption("--update", default=False):
        path.write_text(actual)
    assert path.read_text() == actual
