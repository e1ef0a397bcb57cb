"""What of the test cluster on kind can be tried without Docker: its configuration, its commands, when it is chosen."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cluster.harness import choice, kind
from tests.cluster.harness.binaries import CannotRun
from tests.cluster.harness.kind import KindCluster, create_command, kind_config, node_names, s3_command

DOCUMENT = Path(__file__).parents[2] / "docs" / "install-kind.md"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH; what is called in it is written into `called` beside it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("GRISTMILL_CLUSTER_BY", raising=False)
    return folder


def put_command(path: Path, name: str, script: str = "") -> None:
    """A command that notes its arguments."""
    file = path / name
    file.write_text(f'#!/bin/sh\necho {name} "$@" >>{path.parent}/called\n{script}\n')
    file.chmod(0o755)


def test_the_configuration_is_that_of_the_document_with_a_mount_for_each_node() -> None:
    text = DOCUMENT.read_text().partition("cat > kind.yaml <<'YAML'\n")[2].partition("YAML\n")[0]
    told = kind_config(["zone-a", "zone-b"], Path("/data/buckets"))
    mounts = [node.pop("extraMounts", None) for node in told["nodes"]]
    assert told == yaml.safe_load(text)
    assert mounts[1] == mounts[2] == [{"hostPath": "/data/buckets", "containerPath": "/data/buckets"}]


def test_nodes_have_the_names_that_kind_gives_them() -> None:
    assert node_names("x", 3) == ["x-worker", "x-worker2", "x-worker3"]


def test_commands_touch_nothing_but_the_clusters_own_files() -> None:
    created = create_command("gristmill-c", Path("/tmp/c"))
    assert created[:3] == ["kind", "create", "cluster"]
    assert created[created.index("--kubeconfig") + 1] == "/tmp/c/kubeconfig"
    served = s3_command("gristmill-c-s3", Path("/tmp/c/s3"))
    assert served[served.index("--network") + 1] == "kind"
    assert served[served.index("--volume") + 1] == "/tmp/c/s3:/tmp/c/s3"


@pytest.mark.parametrize(("docker", "way"), [("", "namespaces"), ("exit 1", "namespaces"), ("exit 0", "kind")])
def test_kind_is_chosen_where_docker_answers(path: Path, docker: str, way: str) -> None:
    if docker:
        put_command(path, "docker", docker)
    assert choice.chosen_way() == way


def test_the_environment_decides_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRISTMILL_CLUSTER_BY", "kind")
    assert choice.chosen_way() == "kind"
    monkeypatch.setenv("GRISTMILL_CLUSTER_BY", "magic")
    with pytest.raises(ValueError, match="one of kind, namespaces"):
        choice.chosen_way()


def test_what_is_not_installed_is_named(path: Path, tmp_path: Path) -> None:
    put_command(path, "docker")
    with pytest.raises(CannotRun, match="not installed: kind"):
        KindCluster.up(tmp_path / "c")


def test_a_cluster_is_made_found_again_and_removed(path: Path, tmp_path: Path) -> None:
    inspected = '[{"NetworkSettings": {"Networks": {"kind": {"IPAddress": "172.18.0.9"}}}}]'
    put_command(path, "docker", f"[ \"$1\" = inspect ] && echo '{inspected}' || true")
    put_command(path, "kind")
    made = KindCluster.up(tmp_path / "c")
    found = choice.cluster_at(tmp_path / "c")
    assert found == made
    assert list(found.nodes) == ["gristmill-c-worker", "gristmill-c-worker2"]
    assert found.s3.endpoint == "http://172.18.0.9:9000"
    assert found.s3.root == tmp_path / "c" / "s3" / "buckets"
    found.nodes["gristmill-c-worker"].power_cut()
    found.start_node("gristmill-c-worker")
    found.down()
    assert not (tmp_path / "c").exists()
    said = (tmp_path / "called").read_text()
    steps = ["kind create cluster", "docker run", "docker build", kind.OPERATOR, "kind load docker-image"]
    steps += ["docker kill gristmill-c-worker", "docker start gristmill-c-worker", "kind delete cluster"]
    places = [said.index(step) for step in steps]
    assert places == sorted(places)
