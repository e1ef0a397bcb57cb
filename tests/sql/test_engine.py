"""Queries through the engine itself: in the calling process, and in worker processes."""

from pathlib import Path

import duckdb
import pytest
from sql_checks import Database, same
from sql_reference import Result

import gristmill as gm

QUERIES = {path.stem: path for path in sorted((Path(__file__).parent / "tpch").glob("q*.sql"))}


FEATURES = [
    "SELECT o_orderstatus, count(*), sum(o_totalprice), grouping(o_orderstatus) FROM orders GROUP BY ROLLUP (1)",
    "SELECT n_name, (SELECT count(*) FROM region WHERE r_regionkey < n_regionkey) FROM nation",
    "SELECT n_name FROM nation n WHERE n_nationkey > ALL (SELECT n_nationkey FROM nation x WHERE x.n_name < n.n_name)",
    "SELECT o_orderkey, sum(o_totalprice) OVER (ORDER BY o_orderkey), count(*) OVER () FROM orders",
    "SELECT o_orderkey, dense_rank() OVER (ORDER BY o_orderdate DESC) FROM orders",
    "SELECT c_nationkey FROM customer EXCEPT ALL SELECT n_nationkey FROM nation",
    "SELECT DISTINCT ON (o_custkey) o_custkey, o_orderkey FROM orders ORDER BY o_custkey, o_orderkey DESC",
    "SELECT count(DISTINCT o_custkey), avg(DISTINCT o_shippriority), count(DISTINCT o_orderdate), count(*) FROM orders",
    "SELECT r_name, n_name FROM region FULL JOIN nation ON r_regionkey > n_nationkey",
    "SELECT o_orderkey, l_linenumber FROM orders ASOF JOIN (FROM lineitem WHERE l_linenumber = 1) l "
    "ON o_orderkey = l_orderkey AND o_orderdate <= l_shipdate",
    "SELECT p_partkey, w FROM part, unnest(string_split(p_name, ' ')) AS words(w) WHERE p_size = 3",
    "SELECT n_name, o.o_orderkey FROM nation, LATERAL (SELECT o_orderkey FROM orders WHERE o_custkey = n_nationkey "
    "ORDER BY o_orderkey LIMIT 2) o",
    "SELECT l_returnflag, stddev(l_quantity), arg_max(l_orderkey, l_extendedprice) FROM lineitem GROUP BY ALL",
]


def _run(name: str, database: Database, **options: object) -> None:
    _check(QUERIES[name].read_text(), database, **options)


def _check(sql: str, database: Database, **options: object) -> None:
    query = gm.sql(sql, tables=database.tables, **options)  # type: ignore[arg-type]
    expected = database.expected(sql)
    with duckdb.connect() as connection:
        rows = connection.from_arrow(query.arrow()).fetchall()
    same(Result((), (), rows), Result((), (), expected.rows), ordered=query.compiled.ordered)


@pytest.mark.parametrize("name", QUERIES)
def test_tpch_query_in_the_calling_process(name: str, tpch: Database) -> None:
    _run(name, tpch)


@pytest.mark.parametrize("name", ["q01", "q05", "q15"])
def test_tpch_query_in_worker_processes(name: str, tpch: Database) -> None:
    _run(name, tpch, force_distributed=True, workers=2, partitions=3)


@pytest.mark.parametrize("sql", FEATURES)
def test_feature_in_the_calling_process(sql: str, tpch: Database) -> None:
    _check(sql, tpch, partitions=4)


def test_window_over_all_rows_in_worker_processes(tpch: Database) -> None:
    _check(FEATURES[3], tpch, force_distributed=True, workers=2, partitions=3)
