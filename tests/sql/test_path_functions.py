"""``read_csv('…', delim = ';')`` and its like: DuckDB's own answer, over files that need the option, or a refusal."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gristmill as gm
from gristmill.errors import InputError, InvalidQuery


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files")
    (path / "semi.csv").write_text("a;b;c\n1;2;x\n3;NA;'y;z'\n")
    (path / "bare.txt").write_text("1|u\n2|v\n")
    (path / "lines.log").write_text('{"a": 1, "b": "x"}\n{"a": 2, "b": null}\n')
    pq.write_table(pa.table({"a": [1, 2]}), path / "one.parquet")
    pq.write_table(pa.table({"a": [3], "b": ["u"]}), path / "two.parquet")
    (path / "h" / "p=7").mkdir(parents=True)
    pq.write_table(pa.table({"a": [5]}), path / "h" / "p=7" / "f.parquet")
    return path


@pytest.fixture(scope="module")
def session() -> Iterator[gm.Session]:
    with gm.Session(workers=1) as session:
        yield session


@pytest.mark.parametrize(
    "source",
    [
        """read_csv('{}/semi.csv', delim = ';', quote = '''', nullstr = 'NA')""",
        """read_csv_auto('{}/semi.csv', sep := ';', quote => '''', nullstr = ['NA'], escape = '''')""",
        """read_csv('{}/semi.csv', delimiter = ';', quote = '''', nullstr = 'NA', auto_detect = true)""",
        """read_csv('{}/bare.txt', delim = '|', header = false, columns = {{'n': 'DECIMAL(9,2)', 't': 'VARCHAR'}})""",
        """read_csv('{}/bare.txt', delim = '|', header = 0, columns = {{n: 'BIGINT', t: 'TEXT'}}, filename = false)""",
        """read_json('{}/lines.log', format = 'newline_delimited')""",
        """read_ndjson('{}/lines.log', columns = {{a: 'HUGEINT', b: 'VARCHAR'}})""",
        """read_parquet(['{0}/one.parquet', '{0}/h/p=7/f.parquet'], hive_partitioning = false)""",
        """read_parquet(['{0}/one.parquet', '{0}/two.parquet'], union_by_name = true)""",
        """parquet_scan('{}/h/*/*.parquet', hive_partitioning = false)""",
        """read_parquet('{}/h/**/*.parquet', hive_partitioning = true) AS x(first, second)""",
    ],
)
def test_options_of_reading_mean_what_they_mean_to_duckdb(source: str, folder: Path, session: gm.Session) -> None:
    sql = f"SELECT * FROM {source.format(folder)} ORDER BY ALL"
    theirs = duckdb.sql(sql)
    for ours in (gm.sql(sql).arrow(), session.sql(sql, force_distributed=True).arrow()):
        assert [tuple(row.values()) for row in ours.to_pylist()] == theirs.fetchall()
        assert ours.column_names == theirs.columns


def test_one_file_may_be_read_in_several_ways(folder: Path) -> None:
    path = folder / "bare.txt"
    one, two = f"read_csv('{path}', delim = '|', header = false)", f"read_csv('{path}', delim = '|')"
    counts = gm.sql(f"SELECT (SELECT count(*) FROM {one}) AS one, (SELECT count(*) FROM {two}) AS two")
    assert counts.arrow().to_pylist() == [{"one": 2, "two": 1}]


def test_a_path_goes_by_the_name_of_its_file_or_function(folder: Path) -> None:
    sql = (
        f"SELECT one.a, two.b FROM '{folder}/one.parquet' JOIN '{folder}/two.parquet' ON one.a < two.a WHERE one.a = 1"
    )
    assert gm.sql(sql).arrow().to_pylist() == [{"a": 1, "b": "u"}]
    sql = f"SELECT read_parquet.a FROM read_parquet('{folder}/two.parquet')"
    assert gm.sql(sql).arrow().to_pylist() == [{"a": 3}]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("read_csv('a.csv', dlim = ';')", r"line 1:33: read_csv has no option dlim here[\s\S]*Did you mean delim"),
        ("read_csv('a.csv', skip = 1)", r"line 1:33: read_csv cannot read with skip = 1"),
        ("read_csv('a.csv', delim = ';;')", r"cannot read with delim = ';;'"),
        ("read_parquet('a.parquet', filename = true)", r"cannot read with filename = TRUE"),
        ("read_json('a.json', format = 'array')", r"cannot read with format = 'array'"),
        ("read_csv('a.csv', columns = {'a': 'FOO'})", r"column a: there is no type 'FOO'"),
        ("read_csv('a.csv', ';')", r"takes one path or a list of them, and options by name"),
        ("read_csv(['a.csv', 'a.csv'])", r"names a.csv twice"),
        ("read_csv('a' || '.csv')", r"wants a path, or a list of paths, as text"),
        ("glob('a/*')", r"line 1:15: glob is not supported[\s\S]*name the files in FROM"),
        ("delta_scan('a')", r"delta_scan is not supported"),
    ],
)
def test_what_it_cannot_read_with_is_refused_where_it_stands(source: str, reason: str) -> None:
    with pytest.raises(InvalidQuery, match=reason):
        gm.sql(f"SELECT * FROM {source}").arrow()


def test_a_header_with_another_delimiter_is_not_one_column(folder: Path) -> None:
    with pytest.raises(InputError, match=r"one column, 'a;b;c': values seem to be separated by ';'[\s\S]*delim = ';'"):
        gm.sql(f"SELECT * FROM '{folder}/semi.csv'").arrow()
    declared = gm.sql(f"SELECT * FROM read_csv('{folder}/semi.csv', columns = {{'a;b;c': 'VARCHAR'}})").arrow()
    assert declared.column_names == ["a;b;c"]


def test_a_path_may_be_a_parameter(folder: Path) -> None:
    rows = gm.sql("SELECT count(*) AS n FROM read_parquet(?)", params=[f"{folder}/one.parquet"]).arrow()
    assert rows.to_pylist() == [{"n": 2}]
