"""What a pod reads from its environment, and what it says about variables that are missing or malformed."""

from __future__ import annotations

import json

import pytest

from gristmill.errors import InvalidPlan
from gristmill_worker.pod import load_pod

LEAST = {"POOL": "gpool-x", "POOL_UID": "u", "NAMESPACE": "n", "POD": "p", "POD_IP": "10.0.0.1"}


def _load(**variables: str):  # type: ignore[no-untyped-def]
    return load_pod({f"GRISTMILL_{name}": value for name, value in {**LEAST, **variables}.items()})


def test_what_the_operator_always_sets_is_enough() -> None:
    pod = _load()
    assert (pod.slots, pod.worker_port, pod.stores, pod.zones) == (1, 7077, (), {})
    assert pod.tls.name == "pool-u.gristmill.internal"
    assert pod.operator_tls.name == "operator.gristmill.internal"


def test_stores_have_the_form_of_manifests() -> None:
    stores = [
        {"prefix": "s3://", "endpoint": "https://own.example"},
        {"prefix": "s3://b", "pathStyle": True, "secretRef": {"name": "keys"}},
    ]
    found = _load(STORES=json.dumps(stores)).stores
    assert [(store.prefix, store.endpoint, store.secret) for store in found] == [
        ("s3://", "https://own.example", ""),
        ("s3://b", "", "keys"),
    ]


def test_volumes_are_those_of_this_pod_and_of_each_kind_of_pod() -> None:
    pod = _load(VOLUMES="a,shared", VOLUME_GROUPS="a,shared;b,shared")
    assert pod.volumes == ("pvc://a", "pvc://shared")
    assert pod.volume_groups == (frozenset({"pvc://a", "pvc://shared"}), frozenset({"pvc://b", "pvc://shared"}))
    assert (_load().volumes, _load().volume_groups) == ((), ())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POOL", ""),
        ("SLOTS", "many"),
        ("STORES", "{"),
        ("STORES", '["s3://"]'),
        ("STORES", '[{"endpoint": "x"}]'),
        ("ZONES", "[]"),
    ],
)
def test_a_bad_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidPlan, match=f"GRISTMILL_{name}"):
        _load(**{name: value})
