"""From a job to the resources that a cluster takes: code, names, and what a cluster could not run."""

import pytest

import gristmill as gm
from gristmill.api.cluster.bodies import fresh_name, fresh_suffix, is_of_machine, job_bodies, query_body
from gristmill.api.cluster.submission import target_namespace
from gristmill.errors import InvalidPlan
from gristmill.plan.manifest import load_manifest
from gristmill.plan.query import QueryPlan, QueryTable
from gristmill.plan.source import FileSource, Format


def words(name, line):
    for word in line.split():
        yield word, 1


def total(word, counts):
    yield word, sum(counts)


def job(**options):
    given = {"input": gm.text("s3://books/*.txt"), "map": words, "reduce": total, "output": "s3://out/wc/"} | options
    return gm.Job(given.pop("name", "wc"), **given)


def test_functions_travel_as_their_file():
    (prepared,) = job_bodies(job().chain())
    spec = prepared.body["spec"]
    assert prepared.code is None
    assert spec["map"] == {"python": "test_cluster_bodies:words"}
    assert "def words(" in spec["code"]["inline"]["test_cluster_bodies.py"]


def test_large_code_goes_into_a_config_map():
    text = "def words(n, l):\n    yield l, 1\n#" + "x" * (200 << 10)
    chain = load_manifest(
        f"""
apiVersion: gristmill.dev/v1alpha1
kind: MapReduceJob
metadata: {{name: big}}
spec:
  code: {{inline: {{m.py: {text!r}}}, requirements: [rapidfuzz]}}
  input: [{{uri: "s3://b/*.txt", format: text}}]
  map: {{python: "m:words"}}
  output: {{uri: "s3://out/"}}
"""
    )
    (prepared,) = job_bodies(chain)
    name = prepared.code["metadata"]["name"]
    assert prepared.code["data"].keys() == {"m.py"}
    assert name.startswith("big-code-")
    assert prepared.body["spec"]["code"] == {"configMap": name, "requirements": ["rapidfuzz"]}


@pytest.mark.parametrize(("path", "kib"), [("m.py", 2000), ("pkg/m.py", 200)])
def test_code_that_no_config_map_holds_is_refused_with_the_other_ways(path, kib):
    text = "#" + "x" * (kib << 10)
    chain = load_manifest(
        f"""
apiVersion: gristmill.dev/v1alpha1
kind: MapReduceJob
metadata: {{name: big}}
spec:
  code: {{inline: {{{path}: {text!r}}}}}
  input: [{{uri: "s3://b/*.txt", format: text}}]
  map: {{command: [cat]}}
  output: {{uri: "s3://out/"}}
"""
    )
    with pytest.raises(InvalidPlan, match="too much") as caught:
        job_bodies(chain)
    assert "code.uri" in caught.value.remedy


def test_every_path_of_this_machine_is_told():
    local = job(input=gm.text(["a.txt", "s3://b/c.txt"]), side={"t": gm.csv("/data/t.csv")}, output="out/")
    with pytest.raises(InvalidPlan) as caught:
        job_bodies(local.chain())
    for path in ("a.txt", "/data/t.csv", "out/"):
        assert f"{path} lies on this machine" in caught.value.reason
    assert "c.txt" not in caught.value.reason


@pytest.mark.parametrize("uri", ["a.parquet", "/a", "file:///a", "~/x", "memory://x"])
def test_what_lies_on_this_machine(uri):
    assert is_of_machine(uri)


@pytest.mark.parametrize("uri", ["s3://b/x", "gs://b/x", "abfs://b/x", "https://h/x", "pvc://claim/x"])
def test_what_pods_can_reach(uri):
    assert not is_of_machine(uri)


def test_a_lambda_cannot_travel():
    with pytest.raises(InvalidPlan, match="cannot be named in a manifest"):
        job_bodies(job(map=lambda name, line: [(line, 1)]).chain())


def test_the_jobs_of_a_chain_are_renamed_together():
    top = gm.Job("top", input=job(output=None), sort=[gm.desc("value")], partition="single", output="s3://out/top/")
    first, second = (prepared.body for prepared in job_bodies(top.chain(), "-abcde"))
    assert first["metadata"]["name"] == "wc-abcde"
    assert second["metadata"]["name"] == "top-abcde"
    assert second["spec"]["input"][0]["fromJob"] == "wc-abcde"


def test_names_with_a_suffix_stay_names():
    suffix = fresh_suffix()
    assert len(suffix) == 6
    assert len(fresh_name("x" * 63, suffix)) == 63
    assert fresh_name("a" * 56 + "-bcdef", suffix) == "a" * 56 + suffix


def test_a_query_over_files_of_this_machine_is_refused():
    table = QueryTable("orders", FileSource(("data/orders/*.parquet",), Format.PARQUET))
    with pytest.raises(InvalidPlan, match="lies on this machine") as caught:
        query_body(QueryPlan("q", "SELECT 1", tables=(table,)))
    assert caught.value.place == "table orders"


def test_the_namespace_of_a_manifest_counts_unless_another_is_asked_for():
    def prepared(namespace):
        spec = f"metadata: {{name: j{namespace and f', namespace: {namespace}'}}}\n"
        return job_bodies(
            load_manifest(
                f"apiVersion: gristmill.dev/v1alpha1\nkind: MapReduceJob\n{spec}"
                'spec: {input: [{uri: "s3://b/*", format: text}], output: {uri: "s3://o/"}}\n'
            )
        )

    assert target_namespace(prepared("team"), "", "job.yaml") == "team"
    assert target_namespace(prepared(""), "mine", "job.yaml") == "mine"
    assert target_namespace(prepared("team"), "team", "job.yaml") == "team"
    with pytest.raises(InvalidPlan, match="it says namespace team, -n says mine"):
        target_namespace(prepared("team"), "mine", "job.yaml")
