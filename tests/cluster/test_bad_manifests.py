"""What the API server cannot see is told by a condition, in pods as on one machine; no pods are left, none crashes."""

from __future__ import annotations

from typing import Any

import pytest

from gristmill import errors
from tests.cluster.harness.client import wait_for
from tests.cluster.places import Place
from tests.support.bad_manifests import Case, cases, objects, placed

CASES = cases("conditions")
OF_RUNS = [case for case in CASES if hasattr(errors, case.condition)]
OF_PODS = [case for case in CASES if not hasattr(errors, case.condition)]
WAIT_S = 120


def name_of(case: Case) -> str:
    return f"bad-{CASES.index(case)}"


def apply(place: Place, case: Case, **spec: Any) -> None:
    """The case with data and output in a folder of its own."""
    folder = f"{place.bucket}/{name_of(case)}"
    for name, content in objects().items():
        place.s3.put(f"{folder}/{name}", content)
    manifest = placed(case.manifest, folder)
    place.apply(manifest["kind"], name_of(case), {**manifest["spec"], **spec})


@pytest.fixture(scope="module")
def place(module_place: Place) -> Place:
    """All cases, applied at once: those that a run refuses in a warm pool, the others as they are."""
    place = module_place
    place.apply("WorkerPool", "warm", {"min": 2, "max": 2, "idle": "10m", "stores": [place.store]})
    for case in OF_RUNS:
        apply(place, case, pool="warm")
    for case in OF_PODS:
        apply(place, case)
    return place


def parameters(chosen: list[Case]) -> list[Any]:
    return [pytest.param(case, id=case.name.replace(" ", "-")) for case in chosen]


@pytest.mark.parametrize("case", parameters(OF_RUNS))
def test_a_run_that_is_refused_fails_with_the_reason(place: Place, case: Case) -> None:
    status = place.ended(case.before["kind"], name_of(case), WAIT_S)
    (failed,) = [one for one in status["conditions"] if one["type"] == "Failed"]
    assert (failed["status"], failed["reason"]) == ("True", case.condition), status["message"]
    assert [words for words in case.says if words not in status["message"]] == [], status["message"]
    assert "Traceback" not in status["message"]


@pytest.mark.parametrize("case", parameters(OF_PODS))
def test_what_pods_wait_for_is_told(place: Place, case: Case) -> None:
    def told() -> str | None:
        status = place.status(case.before["kind"], name_of(case))
        reasons = [one["reason"] for one in status.get("conditions", []) if one["type"] != "Planned"]
        return f"{status['message']}" if case.condition in reasons else None

    message = wait_for(told, WAIT_S, lambda: str(place.status(case.before["kind"], name_of(case))))
    assert [words for words in case.says if words not in message] == [], message


def test_the_operator_lives_and_no_pods_of_failed_runs_are_left(place: Place) -> None:
    for case in OF_RUNS:
        place.ended(case.before["kind"], name_of(case), WAIT_S)
    place.client.kubectl("delete", "mrj,gsql", "--all", "--wait=false")
    wait_for(lambda: len(place.pods()) <= 2, WAIT_S, lambda: str([pod["metadata"]["name"] for pod in place.pods()]))
    operator = place.client.within("gristmill").items("pods", "-l", "app.kubernetes.io/component=operator")
    assert [container["restartCount"] for pod in operator for container in pod["status"]["containerStatuses"]] == [0]
