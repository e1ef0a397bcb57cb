"""Which cluster and namespace are meant: what kubeconfig and options say, as kubectl reads them."""

import os

import pytest
import yaml

from gristmill.api.cluster.place import Cluster, parse_cluster, read_kubeconfig, target_of
from gristmill.errors import ClusterError

ARN = "arn:aws:eks:eu-west-1:1234:cluster/prod"


def kubeconfig(path, contexts: dict[str, str], current: str = "", server: str = "http://127.0.0.1:9"):
    form = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": current,
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
        "contexts": [
            {"name": name, "context": {"cluster": "c", "user": "u"} | ({"namespace": space} if space else {})}
            for name, space in contexts.items()
        ],
    }
    path.write_text(yaml.safe_dump(form))
    return str(path)


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """No kubeconfig anywhere, and no pod around."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_the_current_context_and_its_namespace_are_taken(alone):
    found = target_of(Cluster(kubeconfig=kubeconfig(alone / "k", {"a": "", "b": "team"}, "b")))
    assert (found.context, found.namespace) == ("b", "team")
    assert found.configuration.host == "http://127.0.0.1:9"


def test_a_context_without_namespace_means_default(alone):
    assert target_of(Cluster("a", kubeconfig=kubeconfig(alone / "k", {"a": ""}))).namespace == "default"


def test_a_named_namespace_comes_first(alone):
    assert target_of(Cluster("a", "mine", kubeconfig(alone / "k", {"a": "other"}))).namespace == "mine"


def test_a_text_names_context_and_namespace(alone, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", kubeconfig(alone / "k", {"kind": "x", ARN: ""}, "kind"))
    assert (target_of("kind/team").context, target_of("kind/team").namespace) == ("kind", "team")
    assert target_of("").context == "kind"
    assert target_of(ARN).context == ARN
    assert target_of(f"{ARN}/team").namespace == "team"


def test_slashes_in_the_name_of_a_context_are_part_of_it():
    assert parse_cluster(ARN, [ARN]) == Cluster(ARN)
    assert parse_cluster(f"{ARN}/n", [ARN]) == Cluster(ARN, "n")


def test_of_several_files_the_first_that_says_something_counts(alone, monkeypatch):
    first = kubeconfig(alone / "1", {"a": "one", "b": ""})
    second = kubeconfig(alone / "2", {"b": "two", "c": "three"}, "c")
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([first, str(alone / "none"), second]))
    found = read_kubeconfig()
    assert found.current == "c"
    assert found.namespaces == {"a": "one", "b": "default", "c": "three"}


def test_without_a_kubeconfig_the_remedy_names_what_to_do(alone):
    with pytest.raises(ClusterError, match="no kubeconfig") as caught:
        target_of("")
    assert "--kubeconfig" in caught.value.remedy


def test_a_wrong_context_brings_the_nearest(alone):
    with pytest.raises(ClusterError, match="no context 'knd'") as caught:
        target_of(Cluster("knd", kubeconfig=kubeconfig(alone / "k", {"kind": "", "prod": ""})))
    assert caught.value.remedy == "Did you mean kind?"


def test_no_current_context_lists_those_there_are(alone):
    with pytest.raises(ClusterError, match="no context is current") as caught:
        target_of(Cluster(kubeconfig=kubeconfig(alone / "k", {"kind": "", "prod": ""})))
    assert "kind, prod" in caught.value.remedy


@pytest.mark.parametrize("text", ["[", "- 1", "\x00"])
def test_a_file_that_is_no_kubeconfig_is_named(alone, text):
    (alone / "k").write_text(text)
    with pytest.raises(ClusterError) as caught:
        target_of(Cluster(kubeconfig=str(alone / "k")))
    assert caught.value.place == str(alone / "k")


def test_a_named_file_that_is_missing_is_an_error(alone):
    with pytest.raises(ClusterError, match="No such file"):
        target_of(Cluster(kubeconfig=str(alone / "none")))


def test_a_login_program_that_is_missing_is_told_with_its_context(alone):
    path = alone / "k"
    kubeconfig(path, {"a": ""})
    form = yaml.safe_load(path.read_text())
    form["users"][0]["user"] = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "no-such-login",
            "interactiveMode": "Never",
        }
    }
    path.write_text(yaml.safe_dump(form))
    with pytest.raises(ClusterError, match="credentials of context a") as caught:
        target_of(Cluster("a", kubeconfig=str(path)))
    assert "log in again" in caught.value.remedy
