"""Two hundred and more bad manifests: what the API server can see, it refuses, in words that help."""

from __future__ import annotations

import pytest
from _pytest.mark import ParameterSet
from api_server import Api, Refused
from bad_manifests import Case, cases, good

CASES = cases()
REFUSED = [case for case in CASES if not case.condition and not case.update]
UPDATES = [case for case in CASES if case.update]
LATER = [case for case in CASES if case.condition]


def named(chosen: list[Case]) -> list[ParameterSet]:
    return [pytest.param(case, id=case.name.replace(" ", "-")) for case in chosen]


def test_the_corpus_has_more_than_two_hundred_cases_each_with_a_name_of_its_own() -> None:
    assert len(CASES) > 200
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(case.says for case in CASES)


@pytest.mark.parametrize("case", named(REFUSED))
def test_what_is_wrong_by_itself_is_refused(api: Api, case: Case) -> None:
    with pytest.raises(Refused) as caught:
        api.try_create(case.manifest)
    assert [words for words in case.says if words not in str(caught.value)] == [], str(caught.value)


@pytest.mark.parametrize("case", named(UPDATES))
def test_what_may_not_change_does_not(api: Api, case: Case) -> None:
    api.create(case.before)
    try:
        with pytest.raises(Refused) as caught:
            api.replace(case.manifest)
    finally:
        api.delete(case.before)
    assert [words for words in case.says if words not in str(caught.value)] == [], str(caught.value)


@pytest.mark.parametrize("case", named(LATER))
def test_what_only_a_run_can_see_is_taken(api: Api, case: Case) -> None:
    api.try_create(case.manifest)


def test_each_message_names_the_remedy_and_no_pattern(api: Api) -> None:
    """A sample, as people see it."""
    manifest = good("job")
    manifest["spec"] |= {"code": {"files": ["wordcount.py"]}, "deadline": "30", "workers": 2, "pool": "nightly"}
    manifest["spec"]["input"][0]["uri"] = "books/*.txt"
    with pytest.raises(Refused) as caught:
        api.try_create(manifest)
    _, _, reasons = str(caught.value).partition(" is invalid: ")
    assert sorted(reasons.strip("[]").replace(", spec.", "\nspec.").split("\n")) == [
        "spec.code.files: Forbidden: files lie on the machine of whoever applies this: put them under code.inline, "
        "or use `gristmill submit`, which does that",
        'spec.deadline: Invalid value: "string": is not a duration of more than nothing: write 30s, 5m, 1h30m or 500ms',
        'spec.input[0].uri: Invalid value: "string": pods cannot reach it: name a bucket (s3://BUCKET/…) or a '
        "volume (pvc://CLAIM/path)",
        "spec.pool: Forbidden: workers, resources, pod and stores are those of a pool of its own: leave them out, "
        "or leave out pool, which names a warm one that has its own",
    ]
