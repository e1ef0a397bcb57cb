"""Plans, stages, orders and results as JSON: lossless, canonical, short, and precise about what does not fit."""

from __future__ import annotations

import dataclasses
import json
import typing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gristmill.ids
from gristmill.errors import InvalidPlan
from gristmill.plan import exchange, fragment, job, schema, source, stage, task
from gristmill.plan.codec import digest, from_json, to_json

MODULES = (gristmill.ids, exchange, fragment, job, schema, source, stage, task)
CLASSES = sorted(
    {
        kind
        for module in MODULES
        for kind in vars(module).values()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind)
    },
    key=lambda kind: kind.__name__,
)


def any_value(hint: object) -> st.SearchStrategy[object]:
    """Values of a type hint of the plan."""
    match hint:
        case typing.NewType():
            return any_value(hint.__supertype__)
        case _ if typing.get_origin(hint) is tuple and typing.get_args(hint)[-1] is Ellipsis:
            return st.lists(any_value(typing.get_args(hint)[0]), max_size=2).map(tuple)
        case _ if typing.get_origin(hint) is tuple:
            return st.tuples(*map(any_value, typing.get_args(hint)))
        case _ if typing.get_args(hint):
            return st.one_of(*map(any_value, typing.get_args(hint)))
        case _ if dataclasses.is_dataclass(hint):
            return st.deferred(lambda: any_record(hint))
        case _ if hint is float:
            return st.floats(allow_nan=False, allow_infinity=False)
        case _ if hint is str:
            return st.text(max_size=4)
        case _:
            return st.from_type(hint)


def any_record(kind: type) -> st.SearchStrategy[object]:
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{field.name: any_value(hints[field.name]) for field in dataclasses.fields(kind)})


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@settings(max_examples=12, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_every_plan_type_comes_back_from_json_unchanged(kind: type, data: st.DataObject) -> None:
    value = data.draw(any_record(kind))
    text = to_json(value)
    assert from_json(text, kind) == value
    assert to_json(from_json(text, kind)) == text
    assert digest(from_json(text, kind)) == digest(value)


def test_a_union_is_tagged_by_its_class_and_defaults_are_left_out() -> None:
    plan = job.JobPlan("a", (job.JobInput("in", source.JobSource("b"), map=fragment.SqlFragment("SELECT 1")),))
    assert json.loads(to_json(plan)) == {
        "name": "a",
        "inputs": [
            {
                "name": "in",
                "source": {"$type": "JobSource", "job": "b"},
                "map": {"$type": "SqlFragment", "sql": "SELECT 1"},
            }
        ],
    }


def test_equal_values_of_different_python_types_share_a_digest() -> None:
    assert digest(job.RetryPolicy(task_timeout_s=30)) == digest(job.RetryPolicy(task_timeout_s=30.0))
    assert len(digest(job.RetryPolicy())) == 32


def test_a_union_or_a_tuple_can_stand_at_the_top() -> None:
    sql = fragment.SqlFragment("SELECT 1")
    assert from_json(to_json(sql, fragment.Fragment), fragment.Fragment) == sql
    columns = (schema.Column("a", "BIGINT"), schema.Column("b", "VARCHAR"))
    assert from_json(to_json(columns, schema.Schema), schema.Schema) == columns


@pytest.mark.parametrize(
    ("text", "place", "reason", "remedy"),
    [
        ('{"jobs": [{"name": "a"', "line 1, column", "not JSON", ""),
        ('{"jobs": [], "reslut": "a"}', "ChainPlan.reslut", "unknown field", "Did you mean result?"),
        ('{"result": "a"}', "ChainPlan", "required field is missing: jobs", ""),
        ('{"jobs": {}}', "ChainPlan.jobs", "expected an array, found {}", ""),
        ('{"jobs": [], "result": 3}', "ChainPlan.result", "expected text, found 3", ""),
        (
            '{"jobs": [{"name": "a", "inputs": [], "partitions": true}]}',
            "ChainPlan.jobs[0].partitions",
            "expected a whole number, found true",
            "",
        ),
        (
            '{"jobs": [{"name": "a", "inputs": [{"name": "i", "source": {"$type": "JobSourc"}}]}]}',
            "ChainPlan.jobs[0].inputs[0].source",
            "unknown $type 'JobSourc'",
            "Did you mean JobSource?",
        ),
        (
            '{"jobs": [{"name": "a", "inputs": [{"name": "i", "source": {"job": "b"}}]}]}',
            "ChainPlan.jobs[0].inputs[0].source",
            "$type is missing",
            "One of: FileSource, JobSource.",
        ),
        (
            '{"jobs": [{"name": "a", "inputs": [], "partition": "hsh"}]}',
            "ChainPlan.jobs[0].partition",
            "unknown ExchangeKind 'hsh'",
            "Did you mean hash?",
        ),
        (
            '{"jobs": [{"name": "a", "inputs": [], "labels": [["k"]]}]}',
            "ChainPlan.jobs[0].labels[0]",
            "expected an array of 2",
            "",
        ),
        ('{"jobs": [{"name": "a", "inputs": [], "deadline_s": NaN}]}', "ChainPlan", "NaN", ""),
    ],
)
def test_json_that_does_not_fit_names_place_reason_and_nearest_name(
    text: str, place: str, reason: str, remedy: str
) -> None:
    with pytest.raises(InvalidPlan) as caught:
        from_json(text, job.ChainPlan)
    assert caught.value.place.startswith(place)
    assert reason in caught.value.reason
    assert caught.value.remedy == remedy


def test_broken_base64_and_infinite_numbers_are_refused() -> None:
    with pytest.raises(InvalidPlan, match="not base64"):
        from_json('{"entry": "a:b", "pickled": "?"}', fragment.PythonFunction)
    with pytest.raises(InvalidPlan, match="RetryPolicy: cannot be written as JSON"):
        to_json(job.RetryPolicy(task_timeout_s=float("inf")))


def test_one_is_not_taken_for_true_after_an_equal_looking_form() -> None:
    good = '{"exchange": {"job": "a", "input": "b"}, "outputs": [], "schema": [{"name": "c", "type": "d"}]}'
    assert from_json(good, task.ExchangeFeed).schema == (schema.Column("c", "d"),)
    with pytest.raises(InvalidPlan, match=r"schema\[0\].type: expected text, found 1"):
        from_json(good.replace('"d"', "1"), task.ExchangeFeed)
