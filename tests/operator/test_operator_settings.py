"""What the environment may say, and how it is told that it says something else."""

from __future__ import annotations

import pytest

from gristmill.errors import InvalidPlan
from gristmill_operator.settings import load_settings

LEAST = {"OPERATOR_NAMESPACE": "gristmill", "WORKER_IMAGE": "worker:1", "SERVICE_ADDRESS": "op:7070"}


def test_the_least_that_has_to_be_said() -> None:
    found = load_settings(LEAST)
    assert (found.namespace, found.pods.image, found.namespaces) == ("gristmill", "worker:1", ())
    assert found.pods.linger_s == 60


@pytest.mark.parametrize("name", sorted(LEAST))
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(InvalidPlan, match=name):
        load_settings({key: value for key, value in LEAST.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_WORKERS", "many"),
        ("ZONE_MAP", "{"),
        ("ZONE_MAP", "[]"),
        ("DEFAULT_STORES", "{}"),
        ("NETWORK_POLICIES", "perhaps"),
    ],
)
def test_what_is_malformed_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidPlan) as raised:
        load_settings({**LEAST, name: value})
    assert name in str(raised.value)


def test_lists_and_json_are_read() -> None:
    found = load_settings(
        {
            **LEAST,
            "WATCH_NAMESPACES": "a, b",
            "ZONE_MAP": '{"s3://eu/": "eu-1"}',
            "DEFAULT_STORES": '[{"prefix": "s3://"}]',
            "POD_TOLERATIONS": '[{"key": "spot"}]',
            "NETWORK_POLICIES": "false",
        }
    )
    assert found.namespaces == ("a", "b")
    assert found.zones == {"s3://eu/": "eu-1"}
    assert found.stores == ({"prefix": "s3://"},)
    assert found.pods.tolerations == ({"key": "spot"},)
    assert found.network_policies is False
