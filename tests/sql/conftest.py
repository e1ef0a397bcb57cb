"""What the SQL tests share: TPC-H data of a small scale, made once, and a DuckDB that sees it."""

import sys
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from sql_checks import Database
from tpc_data import generate_tpc


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="write the plans' gold files anew")


@pytest.fixture(scope="session")
def tpch(tmp_path_factory: pytest.TempPathFactory) -> Database:
    folder = tmp_path_factory.mktemp("tpch")
    generate_tpc("tpch", "0.01", folder)
    return Database({path.stem: path for path in sorted(folder.glob("*.parquet"))})


@pytest.fixture(scope="session")
def tpcds(tmp_path_factory: pytest.TempPathFactory) -> Database:
    folder = tmp_path_factory.mktemp("tpcds")
    generate_tpc("tpcds", "0.01", folder)
    return Database({path.stem: path for path in sorted(folder.glob("*.parquet"))})


@pytest.fixture(scope="session")
def oddities(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Small tables full of what goes wrong: NULLs, duplicates, NaN, negative zero, long decimals, no rows at all."""
    folder = tmp_path_factory.mktemp("oddities")
    tables = {
        "t": """SELECT i AS id, CASE WHEN i % 7 = 0 THEN NULL ELSE i % 5 END AS a, (i * 37) % 11 - 5 AS b,
                CASE i % 6 WHEN 0 THEN NULL WHEN 1 THEN 'nan'::DOUBLE WHEN 2 THEN -0.0 WHEN 3 THEN 0.0
                     ELSE i / 8 END AS d,
                CASE WHEN i % 9 = 0 THEN NULL ELSE (i * 12345.6789)::DECIMAL(20, 4) END AS m,
                ['x', 'y', '', NULL, 'ä', 'Z'][i % 6 + 1] AS s, DATE '2024-01-01' + (i % 40)::INTEGER AS day,
                {'p': i % 3, 'q': 'q' || (i % 4)} AS st, [i % 2, i % 3] AS l, i % 3 = 0 AS flag,
                (i % 100)::TINYINT AS tiny, i::HUGEINT * 10000000000000000000 AS huge
                FROM range(60) r(i)""",
        "u": """SELECT i % 8 AS a, i AS uid, ['y', 'x', NULL, 'w'][i % 4 + 1] AS s, (i % 5)::DOUBLE AS d,
                (i % 7)::DECIMAL(6, 2) AS m, DATE '2024-01-01' + (i * 3)::INTEGER AS day
                FROM range(25) r(i)""",
        "nothing": "SELECT 1 AS a, 'x' AS s, 1.5::DOUBLE AS d WHERE false",
        "one": "SELECT 3 AS a, 'y' AS s",
    }
    with duckdb.connect() as connection:
        for name, query in tables.items():
            connection.execute(f"COPY ({query}) TO '{folder}/{name}.parquet' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
    return Database({name: folder / f"{name}.parquet" for name in tables})
