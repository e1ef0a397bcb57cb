"""What the API server refuses, the loader refuses too, where it is not a cluster's concern alone."""

from __future__ import annotations

import pytest
from bad_manifests import Case, cases

from gristmill.errors import InvalidPlan
from gristmill.plan.resources import load_job, load_pool, load_query

LOAD = {"MapReduceJob": load_job, "SQLQuery": load_query, "WorkerPool": load_pool}
CASES = [case for case in cases() if not case.condition and not case.update]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name.replace(" ", "-")) for case in CASES])
def test_the_loader_refuses_what_is_wrong_anywhere(case: Case) -> None:
    load = LOAD[case.before["kind"]]
    if case.elsewhere:
        load(case.manifest)
        return
    with pytest.raises(InvalidPlan) as caught:
        load(case.manifest)
    assert caught.value.reason
