"""Values: each is described, has an effect, and is refused with clear words where it makes no sense."""

from __future__ import annotations

import base64
import runpy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from cryptography import x509

from gristmill.version import __version__
from tests.support.helm_chart import CHART, Helm

DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
GENERATOR = runpy.run_path(str(CHART.parent / "generate.py"))

OTHER_VALUES: dict[str, Any] = {
    "nameOverride": "other",
    "fullnameOverride": "mill",
    "watchNamespaces": ["team-a"],
    "image.registry": "registry.example.com",
    "image.digest": "sha256:" + 64 * "1",
    "image.pullPolicy": "Always",
    "workerImage.digest": "sha256:" + 64 * "1",
    "workerImage.pullPolicy": "Never",
    "imagePullSecrets": [{"name": "regcred"}],
    "operator.tolerations": [{"key": "spot"}],
    "operator.affinity": {"nodeAffinity": {}},
    "operator.extraEnv": [{"name": "A", "value": "b"}],
    "operator.logLevel": "DEBUG",
    "operator.podSecurityContext": {"runAsUser": 7},
    "operator.securityContext": {"privileged": False},
    "operator.resources": {"limits": {"memory": "1Gi"}},
    "networkPolicy.apiServerPorts": [16443],
    "networkPolicy.metricsFrom": [{"podSelector": {}}],
    "jobPods.agentResources": {"limits": {"memory": "1Gi"}},
    "jobPods.executorResources": {"limits": {"memory": "2Gi"}},
    "jobPods.scratchSize": "1Gi",
    "jobPods.cacheSize": "1Gi",
    "jobPods.tolerations": [{"key": "spot"}],
    "stores": [{"prefix": "gs://"}],
    "scratch": "s3://tmp/",
    "zones": {"s3://eu/": "eu-west-1a"},
    "metrics.serviceMonitor.interval": "5s",
    "demoS3.namespaces": ["team-a"],
    "demoS3.image.pullPolicy": "Always",
    "demoS3.image.command": ["/versitygw"],
    "demoS3.resources": {"limits": {"memory": "1Gi"}},
    "demoS3.size": "3Gi",
    "test.input": "s3://tmp/*.txt",
    "test.output": "s3://tmp/out/",
}
"""Other values than the defaults, where flipping, counting on or naming would not be valid."""

ONLY_WITH = {
    "metrics.serviceMonitor": {"metrics": {"serviceMonitor": {"enabled": True}}},
    "demoS3": {"demoS3": {"enabled": True}},
    "test.input": {"scratch": "s3://tmp/"},
    "serviceAccount.create": {"serviceAccount": {"name": "mine"}},
}
"""What else must be set for a value to matter."""

REFUSED = [
    ({"operator": {"replicas": 3}}, "at '/operator': additional properties 'replicas' not allowed"),
    ({"image": {"pullPolicy": "Sometimes"}}, "'/image/pullPolicy': value must be one of 'Always'"),
    ({"image": {"tag": 1.2}}, "'/image/tag': got number, want string"),
    ({"image": {"registry": "https://r.example.com"}}, "'/image/registry'"),
    ({"operator": {"resources": {"limits": {"memory": "4 gigs"}}}}, "'/operator/resources/limits/memory': '4 gigs'"),
    ({"operator": {"resources": {"limit": {}}}}, "additional properties 'limit' not allowed"),
    ({"operator": {"tolerations": [{"effect": "NoWay"}]}}, "'/operator/tolerations/0/effect'"),
    ({"operator": {"extraEnv": [{"value": "x"}]}}, "'/operator/extraEnv/0': missing property 'name'"),
    ({"watchNamespaces": ["Team A"]}, "'/watchNamespaces/0': 'Team A' does not match"),
    ({"watchNamespaces": "team-a"}, "'/watchNamespaces': got string, want array"),
    ({"jobPods": {"maxWorkers": -1}}, "'/jobPods/maxWorkers': minimum: got -1, want 0"),
    ({"jobPods": {"env": {"A": 1}}}, "'/jobPods/env/A': got number, want string"),
    ({"stores": [{"endpoint": "http://minio:9000"}]}, "'/stores/0': missing property 'prefix'"),
    ({"stores": [{"prefix": "s3://", "endpoint": "minio:9000"}]}, "'/stores/0/endpoint': 'minio:9000'"),
    ({"stores": [{"prefix": "s3://", "secretKey": "hunter2"}]}, "additional properties 'secretKey' not allowed"),
    ({"stores": [{"prefix": "s3://", "anonymous": True, "secretRef": {"name": "k"}}]}, "exclude each other"),
    ({"scratch": "tmp"}, "'/scratch': 'tmp' does not match"),
    ({"zones": {"eu": "eu-west-1a"}}, "'eu' does not match"),
    ({"networkPolicy": {"apiServerPorts": []}}, "'/networkPolicy/apiServerPorts': minItems"),
    ({"metrics": {"serviceMonitor": {"interval": 30}}}, "'/metrics/serviceMonitor/interval': got number"),
    ({"serviceAccount": {"create": False}}, "serviceAccount.name: empty, and serviceAccount.create is false"),
    ({"test": {"input": "s3://data/*.txt"}}, "test.input: set test.output or scratch too"),
]


def values_of(tree: dict[str, Any], above: str = "") -> Iterator[str]:
    """Paths of all values that are not groups of others."""
    for key, value in tree.items():
        path = f"{above}{key}"
        if path in DESCRIBED or not isinstance(value, dict) or not value:
            yield path
        else:
            yield from values_of(value, f"{path}.")


DESCRIBED = {value.path: value for value in GENERATOR["described"](CHART / "values.yaml")}


def nested(path: str, value: object) -> dict[str, Any]:
    for key in reversed(path.split(".")):
        value = {key: value}
    return value  # type: ignore[return-value]


def merged(*trees: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for tree in trees:
        for key, value in tree.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else value
    return result


def test_every_value_is_described() -> None:
    assert set(values_of(DEFAULTS)) == set(DESCRIBED)


def test_descriptions_are_sentences_of_one_line() -> None:
    assert [v.path for v in DESCRIBED.values() if not v.text.endswith((".", "`:", "`."))] == []


def test_generated_parts_are_up_to_date() -> None:
    stale = [
        path.name for path, text in GENERATOR["generated"]().items() if not path.exists() or path.read_text() != text
    ]
    assert stale == [], "run python charts/generate.py"


def test_the_schema_knows_no_value_that_is_not_there() -> None:
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())

    def paths(node: dict[str, Any], above: str = "") -> Iterator[str]:
        for key, child in node.get("properties", {}).items():
            if child.get("properties"):
                yield from paths(child, f"{above}{key}.")
            else:
                yield f"{above}{key}"

    assert set(paths(schema)) - set(DESCRIBED) == {"global"}


@pytest.mark.parametrize("path", sorted(DESCRIBED))
def test_every_value_has_an_effect(helm: Helm, path: str) -> None:
    default: Any = DEFAULTS
    for key in path.split("."):
        default = default[key]
    other = OTHER_VALUES.get(path)
    if other is None:
        match default:
            case bool():
                other = not default
            case int():
                other = default + 1
            case str():
                other = f"{default}x" if default else "x"
            case dict():
                other = {"a": "b"}
    needed = [
        values for prefix, values in ONLY_WITH.items() if path.startswith(prefix) and not path.endswith(".enabled")
    ]
    before, after = helm.render(merged(*needed)), helm.render(merged(*needed, nested(path, other)))
    assert comparable(before) != comparable(after)


def comparable(objects: list[dict[str, Any]]) -> list[Any]:
    """The objects without keys that are drawn anew at each rendering; certificates by the days they are valid."""
    return [secret_without_keys(found) if found["kind"] == "Secret" else found for found in objects]


def secret_without_keys(secret: dict[str, Any]) -> list[Any]:
    data = secret["data"]
    days = [certificate_days(base64.b64decode(data["tls.crt"]))] if "tls.crt" in data else []
    return [secret["metadata"], sorted(data), *days]


def certificate_days(pem: bytes) -> int:
    certificate = x509.load_pem_x509_certificate(pem)
    return (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days


@pytest.mark.parametrize(("values", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_nonsense_is_refused_with_its_place(helm: Helm, values: dict[str, Any], words: str) -> None:
    assert words in helm.refusal(values)


def test_lint_has_nothing_to_say(helm: Helm) -> None:
    assert "0 chart(s) failed" in helm.lint()


def test_the_chart_has_the_version_of_the_package() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)
