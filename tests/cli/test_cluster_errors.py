"""What the API server and the way to it answer in error, as users read it. The answers are those of Kubernetes 1.34."""

import json
import ssl

import pytest

from gristmill.api.cluster.failures import (
    Forbidden,
    Missing,
    NotInstalled,
    Taken,
    Unreachable,
    status_failure,
    transport_failure,
)
from gristmill.errors import ClusterError, InvalidPlan

PLACE = "context kind, namespace team"


def failure(status: int, form: object):
    body = form if isinstance(form, bytes) else json.dumps(form).encode()
    return status_failure(status, body, "create mapreducejobs", PLACE)


@pytest.mark.parametrize(
    ("status", "form", "kind", "words"),
    [
        (401, {"message": "Unauthorized", "reason": "Unauthorized"}, Forbidden, "does not accept your credentials"),
        (
            403,
            {"message": 'jobs is forbidden: User "eve" cannot create'},
            Forbidden,
            "you may not create mapreducejobs",
        ),
        (404, b"404 page not found\n", NotInstalled, "not installed"),
        (404, {"message": 'x "a" not found', "details": {"name": "a", "kind": "x"}}, Missing, "not found"),
        (404, {"message": "", "details": {"name": "team", "kind": "namespaces"}}, Missing, "no namespace team"),
        (409, {"message": "exists", "reason": "AlreadyExists"}, Taken, "exists"),
        (409, {"message": "changed", "reason": "Conflict"}, ClusterError, "changed"),
        (500, b"<html>oops", Unreachable, "in trouble"),
        (503, {"message": "etcd is slow"}, Unreachable, "etcd is slow"),
        (418, b"", ClusterError, "HTTP 418"),
    ],
)
def test_each_answer_becomes_an_error_with_place_and_reason(status, form, kind, words):
    error = failure(status, form)
    assert type(error) is kind
    assert words in error.reason
    assert error.place == PLACE


def test_rules_that_a_resource_breaks_are_told_each_with_its_field():
    causes = [
        {"field": "spec.output.uri", "message": "Invalid value: lies on your machine"},
        {"field": "spec.partitions", "message": "must be at least 1"},
    ]
    error = failure(422, {"message": "is invalid", "details": {"causes": causes}})
    assert isinstance(error, InvalidPlan)
    assert error.reason.splitlines() == [
        "2 problems",
        "  spec.output.uri: Invalid value: lies on your machine",
        "  spec.partitions: must be at least 1",
    ]


def test_an_answer_that_is_not_json_is_quoted():
    assert "a proxy says no" in failure(407, b"a proxy says no").reason


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), Unreachable, "does not answer: .*refused"),
        (ssl.SSLError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"), ClusterError, "not signed by"),
        (ssl.SSLError(1, "[SSL: SSLV3_ALERT_BAD_CERTIFICATE] alert"), Forbidden, "your client certificate"),
    ],
)
def test_what_goes_wrong_on_the_way_is_told_apart(error, kind, words):
    found = transport_failure(error, "https://k:6443", PLACE)
    assert type(found) is kind
    assert found.remedy
    with pytest.raises(kind, match=words):
        raise found
