"""Every rendered object fits Kubernetes' own schema, strictly: kubeconform with the schemas of its Go module."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.harness.binaries import KUBERNETES
from tests.support.helm_chart import CHART, VALUE_SETS, Helm, tool


@pytest.fixture(scope="session")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a schema for each kind, as kubeconform wants them, without anything beside the known fields."""
    definitions: dict[str, Any] = json.loads(openapi().read_text())["definitions"]
    for definition in definitions.values():
        if "properties" in definition:
            definition["additionalProperties"] = False
        kinds = definition.get("x-kubernetes-group-version-kind", [])
        if len(kinds) == 1:
            for field in ("apiVersion", "kind"):
                definition["properties"][field]["type"] = "string"
    loosened(definitions)
    folder = tmp_path_factory.mktemp("schemas")
    (folder / "definitions.json").write_text(json.dumps({"definitions": definitions}))
    for name, definition in definitions.items():
        for kind in definition.get("x-kubernetes-group-version-kind", []):
            group = "-".join(filter(None, (kind["group"].split(".")[0], kind["version"])))
            reference = {"$ref": f"file://{folder}/definitions.json#/definitions/{name}"}
            (folder / f"{kind['kind'].lower()}-{group}.json").write_text(json.dumps(reference))
    return folder


def loosened(definitions: dict[str, Any]) -> None:
    """What JSON Schema cannot say of values that are text or number, and of any JSON."""
    meta = "io.k8s.apimachinery.pkg."
    definitions[f"{meta}util.intstr.IntOrString"] = {"type": ["string", "integer"]}
    definitions[f"{meta}api.resource.Quantity"] = {"type": ["string", "number"]}
    json_schema = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
    definitions[json_schema] = {"type": "object"}


def openapi() -> Path:
    """Kubernetes' description of its API, from the module that the test cluster is built from."""
    module = f"k8s.io/kubernetes@v{KUBERNETES}"
    tool("kube-apiserver")
    done = subprocess.run(
        ["go", "mod", "download", "-json", module],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "GOFLAGS": "-mod=mod"},
        cwd="/",
    )
    return Path(json.loads(done.stdout)["Dir"]) / "api" / "openapi-spec" / "swagger.json"


@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS)
def test_every_object_fits_its_schema(helm: Helm, schemas: Path, values: dict[str, Any]) -> None:
    done = conform(helm.template(values).stdout, schemas)
    assert done.returncode == 0, done.stdout


def test_an_unknown_field_would_be_seen(helm: Helm, schemas: Path) -> None:
    service = next(found for found in helm.render() if found["kind"] == "Service")
    service["spec"]["selektor"] = {}
    assert "selektor" in conform(yaml.safe_dump(service), schemas).stdout


def conform(objects: str, schemas: Path) -> subprocess.CompletedProcess[str]:
    location = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    argv = [tool("kubeconform"), "-strict", "-schema-location", location, "-skip", "ServiceMonitor", "-output", "text"]
    return subprocess.run(argv, check=False, capture_output=True, text=True, input=objects, timeout=120)


def test_the_example_of_the_notes_is_there() -> None:
    notes = (CHART / "templates" / "NOTES.txt").read_text()
    assert "examples/wordcount.yaml" in notes
    assert (CHART.parent.parent / "examples" / "wordcount.yaml").exists()
