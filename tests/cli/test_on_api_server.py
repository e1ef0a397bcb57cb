"""Commands against a real API server with the project's CRDs, where tests play the operator: what is sent, what is
refused, what is told. That pods follow is for the tests on a cluster."""

import json
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import pyarrow as pa
import pytest
import yaml

import gristmill as gm
from gristmill.api.cluster.connection import connect
from gristmill.api.cluster.failures import Missing
from gristmill.api.cluster.follow import follow
from gristmill.api.cluster.kinds import API_VERSION, Kind, Ref
from gristmill.api.cluster.place import Cluster
from gristmill.api.cluster.resources import Resources, ref_of
from gristmill.coordinator.progress import ChainState, Progress, StageProgress
from gristmill.errors import ClusterError, InputError, InvalidPlan, OutputExists
from gristmill.ids import Side, StageId
from gristmill_cli.main import run

SCRIPT = """
import gristmill as gm
from shouting import loud

def words(name, line):
    for word in line.split():
        yield loud(word), 1

job = gm.Job("loud", input=gm.text("s3://books/*.txt"), map=words, output="s3://results/loud/")
"""


def manifest(name: str, **spec) -> str:
    given = {
        "input": [{"name": "books", "uri": "s3://books/*.txt", "format": "text"}],
        "map": {"sql": "SELECT length(value) AS n FROM input"},
        "output": {"uri": "s3://results/x/"},
    }
    form = {"apiVersion": "gristmill.dev/v1alpha1", "kind": "MapReduceJob", "metadata": {"name": name}}
    return yaml.safe_dump(form | {"spec": given | spec}, sort_keys=False)


@pytest.fixture
def name():
    return f"j-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def resources(api):
    return Resources(connect(Cluster(kubeconfig=str(api.kubeconfig))))


@pytest.fixture
def here(monkeypatch, tmp_path, capfd):
    """``gristmill`` within this process, in an empty folder: starting one each time would be most of the time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def command(*arguments, **environment):
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        monkeypatch.setattr(sys, "argv", ["gristmill", *arguments])
        capfd.readouterr()
        code = run("gristmill")
        out, err = capfd.readouterr()
        return SimpleNamespace(returncode=code, stdout=out, stderr=err)

    return command


@pytest.fixture
def at_cluster(here, api):
    """The same with that cluster as the current one."""
    return partial(here, KUBECONFIG=str(api.kubeconfig))


@pytest.fixture
def submitted(at_cluster, tmp_path, name):
    """A job that was submitted from a manifest."""
    (tmp_path / "job.yaml").write_text(manifest(name))
    done = at_cluster("submit", "job.yaml")
    assert (done.returncode, done.stdout) == (0, f"mrj/{name}\n"), done.stderr
    return name


def name_of(body):
    return body["metadata"]["name"]


def job(name):
    return {"kind": "MapReduceJob", "metadata": {"name": name}}


# submit


def test_a_script_brings_the_modules_beside_it(at_cluster, tmp_path, resources, name):
    (tmp_path / "2-loud.py").write_text(SCRIPT.replace('"loud"', f'"{name}"'))
    (tmp_path / "shouting.py").write_text("def loud(text):\n    return text.upper()\n")
    done = at_cluster("submit", "2-loud.py")
    assert done.stdout == f"mrj/{name}\n", done.stderr
    spec = resources.get(Ref(Kind.JOB, name))["spec"]
    assert spec["map"] == {"python": "_2_loud:words"}
    assert spec["code"]["inline"].keys() == {"_2_loud.py", "shouting.py"}


def test_files_of_a_manifest_go_inline(at_cluster, tmp_path, resources, name):
    (tmp_path / "mine.py").write_text("def f(key, value):\n    yield key, value\n")
    (tmp_path / "job.yaml").write_text(manifest(name, code={"files": ["mine.py"]}, map={"python": "mine:f"}))
    assert at_cluster("submit", "job.yaml").returncode == 0
    assert resources.get(Ref(Kind.JOB, name))["spec"]["code"]["inline"].keys() == {"mine.py"}


def test_large_code_lies_in_a_config_map_that_goes_with_the_job(at_cluster, tmp_path, api, resources, name):
    (tmp_path / "mine.py").write_text("def f(key, value):\n    yield key, value\n#" + "x" * (300 << 10))
    (tmp_path / "job.yaml").write_text(manifest(name, code={"files": ["mine.py"]}, map={"python": "mine:f"}))
    assert at_cluster("submit", "job.yaml").returncode == 0
    made = resources.get(Ref(Kind.JOB, name))
    code = api.call("GET", f"/api/v1/namespaces/default/configmaps/{made['spec']['code']['configMap']}")
    assert code["data"].keys() == {"mine.py"}
    assert [owner["uid"] for owner in code["metadata"]["ownerReferences"]] == [made["metadata"]["uid"]]


def test_a_refused_job_leaves_no_config_map(at_cluster, submitted, tmp_path, api):
    (tmp_path / "mine.py").write_text("def f(key, value):\n    yield key, value\n#" + "x" * (300 << 10))
    (tmp_path / "job.yaml").write_text(manifest(submitted, code={"files": ["mine.py"]}, map={"python": "mine:f"}))
    assert at_cluster("submit", "job.yaml").returncode == 7
    maps = api.call("GET", "/api/v1/namespaces/default/configmaps")["items"]
    assert not [each for each in maps if each["metadata"]["name"].startswith(submitted)]


def test_a_name_in_use_is_told_with_the_ways_out(at_cluster, submitted):
    done = at_cluster("submit", "job.yaml")
    assert done.returncode == 7
    assert f"there is a mrj/{submitted} already" in done.stderr
    assert f"gristmill cancel --delete mrj/{submitted}" in done.stderr
    fresh = at_cluster("submit", "--fresh", "job.yaml")
    assert fresh.stdout.startswith(f"mrj/{submitted}-")


def test_of_a_chain_all_jobs_are_made_or_none(at_cluster, submitted, tmp_path, resources):
    first = manifest(f"{submitted}-first")
    second = manifest(submitted, input=[{"fromJob": f"{submitted}-first"}])
    (tmp_path / "chain.yaml").write_text(f"{first}---\n{second}")
    assert at_cluster("submit", "chain.yaml").returncode == 7
    assert f"{submitted}-first" not in {body["metadata"]["name"] for body in resources.list(Kind.JOB)}


def test_a_dry_run_shows_the_resource_and_makes_nothing(at_cluster, tmp_path, resources, name):
    (tmp_path / "job.yaml").write_text(manifest(name))
    shown = yaml.safe_load(at_cluster("submit", "--dry-run", "job.yaml").stdout)
    assert shown["metadata"]["name"] == name
    with pytest.raises(Missing):
        resources.get(Ref(Kind.JOB, name))


def test_mistakes_are_told_before_anything_is_sent(at_cluster, tmp_path, name):
    (tmp_path / "job.yaml").write_text(manifest(name, partitons=3))
    done = at_cluster("submit", "job.yaml")
    assert done.returncode == 2
    assert "Did you mean partitions?" in done.stderr


def test_queries_and_pools_are_submitted_too(at_cluster, tmp_path, name):
    head = "apiVersion: gristmill.dev/v1alpha1\n"
    query = f"{head}kind: SQLQuery\nmetadata: {{name: {name}}}\nspec: {{sql: SELECT 1, pool: {name}}}\n"
    pool = f"{head}kind: WorkerPool\nmetadata: {{name: {name}}}\nspec: {{max: 2}}\n"
    (tmp_path / "both.yaml").write_text(f"{pool}---\n{query}")
    assert at_cluster("submit", "both.yaml").stdout.splitlines() == [f"gpool/{name}", f"gsql/{name}"]
    assert at_cluster("cancel", "--delete", f"gsql/{name}").returncode == 0
    (tmp_path / "both.yaml").write_text(query.replace("SELECT 1", "''"))
    done = at_cluster("submit", "both.yaml")
    assert done.returncode == 2
    assert "both.yaml: spec.sql" in done.stderr
    (tmp_path / "both.yaml").write_text(f"{query}---\n{manifest(name)}")
    assert "kubectl apply" in at_cluster("submit", "both.yaml").stderr


# get, cancel, why, rows, logs


def test_get_shows_phase_and_progress(at_cluster, submitted, api):
    api.set_status(job(submitted), {"phase": "Running", "workers": 2, "progress": {"maps": "12/40", "reduces": "0/8"}})
    line = next(line for line in at_cluster("get").stdout.splitlines() if submitted in line)
    assert line.split()[:6] == [f"mrj/{submitted}", "Running", "12/40", "0/8", "-", "2"]


def test_get_gives_json_yaml_and_names(at_cluster, submitted):
    one = json.loads(at_cluster("get", f"mrj/{submitted}", "-o", "json").stdout)
    assert one["metadata"]["name"] == submitted
    assert yaml.safe_load(at_cluster("get", submitted, "-o", "yaml").stdout)["kind"] == "MapReduceJob"
    assert f"mrj/{submitted}" in at_cluster("get", "mrj", "-o", "name").stdout.splitlines()
    assert "MapReduceJob" not in at_cluster("get", "gpool", "-o", "json").stdout


def test_a_wrong_name_brings_the_nearest_and_a_wrong_kind_the_kinds(at_cluster, submitted):
    done = at_cluster("get", submitted[:-1] + "#")
    assert done.returncode == 7
    assert f"Did you mean {submitted}?" in done.stderr
    assert "mrj/x, gsql/x, gpool/x" in at_cluster("get", "jobs/x").stderr


def test_cancel_asks_for_the_end_and_delete_removes(at_cluster, submitted, resources, api):
    assert at_cluster("cancel", submitted).stdout == f"mrj/{submitted}: cancelled\n"
    assert resources.get(Ref(Kind.JOB, submitted))["spec"]["cancel"] is True
    api.set_status(job(submitted), {"phase": "Cancelled"})
    assert "has ended already, Cancelled" in at_cluster("cancel", submitted).stdout
    assert at_cluster("cancel", "--delete", submitted).stdout == f"mrj/{submitted}: deleted\n"
    assert at_cluster("cancel", submitted).returncode == 7


def test_rows_and_logs_of_what_has_none_say_what_it_waits_for(at_cluster, submitted):
    for command in ("rows", "logs"):
        done = at_cluster(command, submitted)
        assert done.returncode == 7
        assert f"gristmill why mrj/{submitted}" in done.stderr


def test_rows_of_a_failed_job_give_its_error(at_cluster, submitted, api):
    failed = {"type": "Failed", "status": "True", "reason": "FragmentError", "message": "", "lastTransitionTime": NOW}
    api.set_status(job(submitted), {"phase": "Failed", "message": "in line 3: no", "conditions": [failed]})
    done = at_cluster("rows", submitted)
    assert done.returncode == 4
    assert "in line 3: no" in done.stderr


NOW = "2026-01-01T00:00:00Z"


def test_no_such_task_is_refused_here(at_cluster, submitted):
    done = at_cluster("logs", submitted, "--task", "first")
    assert done.returncode == 2
    assert "reduce#0" in done.stderr


def test_the_namespace_of_the_option_is_asked(at_cluster, submitted):
    done = at_cluster("get", submitted, "-n", "kube-system")
    assert done.returncode == 7
    assert "namespace kube-system" in done.stderr
    missing = at_cluster("submit", "job.yaml", "-n", "nowhere")
    assert "there is no namespace nowhere" in missing.stderr


# following


def test_waiting_follows_the_status_to_the_end(at_cluster, api, tmp_path, name):
    (tmp_path / "job.yaml").write_text(manifest(name))

    def operate():
        until(lambda: api.set_status(job(name), {"phase": "Pending", "message": "no node has room"}))
        time.sleep(0.3)
        outputs = [{"name": "", "job": name, "uri": "s3://results/x/", "generation": 1, "rows": 7, "bytes": 70}]
        progress = {"maps": "3/3", "reduces": "1/1"}
        api.set_status(job(name), {"phase": "Complete", "message": "", "outputs": outputs, "progress": progress})

    done = beside(operate, lambda: at_cluster("submit", "--wait", "job.yaml"))
    assert done.returncode == 0, done.stderr
    assert "no node has room" in done.stderr
    assert "4 tasks" in done.stderr
    assert "7 rows, 70 B: s3://results/x/" in done.stderr


def test_waiting_for_a_job_that_fails_ends_with_the_code_of_its_error(at_cluster, api, tmp_path, name):
    (tmp_path / "job.yaml").write_text(manifest(name))
    failed = {"type": "Failed", "status": "True", "reason": "OutputExists", "message": "", "lastTransitionTime": NOW}
    status = {"phase": "Failed", "message": "s3://results/x/: there is one already", "conditions": [failed]}

    done = beside(
        lambda: until(lambda: api.set_status(job(name), status)), lambda: at_cluster("submit", "--wait", "job.yaml")
    )
    assert done.returncode == OutputExists.exit_code
    assert "there is one already" in done.stderr


def test_a_job_that_is_deleted_under_way_is_told(resources, api, submitted):
    body = resources.get(Ref(Kind.JOB, submitted))
    timer = threading.Timer(0.3, lambda: api.delete(job(submitted)))
    timer.start()
    with pytest.raises(Missing, match="was deleted"):
        follow(resources, body, lambda _: None)
    timer.join()


def test_the_lead_tells_what_the_status_does_not(resources, api, submitted, monkeypatch):
    told = Progress(ChainState.RUNNING, (StageProgress(StageId("q", Side.MAP), 9, 4),), workers=3)
    asked = []

    def progress(self, uid):
        asked.append((self.pod, uid))
        yield told
        api.set_status(job(submitted), {"phase": "Complete"})

    monkeypatch.setattr("gristmill.api.cluster.lead.Lead.progress", progress)
    api.set_status(job(submitted), {"phase": "Running", "lead": "mrj-x-lead-0"})
    seen = []
    body = resources.get(Ref(Kind.JOB, submitted))
    ended = follow(resources, body, seen.append)
    assert ended["status"]["phase"] == "Complete"
    assert asked == [("mrj-x-lead-0", body["metadata"]["uid"])]
    heard = next(one for one in seen if one.stages == told.stages)
    assert (heard.workers, heard.tier) == (told.workers, told.tier)
    # The lead's clock began later than the resource's: nobody who watches sees time go back.
    assert [one.elapsed_s for one in seen] == sorted(one.elapsed_s for one in seen)
    assert heard.elapsed_s > 0


def test_a_run_from_python_raises_what_the_job_died_of(api, resources, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig))
    failed = {"type": "Failed", "status": "True", "reason": "OutputExists", "message": "", "lastTransitionTime": NOW}

    def operate():
        (made,) = until(
            lambda: [body for body in resources.list(Kind.JOB) if body["metadata"]["name"].startswith("py-")]
        )
        assert made["spec"]["ttlSecondsAfterFinished"] == 3600
        assert made["spec"]["workers"] == 3
        api.set_status(made, {"phase": "Failed", "message": "it is there", "conditions": [failed]})

    py = gm.Job("py", input=gm.text("s3://books/*"), map=shouted, output="s3://results/py/")
    with pytest.raises(OutputExists, match="it is there"):
        beside(operate, lambda: gm.run(py, cluster="", workers=3))


def shouted(name, line):
    yield line.upper(), 1


# queries


def test_a_query_is_sent_with_its_parameters_bound_and_removed_when_cancelled(at_cluster, api, resources):
    def operate():
        (made,) = until(lambda: resources.list(Kind.QUERY))
        seen.append(made["spec"])
        api.set_status(made, {"phase": "Cancelled", "message": "by somebody"})

    seen = []
    done = beside(
        operate,
        lambda: at_cluster(
            "sql", "SELECT n FROM o WHERE n > $least", "--cluster", "-t", "o=s3://shop/o/*.parquet",
            "-p", "least=3", "--pool", "warm", "--scratch", "s3://tmp/",
        ),
    )  # fmt: skip
    assert done.returncode == 130, done.stderr
    assert seen[0]["params"] == ["least=3"]
    assert seen[0]["tables"]["o"]["uri"] == "s3://shop/o/*.parquet"
    assert (seen[0]["pool"], seen[0]["scratch"]) == ("warm", "s3://tmp/")
    assert resources.list(Kind.QUERY) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["SELECT FROM WHERE"], "error: line 1"),
        (["SELECT * FROM orders"], "there is no table orders"),
        (["SELECT * FROM 'data/*.parquet'"], "lies on this machine"),
        (["SELECT * FROM o", "-t", "o=data/*.parquet"], "lies on this machine"),
        (["SELECT $a + $b", "-p", "a=1", "-p", "c=2"], "$c"),
        (["COPY (SELECT 1 AS a) TO 'out.parquet'"], "out.parquet lies on this machine"),
        (["INSERT INTO orders SELECT 1 AS a"], "there is no table orders"),
        (["SELECT 1", "--analyze"], "--analyze"),
        (["SELECT 1", "--explain", "--to", "s3://out/"], "--explain"),
        (["SELECT 1", "--to", "out/"], "lies on this machine"),
    ],
)
def test_what_can_be_seen_here_is_refused_here(at_cluster, resources, arguments, words):
    done = at_cluster("sql", "--cluster", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert resources.list(Kind.QUERY) == []


CATALOG = """
tables: {o: {uri: "s3://shop/o/*.parquet"}}
views: {dear: SELECT n FROM o WHERE n > 3}
stores: [{prefix: "s3://", endpoint: "http://minio:9000"}]
"""


def test_a_query_brings_tables_views_and_stores_of_its_catalog(at_cluster, api, resources, tmp_path):
    def operate():
        (made,) = until(lambda: resources.list(Kind.QUERY))
        seen.append(made["spec"])
        api.set_status(made, {"phase": "Cancelled", "message": "by somebody"})

    (tmp_path / "shop.yaml").write_text(CATALOG)
    seen = []
    beside(operate, lambda: at_cluster("sql", "SELECT sum(n) FROM dear", "--cluster", "--catalog", "shop.yaml"))
    assert seen[0]["tables"]["o"]["uri"] == "s3://shop/o/*.parquet"
    assert seen[0]["stores"][0]["endpoint"] == "http://minio:9000"
    assert seen[0]["sql"].startswith('CREATE VIEW "dear" AS SELECT n FROM o WHERE n > 3')


def test_explain_asks_the_lead_and_removes_the_query(at_cluster, api, resources, monkeypatch):
    def operate():
        (made,) = until(lambda: resources.list(Kind.QUERY))
        api.set_status(made, {"phase": "Running", "lead": "gsql-x-lead-0"})

    def explained(self, uid):
        asked.append(self.pod)
        if len(asked) == 1:
            raise ClusterError("it is not planned yet")
        return "1 job, pods of a pool"

    asked = []
    monkeypatch.setattr("gristmill.api.cluster.lead.Lead.explain", explained)
    done = beside(operate, lambda: at_cluster("sql", "SELECT 1 AS a", "--cluster", "--explain"))
    assert (done.returncode, done.stdout) == (0, "1 job, pods of a pool\n"), done.stderr
    assert asked == ["gsql-x-lead-0"] * 2
    assert resources.list(Kind.QUERY) == []


def test_a_query_from_python_is_answered_by_the_cluster(api, resources, monkeypatch):
    def operate():
        (made,) = until(lambda: resources.list(Kind.QUERY))
        seen.append(made["spec"])
        api.set_status(made, {"phase": "Complete", "lead": "gsql-x-lead-0"})

    monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig))
    rows, seen = pa.table({"n": [1, 2]}), []
    monkeypatch.setattr("gristmill.api.cluster.lead.Lead.result", lambda _lead, _uid: rows.to_reader())
    query = gm.sql(
        "SELECT n FROM o WHERE n > $least", tables={"o": "s3://shop/o/*.parquet"}, params={"least": 3}, cluster="",
        workers=3, scratch="s3://tmp/",
    )  # fmt: skip
    try:
        assert beside(operate, query.arrow).equals(rows)
        assert query.rows() == [{"n": 1}, {"n": 2}]
    finally:
        for body in resources.list(Kind.QUERY):
            resources.delete(ref_of(body))
    assert (seen[0]["workers"], seen[0]["params"]) == (3, ["least=3"])


@pytest.fixture
def warm_pool(api, resources):
    """A warm pool that has a lead."""
    made = resources.create(
        {"apiVersion": API_VERSION, "kind": "WorkerPool", "metadata": {"name": "warm"}, "spec": {"min": 1}}
    )
    api.set_status(made, {"phase": "Ready", "lead": "gpool-warm-lead-0"})
    yield made
    for body in [*resources.list(Kind.QUERY), made]:
        resources.delete(ref_of(body))


class _Port:
    """A forwarded port that nobody uses."""

    def close(self):
        """Nothing is open."""


def test_rows_from_the_lead_of_a_warm_pool_are_enough_and_status_is_read_when_asked_for(
    api, resources, monkeypatch, warm_pool
):
    asked, rows = [], pa.table({"n": [1, 2]})

    def result(self, uid, *, wait_s, port):
        asked.append((self.pod, uid))
        return rows.to_reader()

    monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig))
    monkeypatch.setattr("gristmill.api.cluster.lead.Lead.dial", lambda _lead: _Port())
    monkeypatch.setattr("gristmill.api.cluster.lead.Lead.result", result)
    seen = []
    query = gm.sql(
        "SELECT n FROM o", tables={"o": "s3://shop/o/*.parquet"}, cluster="", pool="warm", progress=seen.append
    )
    found = query.run()
    (made,) = resources.list(Kind.QUERY)
    assert "status" not in made, "nobody has told of its end yet"
    assert asked == [("gpool-warm-lead-0", made["metadata"]["uid"])]
    assert found.arrow().equals(rows)
    assert seen[-1].state is ChainState.FINISHED
    pointer = {"job": "q", "uri": "s3://tmp/results/x", "rows": 2, "bytes": 16}
    api.set_status(made, {"phase": "Complete", "result": pointer, "outputs": [pointer]})
    assert (len(found), found.uri, found.outputs[0].rows) == (2, "s3://tmp/results/x", 2)
    assert found.status["phase"] == "Complete"


@pytest.mark.parametrize("failed", [True, False])
def test_without_rows_from_the_lead_the_status_decides(api, resources, monkeypatch, warm_pool, failed):
    def result(self, uid, *, wait_s=0, port=None):
        if wait_s:
            raise Missing("it has no result")
        return rows.to_reader()

    def operate():
        (made,) = until(lambda: resources.list(Kind.QUERY))
        refused = {"type": "Failed", "status": "True", "reason": "InputError", "message": "", "lastTransitionTime": NOW}
        status = {"phase": "Failed", "message": "no such file", "conditions": [refused]}
        api.set_status(made, status if failed else {"phase": "Complete", "lead": "gpool-warm-lead-0"})

    rows = pa.table({"n": [1, 2]})
    monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig))
    monkeypatch.setattr("gristmill.api.cluster.lead.Lead.dial", lambda _lead: _Port())
    monkeypatch.setattr("gristmill.api.cluster.lead.Lead.result", result)
    query = gm.sql("SELECT n FROM o", tables={"o": "s3://shop/o/*.parquet"}, cluster="", pool="warm")
    if failed:
        with pytest.raises(InputError, match="no such file"):
            beside(operate, query.arrow)
    else:
        assert beside(operate, query.arrow).equals(rows)


def test_a_query_from_python_says_what_a_cluster_cannot_have(api, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig))
    with pytest.raises(InvalidPlan, match="memory"):
        gm.sql("SELECT * FROM t", tables={"t": pa.table({"n": [1]})}, cluster="")
    with pytest.raises(InvalidPlan, match="does not fit into a resource"):
        gm.sql("SELECT $1", params=[b"x"], cluster="")
    with pytest.raises(InvalidPlan, match="this machine"):
        gm.sql("SELECT * FROM t", tables={"t": "data/t.parquet"}, cluster="").arrow()
    with pytest.raises(InvalidPlan, match="for queries on a cluster"):
        gm.sql("SELECT 1", pool="warm")


def test_options_of_clusters_want_a_cluster(here):
    done = here("sql", "SELECT 1", "--pool", "warm")
    assert done.returncode == 2
    assert "Add --cluster." in done.stderr


# the way there


def test_without_a_kubeconfig(here, tmp_path):
    done = here("get", KUBECONFIG=str(tmp_path / "none"))
    assert done.returncode == 7
    assert "no kubeconfig" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cluster_that_does_not_answer(here, api, tmp_path):
    form = yaml.safe_load(api.kubeconfig.read_text())
    form["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    (tmp_path / "k").write_text(yaml.safe_dump(form))
    done = here("get", "--kubeconfig", "k")
    assert done.returncode == 7
    assert "https://127.0.0.1:9 does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_credentials_that_are_refused(here, api, tmp_path):
    form = yaml.safe_load(api.kubeconfig.read_text())
    form["users"][0]["user"] = {"token": "expired"}
    (tmp_path / "k").write_text(yaml.safe_dump(form))
    done = here("--kubeconfig", "k", "get")
    assert done.returncode == 7
    assert "does not accept your credentials" in done.stderr


def test_an_authority_that_is_not_the_servers(here, api, tmp_path):
    form = yaml.safe_load(api.kubeconfig.read_text())
    form["clusters"][0]["cluster"].pop("certificate-authority-data", None)
    form["clusters"][0]["cluster"].pop("certificate-authority", None)
    (tmp_path / "k").write_text(yaml.safe_dump(form))
    done = here("get", "--kubeconfig", "k")
    assert done.returncode == 7
    assert "not signed by the authority" in done.stderr


def beside(work, call):
    """``call()`` while ``work`` runs in a thread; what fails there fails here."""
    with ThreadPoolExecutor() as threads:
        working = threads.submit(work)
        try:
            return call()
        finally:
            working.result()


def until(attempt, timeout_s: float = 30):
    """What ``attempt`` gives once it gives something and does not raise."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            if found := attempt():
                return found
        except Exception:
            if time.monotonic() > deadline:
                raise
        assert time.monotonic() < deadline, "did not come"
        time.sleep(0.1)
