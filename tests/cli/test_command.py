"""The command as a whole, without running a job: usage, errors, exit codes."""

import os
import subprocess
import sys

import pytest

from gristmill.version import __version__


def test_version_names_the_parts(gristmill):
    done = gristmill("version")
    assert done.returncode == 0
    assert done.stdout.startswith(f"gristmill {__version__}\n")
    assert "duckdb" in done.stdout


def test_version_is_an_option_too(gristmill):
    assert gristmill("--version").stdout == gristmill("version").stdout


def test_the_help_wants_neither_the_engine_nor_the_kubernetes_client():
    heavy = ("pyarrow", "duckdb", "kubernetes", "sqlglot", "grpc", "yaml")
    code = f"import sys, gristmill_cli.main; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_no_arguments_show_the_help(gristmill):
    done = gristmill()
    assert "Usage: gristmill" in done.stdout + done.stderr


def test_wrong_usage_ends_with_2(gristmill):
    assert gristmill("run", "--workers", "none", "job.py").returncode == 2
    assert gristmill("fly").returncode == 2


def test_a_missing_file_is_one_error_line_without_traceback(gristmill):
    done = gristmill("run", "none.yaml")
    assert done.returncode == 3
    assert done.stderr == "error: none.yaml: cannot be read: No such file or directory\n"
    assert done.stdout == ""


def test_debug_adds_the_traceback(gristmill):
    assert "Traceback" in gristmill("--debug", "run", "none.yaml").stderr


def test_a_wrong_size_or_mode_names_its_option(gristmill):
    assert gristmill("sql", "SELECT 1", "--memory", "1Gx").stderr.startswith("error: --memory: ")
    done = gristmill("sql", "SELECT 1", "--to", "out", "--mode", "replace")
    assert done.returncode == 2
    assert "--mode" in done.stderr


def test_sweep_tells_a_mistyped_place_from_a_clean_one(gristmill):
    assert gristmill("sql", "SELECT 1", "--to", "out").returncode == 0
    done = gristmill("sweep", "out", "uot")
    assert done.stdout == "out: nothing to do\nuot: no job has written here\n"


def test_an_empty_manifest_is_refused_before_anything_runs(gristmill, tmp_path):
    (tmp_path / "job.yaml").write_text("")
    assert gristmill("run", "job.yaml").returncode == 2


def test_a_query_and_a_file_do_not_mix(gristmill):
    done = gristmill("sql", "SELECT 1", "-f", "q.sql")
    assert done.returncode == 2
    assert "both a query and -f" in done.stderr


@pytest.mark.parametrize("option", ["--pool=warm", "--kubeconfig=file"])
def test_options_of_clusters_alone_are_refused_for_a_query_here(gristmill, option):
    ended = gristmill("sql", "SELECT 1", option)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"error: {option.partition('=')[0]}: is for queries on a cluster")


def test_rows_that_cannot_be_written_are_an_error_of_the_output(command, tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    for form in ("csv", "json", "arrow", "parquet", "table"):
        done = in_shell(f"{command} sql -q 'SELECT * FROM range(100000)' -o {form} > /dev/full")
        assert (done.returncode, done.stderr) == (
            3,
            "error: standard output: the rows cannot be written: No space left on device\n"
            "  Free space there, or write elsewhere.\n",
        )


def test_a_closed_output_is_told_and_a_closed_stderr_is_none(command):
    done = in_shell(f"{command} sql -q 'SELECT 1' >&-")
    assert done.returncode == 3
    assert done.stderr.startswith("error: standard output: it is closed\n")
    assert in_shell(f"{command} sql 'SELECT 1' -o csv 2>&-").stdout == "1\n1\n"


def in_shell(line):
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=120, check=False)
