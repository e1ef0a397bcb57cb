"""``gristmill sql --catalog``: tables and views by name, beside the file, and what is wrong with such files."""

from __future__ import annotations

from pathlib import Path, PurePath

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from gristmill.errors import InvalidPlan
from gristmill.plan.catalog import TableCatalog, load_catalog
from gristmill_cli.known_tables import KnownTables
from gristmill_cli.main import app

CATALOG = """
tables:
  t: {uri: data/*.parquet}
  lines: {uri: lines.txt, format: csv, csv: {header: false}}
views:
  big: SELECT * FROM t WHERE n > 3
  named: SELECT city FROM big
stores:
  - {prefix: "s3://", endpoint: "http://localhost:9000", pathStyle: true}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"city": ["Oslo", "Bergen"], "n": [3, 4]}), tmp_path / "data" / "t.parquet")
    (tmp_path / "lines.txt").write_text("1\n2\n")
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    return tmp_path


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT sum(n) AS s FROM t", "s\n7\n"),
        ("SELECT * FROM named", "city\nBergen\n"),
        ("SELECT count(*) AS n FROM lines", "n\n2\n"),
    ],
)
def test_queries_name_tables_and_views_of_the_file(folder: Path, query: str, rows: str) -> None:
    done = CliRunner().invoke(app, ["sql", query, "--catalog", str(folder / "catalog.yaml"), "-o", "csv", "-q"])
    assert done.exit_code == 0, done.output
    assert done.stdout == rows


def test_a_table_of_the_command_line_comes_before_that_of_the_file(folder: Path) -> None:
    pq.write_table(pa.table({"n": [100]}), folder / "other.parquet")
    options = ["--catalog", str(folder / "catalog.yaml"), "--table", f"t={folder}/other.parquet", "-o", "csv", "-q"]
    done = CliRunner().invoke(app, ["sql", "SELECT n FROM t", *options])
    assert done.stdout == "n\n100\n"


def test_stores_of_the_file_are_those_of_the_query(folder: Path) -> None:
    catalog = load_catalog(CATALOG, "catalog.yaml", folder)
    assert [(store.prefix, store.endpoint) for store in catalog.stores] == [("s3://", "http://localhost:9000")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tabels: {}", ["catalog.yaml:1:1", "tabels", "tables"]),
        ("tables: {t: {format: csv}}", ["catalog.yaml:1", "uri"]),
        ("tables: {t: {uri: a.unknown}}", ["catalog.yaml:1:10 tables[t]", "does not say its format"]),
        ("tables: [t]", ["catalog.yaml:1", "tables"]),
        ("", ["0 documents"]),
        ("a: {", ["catalog.yaml", "not YAML"]),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_place(text: str, words: list[str]) -> None:
    with pytest.raises(InvalidPlan) as raised:
        load_catalog(text, "catalog.yaml", PurePath())
    for word in words:
        assert word in str(raised.value)


def test_views_may_end_in_comments_have_odd_names_and_be_made_again(folder: Path) -> None:
    catalog = TableCatalog((), (("a", "SELECT 1 AS one -- c"), ('odd "name"', "SELECT one + 1 AS two FROM a")))
    catalog = catalog.with_view("A", "SELECT 5 AS one")
    assert [name for name, _ in catalog.views] == ["A", 'odd "name"']
    known = KnownTables({}, catalog.with_view("last", "SELECT 0; -- c"))
    assert known.query('SELECT two FROM "odd ""name"""').rows() == [{"two": 6}]
