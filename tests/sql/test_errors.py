"""Wrong SQL: the error names line and column, underlines the place, and says what to do; never a traceback."""

import pytest
from sql_checks import Database

from gristmill.errors import GristmillError, InvalidQuery
from gristmill_sql import CompileOptions, compile_query
from gristmill_sql.verbatim import Verbatim, require_own_parser

PLACED = [
    ("SELECT foo FROM t", "line 1:8", "foo", "^~~"),
    ("SELECT id\nFROM t\nWHERE idd > 3", "line 3:7", "idd", "      ^~~"),
    ("SELECT * FROM tt", "line 1:15", "there is no table tt", "did you mean: t?"),
    ("SELECT id FROM t WHERE", "line 1:18", "syntax error", "^~~~~"),
    ("SELECT 'abc FROM t", "line 1:8", "unterminated", "^"),
    ("SELECT t.id FROM t, u WHERE a = 1", "line 1:29", "Ambiguous", "t.a"),
    ("SELECT a, count(*) FROM t", "line 1:8", "GROUP BY", "^"),
    ("SELECT day + 'abc' FROM t", "line 1:12", "explicit type casts", "^"),
    ("SELECT lenght(s) FROM t", "line 1:8", "lenght", "did you mean: length?"),
    ("SELECT id FROM t WHERE sum(a) > 1", "line 1:24", "WHERE clause cannot contain aggregates", "^~~~~~"),
    ("SELECT 'é', x.y FROM t", "line 1:13", "", "^"),
    ("DELETE FROM t", "line 1:1", "DELETE is not supported", "^~~~~~"),
    ("PIVOT t ON s USING sum(b)", "line 1:12", "PIVOT without IN", "list the values"),
    ("SELECT t.rowid FROM t", "line 1:8", "rows of files have no rowid", "row_number() OVER"),
    ("PIVOT t ON s USING sum(b) ORDER BY id", "line 1:12", "PIVOT without IN", "list the values"),
    ("PIVOT t ON s IN ('x') USING sum(b)\nGROUP BY a\nORDER BY nope", "line 3:10", "nope", "^~~~"),
    ("SELECT st.nope FROM t", "line 1:11", 'Could not find key "nope"', "^~~~"),
    ("SELECT * EXCLUDE (zzz)\nFROM t", "line 1:19", "EXCLUDE list", "^~~"),
    ("SELECT nope.* FROM t", "line 1:8", 'Referenced table "nope" not found', "^~~~"),
    ("COPY t TO", "line 1:1", "COPY names no place to write to", "COPY (query) TO 'URI'"),
    ("WITH x AS (SELECT 1) SELECT * FROM y", "line 1:36", "there is no table y", "^"),
]


@pytest.mark.parametrize(("sql", "place", "reason", "shown"), PLACED)
def test_error_names_and_underlines_the_place(
    sql: str, place: str, reason: str, shown: str, oddities: Database
) -> None:
    with pytest.raises(InvalidQuery) as caught:
        compile_query(sql, oddities.catalog)
    assert caught.value.place == place
    assert reason in caught.value.reason
    assert shown in str(caught.value)


@pytest.mark.parametrize("sql", ["", "  \n", "-- nothing", "SELECT 1; SELECT 2", "SELECT $1", "SELECT ?", "SELECT $x"])
def test_text_that_is_no_single_query_is_refused(sql: str, oddities: Database) -> None:
    with pytest.raises(InvalidQuery):
        compile_query(sql, oddities.catalog)


def test_glob_that_matches_nothing_is_named(oddities: Database) -> None:
    with pytest.raises(GristmillError, match=r"nowhere/\*\.parquet"):
        compile_query("SELECT * FROM 'nowhere/*.parquet'", oddities.catalog)


def test_unknown_dialect_is_named(oddities: Database) -> None:
    with pytest.raises(InvalidQuery, match="klingon"):
        compile_query("SELECT 1", oddities.catalog, CompileOptions(dialect="klingon"))


@pytest.mark.parametrize(
    ("params", "remedy"),
    [({"leest": 1}, "Did you mean least?"), ({"least": 1, "x": 2}, "One of: least, most."), ({}, "Give one for each")],
)
def test_a_wrong_parameter_brings_the_names_that_there_are(oddities: Database, params: dict, remedy: str) -> None:
    with pytest.raises(InvalidQuery, match="parameter") as caught:
        compile_query(
            "SELECT id FROM t WHERE a > $least AND a < $most", oddities.catalog, CompileOptions(params=params)
        )
    assert remedy in caught.value.remedy


def test_parameters_must_match(oddities: Database) -> None:
    for params in ((1, 2), {"y": 1}, ()):
        with pytest.raises(InvalidQuery, match="parameter"):
            compile_query("SELECT id FROM t WHERE a = $x", oddities.catalog, CompileOptions(params=params))


def test_what_was_no_utf8_is_told(oddities: Database) -> None:
    for sql, params, place in (
        ("SELECT '\udce9'", (), "query"),
        ("SELECT ?", ("caf\udce9",), "parameter 'caf\\udce9'"),
    ):
        with pytest.raises(InvalidQuery, match="is not valid UTF-8") as caught:
            compile_query(sql, oddities.catalog, CompileOptions(params=params))
        assert caught.value.place == place


def test_ten_thousand_lines_compile(oddities: Database) -> None:
    terms = "\n AND ".join(f"id <> {number}" for number in range(10_000))
    assert len(compile_query(f"SELECT id FROM t WHERE {terms}", oddities.catalog).chain.jobs) == 1


def test_deep_nesting_is_an_error_of_the_query(oddities: Database) -> None:
    with pytest.raises(InvalidQuery, match="nested too deeply"):
        compile_query("SELECT " + "(" * 5000 + "1" + ")" * 5000, oddities.catalog)


def test_moderate_nesting_compiles(oddities: Database) -> None:
    query = "SELECT " + "CASE WHEN id = 1 THEN 1 ELSE " * 300 + "1" + " END" * 300 + " AS x FROM t"
    assert len(compile_query(query, oddities.catalog).chain.jobs) == 1


def test_a_parser_that_cannot_be_extended_says_which_package_to_remove(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise TypeError("interpreted classes cannot inherit from compiled")

    monkeypatch.setattr(Verbatim, "parser", refuse)
    with pytest.raises(InvalidQuery, match=r"(?s)package sqlglotc: .* pip uninstall sqlglotc"):
        require_own_parser(Verbatim())
