"""The command line on a cluster, as a user with a kubeconfig and nothing else: no keys of buckets, no way to pods."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gristmill as gm
from tests.cluster.harness.binaries import program
from tests.cluster.harness.client import wait_for
from tests.cluster.places import Place

Command = Callable[..., subprocess.CompletedProcess[str]]
LINES = ["the cat sat on the mat", "the dog ate the cat", ""]
SCRIPT = """
import gristmill as gm
from cutting import words_of

def words(name, line):
    print("read", line)
    for word in words_of(line):
        yield word, 1

def total(word, counts):
    yield word, sum(counts)

job = gm.Job("counted", input=gm.text("{bucket}/in/*.txt"), map=words, combine=total, reduce=total, partitions=2,
             output="{bucket}/out/")
"""
QUERY = "SELECT k % 5 AS g, sum(v) AS total, count(*) AS n FROM t WHERE v > $least GROUP BY g ORDER BY g"


@pytest.fixture
def command(place: Place, tmp_path: Path) -> Command:
    """``command("get", "-o", "json")``: gristmill in the test's namespace, without any credentials of the bucket."""
    scripts = Path(sys.executable).parent
    bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = bare | {
        "KUBECONFIG": str(place.client.kubeconfig),
        "HOME": str(tmp_path),
        "PATH": f"{scripts}:{program('kubectl').parent}:{os.environ['PATH']}",
    }

    def run(*arguments: str, program: str = "gristmill", **more: str) -> subprocess.CompletedProcess[str]:
        argv = [program, *arguments] if program != "gristmill" else [program, "-n", place.name, *arguments]
        return subprocess.run(
            argv, cwd=tmp_path, env=environment | more, capture_output=True, text=True, timeout=150, check=False
        )

    run.environment = environment  # type: ignore[attr-defined]
    return run


@pytest.fixture
def script(place: Place, tmp_path: Path) -> str:
    """A script with a module beside it, over text in the test's bucket."""
    for at, line in enumerate(LINES):
        place.s3.put(f"{place.bucket}/in/{at}.txt", f"{line}\n".encode())
    (tmp_path / "counted.py").write_text(
        SCRIPT.replace("{bucket}", place.bucket).replace("{endpoint}", place.s3.endpoint)
    )
    (tmp_path / "cutting.py").write_text("def words_of(line):\n    return line.split()\n")
    return "counted.py"


@pytest.fixture
def table(place: Place) -> str:
    """A table of 3 files in the test's bucket; its URI."""
    for at in range(3):
        sink = io.BytesIO()
        keys = list(range(at * 1000, (at + 1) * 1000))
        pq.write_table(pa.table({"k": keys, "v": [key * 2 for key in keys]}), sink)
        place.s3.put(f"{place.bucket}/t/{at}.parquet", sink.getvalue())
    return f"{place.bucket}/t/*.parquet"


def expected_groups() -> list[dict[str, str]]:
    rows = gm.sql(QUERY, tables={"t": pa.table({"k": list(range(3000)), "v": [2 * k for k in range(3000)]})},
                  params={"least": 10}).rows()  # fmt: skip
    return [{name: str(value) for name, value in row.items()} for row in rows]


def sql(place: Place, table: str, *more: str) -> list[str]:
    scratch = f"{place.bucket}/scratch/"
    return ["sql", "--cluster", QUERY, "-t", f"t={table}", "-p", "least=10", "--scratch", scratch, *more]


def test_a_script_is_submitted_and_followed_to_its_rows(command: Command, place: Place, script: str) -> None:
    done = command("submit", "--wait", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "mrj/counted\n"
    assert f"{place.bucket}/out" in done.stderr
    shown = command("rows", "counted", "-o", "json")
    counts = {row["key"]: row["value"] for row in map(json.loads, shown.stdout.splitlines())}
    assert counts == {"the": 4, "cat": 2, "sat": 1, "on": 1, "mat": 1, "dog": 1, "ate": 1}, shown.stderr
    line = next(line for line in command("get", "mrj").stdout.splitlines() if "counted" in line)
    assert line.split()[1:4] == ["Complete", "1/1", "2/2"]


def test_logs_are_there_while_pods_are_and_afterwards(command: Command, place: Place, script: str) -> None:
    assert command("submit", "--wait", script).returncode == 0
    said = {"read the cat sat on the mat", "read the dog ate the cat", "read "}
    logged = command("logs", "counted")
    assert {line.partition("  ")[2] for line in logged.stdout.splitlines()} == said, logged.stderr
    assert set(command("logs", "counted", "--task", "map/input#0").stdout.splitlines()) == said
    assert command("logs", "counted", "--task", "reduce#1").stdout == ""
    place.client.kubectl("delete", "pods", "--all", "--now")
    without_keys = command("logs", "counted")
    assert without_keys.returncode == 7
    assert "cannot be read from here" in without_keys.stderr
    kept = command("logs", "counted", **place.s3.environment())
    assert kept.stdout == logged.stdout, kept.stderr


def test_a_query_gives_its_rows_in_every_format_and_goes(command: Command, place: Place, table: str) -> None:
    done = command(*sql(place, table, "-o", "csv"))
    assert done.returncode == 0, done.stderr
    assert list(csv.DictReader(io.StringIO(done.stdout))) == expected_groups()
    kept = command(*sql(place, table, "-o", "json", "--keep", "-q"))
    assert [json.loads(line)["g"] for line in kept.stdout.splitlines()] == [0, 1, 2, 3, 4], kept.stderr
    (name,) = command("get", "gsql", "-o", "name").stdout.split()
    assert "query" in command("explain", name).stdout + command("explain", name).stderr
    later = command("rows", name, "-o", "csv", **place.s3.environment())
    assert later.stdout == done.stdout, later.stderr


def test_ctrl_c_ends_the_query_and_its_pods(command: Command, place: Place) -> None:
    long = "SELECT count(*) FROM range(100000000000) a(i) WHERE sqrt(i) * sin(i) = 0.5"
    process = subprocess.Popen(
        ["env", "--default-signal=INT", "gristmill", "-n", place.name, "sql", "--cluster", long,
         "--scratch", f"{place.bucket}/scratch/"],
        env=command.environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(lambda: any(query["status"]["phase"] == "Running" for query in statuses(place)), 120, "a running query")
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=30)[1]
    assert process.returncode == 130, rest
    assert place.client.items("sqlqueries") == []
    wait_for(lambda: not place.pods(), 60, "the end of its pods")


def statuses(place: Place) -> list[dict[str, Any]]:
    return [query for query in place.client.items("sqlqueries") if query.get("status", {}).get("phase")]


def test_what_fails_there_ends_as_it_would_here(command: Command, place: Place, script: str, tmp_path: Path) -> None:
    (tmp_path / "cutting.py").write_text("def words_of(line):\n    return [1 / len(line.split())]\n")
    done = command("submit", "--wait", script)
    assert done.returncode in {4, 5}, done.stderr
    assert "ZeroDivisionError" in done.stderr
    told = command("why", "counted").stdout
    assert "has failed" in told
    assert "ZeroDivisionError" in told
    rows = command("rows", "counted")
    assert rows.returncode == done.returncode


def test_a_cancelled_job_stays_without_pods(command: Command, place: Place, script: str, tmp_path: Path) -> None:
    (tmp_path / "cutting.py").write_text("import time\n\n\ndef words_of(line):\n    time.sleep(600)\n    return []\n")
    assert command("submit", script).returncode == 0
    wait_for(lambda: place.status("mapreducejob", "counted").get("phase") == "Running", 60, "a running job")
    assert command("cancel", "counted").stdout == "mrj/counted: cancelled\n"
    assert place.ended("mapreducejob", "counted")["phase"] == "Cancelled"
    wait_for(lambda: not place.pods(), 60, "the end of its pods")


def test_a_run_from_python_is_as_one_here(place: Place, script: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("KUBECONFIG", str(place.client.kubeconfig))
    monkeypatch.syspath_prepend(str(tmp_path))
    import counted

    seen: list[gm.Progress] = []
    cluster = gm.Cluster(namespace=place.name)
    result = gm.run(counted.job, cluster=cluster, progress=seen.append)
    for name, value in place.s3.environment().items():
        monkeypatch.setenv(name, value)
    local = gm.Job("local", input=gm.text(f"{place.bucket}/in/*.txt"), map=counted.words, combine=counted.total,
                   reduce=counted.total, partitions=2)  # fmt: skip
    assert result.arrow() == gm.run(local).arrow()
    assert result.uri.rstrip("/") == f"{place.bucket}/out"
    assert seen[-1].stages


def test_kubectl_finds_the_plugin_and_completes_names(command: Command, place: Place, script: str) -> None:
    assert command("submit", script).returncode == 0
    listed = command("gristmill", "get", "-n", place.name, program="kubectl")
    assert "mrj/counted" in listed.stdout, listed.stderr
    offered = command("__complete", "gristmill", "-n", place.name, "get", "coun", program="kubectl")
    assert offered.stdout.splitlines()[0] == "counted", offered.stderr
    options = command("__complete", "gristmill", "submit", "--dry", program="kubectl")
    assert "--dry-run" in options.stdout


def test_the_doctor_finds_the_installation_well(command: Command) -> None:
    done = command("doctor")
    assert done.returncode == 0, done.stdout
    assert "ok    operator gristmill/gristmill-operator: is ready" in done.stdout


def test_a_small_query_on_a_warm_pool_is_quick(command: Command, place: Place, table: str) -> None:
    place.apply("WorkerPool", "warm", {"min": 1, "max": 1, "scratch": f"{place.bucket}/scratch/"})
    wait_for(lambda: place.status("workerpool", "warm").get("lead"), 60, "the pool's lead")
    first = command(*sql(place, table, "--pool", "warm", "-q"))
    assert first.returncode == 0, first.stderr
    began_s = time.monotonic()
    again = command(*sql(place, table, "--pool", "warm", "-q"))
    assert again.stdout == first.stdout, again.stderr
    assert time.monotonic() - began_s < 15
