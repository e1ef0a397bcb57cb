"""Jobs and queries through the command: what goes to stdout, what to stderr, what is left behind."""

import csv
import io
import json
import signal
import subprocess
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.worker.processes import family

WORDCOUNT = """
import gristmill as gm

def words(file, line):
    for word in line.split():
        yield word, 1

def total(word, counts):
    gm.counter("words", 1)
    yield word, sum(counts)

job = gm.Job("wordcount", input=gm.text("*.txt"), map=words, combine=total, reduce=total, partitions=2, output="out/")
"""


@pytest.fixture
def wordcount(tmp_path):
    (tmp_path / "a.txt").write_text("to be or not to be\n")
    (tmp_path / "b.txt").write_text("that is the question\n")
    (tmp_path / "job.py").write_text(WORDCOUNT)


@pytest.fixture
def orders(tmp_path):
    pq.write_table(pa.table({"id": range(100), "shop": ["x", "y"] * 50, "price": [1.5] * 100}), tmp_path / "o.parquet")


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("tier", [[], ["--force-distributed", "--workers", "2", "--memory", "512MiB"]])
def test_run_gives_rows_on_stdout_and_the_rest_on_stderr(gristmill, wordcount, tmp_path, tier):
    done = gristmill("run", "job.py", "-o", "csv", *tier)
    assert done.returncode == 0, done.stderr
    counts = {row["key"]: int(row["value"]) for row in rows_of(done.stdout)}
    assert counts == {"to": 2, "be": 2, "or": 1, "not": 1, "that": 1, "is": 1, "the": 1, "question": 1}
    assert " tasks in " in done.stderr
    assert "8 rows in 2 parts" in done.stderr
    assert "out" in done.stderr
    assert "\x1b" not in done.stderr


def test_quiet_leaves_stderr_empty(gristmill, wordcount):
    done = gristmill("run", "job.py", "-q", "-o", "json")
    assert done.stderr == ""
    assert {"key": "be", "value": 2} in [json.loads(line) for line in done.stdout.splitlines()]


def test_explain_runs_nothing(gristmill, wordcount, tmp_path):
    done = gristmill("run", "job.py", "--explain")
    assert done.returncode == 0, done.stderr
    assert "wordcount" in done.stdout
    assert not (tmp_path / "out").exists()


def test_a_result_that_is_there_is_refused(gristmill, wordcount):
    assert gristmill("run", "job.py").returncode == 0
    again = gristmill("run", "job.py")
    assert again.returncode == 3
    assert again.stderr.splitlines()[-2].startswith("error: ") or again.stderr.splitlines()[-1].startswith("error: ")


def test_a_function_that_raises_names_file_and_line(gristmill, wordcount, tmp_path):
    (tmp_path / "job.py").write_text(WORDCOUNT.replace("yield word, 1", "yield word, 1 / (word != 'question')"))
    done = gristmill("run", "job.py")
    assert done.returncode == 4
    assert "ZeroDivisionError" in done.stderr
    assert "b.txt" in done.stderr
    assert "job.py" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path).glob("out/part-*"))


def test_a_query_over_a_table(gristmill, orders):
    done = gristmill(
        "sql", "SELECT shop, count(*) AS n FROM o WHERE id >= $low GROUP BY shop ORDER BY shop",
        "--table", "o=o.parquet", "--param", "low=50", "-o", "csv",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "shop,n\nx,25\ny,25\n"


def test_a_query_from_stdin_and_from_a_file(gristmill, orders, tmp_path):
    query = "SELECT sum(price) AS total FROM 'o.parquet'"
    (tmp_path / "q.sql").write_text(query)
    assert gristmill("sql", "-o", "csv", stdin=query).stdout == "total\n150.0\n"
    assert gristmill("sql", "-f", "q.sql", "-o", "csv").stdout == "total\n150.0\n"


def test_to_writes_parts_and_nothing_on_stdout(gristmill, orders, tmp_path):
    done = gristmill("sql", "SELECT id FROM 'o.parquet' WHERE shop = ?", "-p", "x", "--to", "big")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "50 rows" in done.stderr
    assert sum(pq.read_metadata(part).num_rows for part in (tmp_path / "big").glob("part-*.parquet")) == 50


def test_wrong_sql_names_line_and_column(gristmill, orders):
    done = gristmill("sql", "SELECT\n  prize\nFROM 'o.parquet'")
    assert done.returncode == 2
    assert "line 2" in done.stderr
    assert "price" in done.stderr


def test_a_table_that_is_not_there(gristmill):
    done = gristmill("sql", "SELECT 1 FROM 'none.parquet'")
    assert done.returncode in {2, 3}
    assert "none.parquet" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_cancels_with_130_and_leaves_nothing(wordcount, command, tmp_path):
    (tmp_path / "job.py").write_text(
        WORDCOUNT.replace("def words(file, line):", "def words(file, line):\n    import time; time.sleep(60)")
    )
    process = subprocess.Popen(
        # A background job of a shell ignores SIGINT, and what it starts does too.
        ["env", "--default-signal=INT", str(command), "run", "job.py", "--force-distributed", "--workers", "2"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = iter(process.stderr.readline, "")
    assert any("running" in line for line in lines)
    time.sleep(0.5)
    children = list(family(process.pid))[1:]
    assert children
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=30)[1]
    assert process.returncode == 130, rest
    assert "cancelled: " in rest
    assert "Traceback" not in rest
    deadline_s = time.monotonic() + 10
    while any(map(alive, children)) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert not [pid for pid in children if alive(pid)]
    assert not list(tmp_path.glob("out/part-*"))


STUBBORN = """
import time

def words(file, line):
    print("begun", flush=True)
    for _ in range(600):
        try:
            time.sleep(0.1)
        except BaseException:
            pass
    yield line, 1
"""


@pytest.mark.parametrize("swallow", ["except BaseException", "except Exception"])
def test_ctrl_c_is_obeyed_in_code_that_swallows_it(wordcount, command, tmp_path, swallow):
    begun = WORDCOUNT.index("def words")
    ended = WORDCOUNT.index("def ", begun + 1)
    (tmp_path / "job.py").write_text(
        WORDCOUNT[:begun] + STUBBORN.replace("except BaseException", swallow) + "\n\n" + WORDCOUNT[ended:]
    )
    assert interrupted([command, "run", "job.py"], tmp_path, begun="begun") == 130


def test_ctrl_c_ends_a_query_in_this_process(command, tmp_path):
    query = "SELECT count(*) FROM range(100000000000) a(i) WHERE sqrt(i) * sin(i) = 0.5"
    assert interrupted([command, "sql", query], tmp_path, begun="in this process") == 130


def interrupted(arguments: list, folder: Path, begun: str = "") -> int:
    """The exit code of a command that gets Ctrl-C once it has said ``begun``, or once its task has begun.

    Of what it still has to say, nothing is a traceback, or noise of a library.
    """
    process = subprocess.Popen(
        ["env", "--default-signal=INT", f"GRISTMILL_LOCAL_DIR={folder}", *map(str, arguments)],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    if begun:
        assert any(begun in line for line in iter(process.stderr.readline, ""))
    while not begun and not list(folder.glob("gristmill-*-*")):
        time.sleep(0.1)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=20)[1]
    assert rest.splitlines()[-1].startswith("cancelled: "), rest
    assert "Traceback" not in rest
    return process.returncode


def alive(pid: int) -> bool:
    """Whether the process runs: neither gone nor a zombie that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_sweep_of_a_finished_output_has_nothing_to_do(gristmill, wordcount):
    assert gristmill("run", "job.py").returncode == 0
    swept = gristmill("sweep", "out")
    assert swept.returncode == 0, swept.stderr
    assert swept.stdout == "out: nothing to do\n"
