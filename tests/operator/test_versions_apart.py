"""Commands of other releases than the operator's: one minor version apart works, two is refused before any pod."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from operator_api import Cluster, Namespace, eventually, operating
from operator_api import settings as settings_for
from operator_values import LEAD, SPEC, UID, decided, kinds, lead, report, resource

from gristmill.version import __version__
from gristmill.wire.reports import RunPhase
from gristmill.wire.versions import CLIENT_ANNOTATION
from gristmill_operator.model import Resource
from gristmill_operator.observed import Observed
from gristmill_operator.status import ConditionType, Phase, Status

AS_VERSION = """
import sys
import gristmill.version
gristmill.version.__version__ = sys.argv.pop(1)
from gristmill_cli.main import main
main()
"""
"""The command as another release of it would be."""
MANIFEST = """
apiVersion: gristmill.dev/v1alpha1
kind: MapReduceJob
metadata: {name: wc}
spec:
  input: [{name: books, uri: "s3://books/*.txt", format: text}]
  map: {sql: "SELECT length(value) AS n FROM input"}
  output: {uri: "s3://out/"}
"""


def minors_apart(count: int) -> str:
    """A version so many minors above the operator's."""
    major, minor, *_ = __version__.split(".")
    return f"{major}.{int(minor) + count}.0"


def made_by(version: str) -> Resource:
    """A job that a command of that version made."""
    return resource("MapReduceJob", "wc", UID, SPEC, annotations={CLIENT_ANNOTATION: version})


@pytest.mark.parametrize("version", [__version__, minors_apart(1)])
def test_a_job_of_a_version_that_fits_gets_its_pods(version: str) -> None:
    assert "CreatePod" in kinds(decided(made_by(version)))


@pytest.mark.parametrize("version", [minors_apart(2), "99.0.0", "nonsense"])
def test_a_job_of_a_version_that_does_not_fit_fails_without_pods(version: str) -> None:
    decision = decided(made_by(version))
    assert decision.status.phase is Phase.FAILED
    assert f"made by gristmill {version}, which does not fit this operator" in decision.status.message
    failed = decision.status.condition(ConditionType.FAILED)
    assert failed is not None
    assert failed.reason == "ClusterError"
    assert "CreatePod" not in kinds(decision)


def test_an_upgrade_of_the_operator_leaves_a_job_that_runs_alone() -> None:
    observed = Observed(pods=(LEAD,), lead=lead(), report=report(RunPhase.RUNNING))
    running = Status(phase=Phase.RUNNING, lead=LEAD.name, leads=1)
    assert decided(made_by("0.0.0-old"), running, observed).status.phase is Phase.RUNNING


def test_a_command_two_minor_versions_apart_is_refused_and_one_is_served(
    api: Cluster, namespace: Namespace, authority: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "job.yaml").write_text(MANIFEST)

    def submit(version: str, *more: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-c", AS_VERSION, version, "-n", namespace.name, "submit", *more, "job.yaml"]
        environment = {**os.environ, "KUBECONFIG": str(api.kubeconfig)}
        return subprocess.run(
            argv, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    with operating(settings_for(namespace.name, authority), api.kubeconfig):
        refused = submit(minors_apart(2), "--wait")
        assert refused.returncode == 7, refused.stderr
        assert f"gristmill {minors_apart(2)}, which does not fit this operator, {__version__}" in refused.stderr
        assert f"pip install gristmill=={__version__}" in refused.stderr
        assert namespace.pods() == {}
        namespace.remove("MapReduceJob", "wc")
        assert submit(minors_apart(1)).returncode == 0
        eventually(lambda: "mrj-wc-lead-0" in namespace.pods())
