"""The definitions in crds/ are those of the tables, stay small, and explain themselves."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_server import Api
from bad_manifests import good

from gristmill.plan.fields import Kind, Record
from gristmill.plan.resource_fields import DIALECTS
from gristmill.wire.reports import (
    JobReport,
    LedgerEntry,
    LocalityCounts,
    OutputPointer,
    RunPhase,
    RunReport,
    TaskCounts,
)
from gristmill_operator.crds.definition import KINDS
from gristmill_operator.crds.files import files
from gristmill_operator.policies.reporting import told
from gristmill_operator.status import Condition, ConditionType, Phase, Status, status_form
from tests.cluster.harness.binaries import CannotRun, program

ROOT = Path(__file__).resolve().parents[2]
PLACES = [ROOT / "crds", ROOT / "charts" / "gristmill" / "files" / "crds"]
Schema = dict[str, Any]


def definitions() -> dict[str, Any]:
    return {name: yaml.safe_load(text) for name, text in files().items()}


def schema_of(definition: Any) -> Schema:
    found: Schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


@pytest.mark.parametrize("folder", PLACES, ids=["crds", "chart"])
def test_the_files_are_what_make_crds_writes(folder: Path) -> None:
    assert {path.name: path.read_text() for path in folder.glob("*.yaml")} == files()


@pytest.mark.parametrize("name", sorted(files()))
def test_a_definition_is_far_from_the_limits_of_kubernetes(name: str) -> None:
    assert len(files()[name].encode()) < 64 << 10
    assert len(json.dumps(definitions()[name])) < 56 << 10


def described(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from described(field, f"{path}.{name}")
        for inner in ("items", "additionalProperties"):
            yield from described(field.get(inner, {}), f"{path}.{name}[]")


@pytest.mark.parametrize("name", sorted(files()))
def test_every_field_says_what_it_is(name: str) -> None:
    schema = schema_of(definitions()[name])
    fields = [*described(schema["properties"]["spec"]), *described(schema["properties"]["status"])]
    said = {path: field.get("description", "").partition(" Default:")[0] for path, field in fields}
    assert [path for path, doc in said.items() if not doc.endswith(".")] == []


@pytest.mark.parametrize("kind", KINDS, ids=[kind.plural for kind in KINDS])
def test_fields_of_the_definition_are_those_of_the_table(kind: Any) -> None:
    def names(record: Record, path: str = "") -> Iterator[str]:
        for field in record.fields:
            if field.kind is not Kind.OPAQUE:
                yield f"{path}.{field.name}"
                if field.record is not None and not field.choices:
                    step = "[]" if field.kind in (Kind.RECORDS, Kind.RECORD_MAP) else ""
                    yield from names(field.record, f"{path}.{field.name}{step}")

    spec = kind.manifest.field("spec").record
    schema = schema_of(definitions()[f"{kind.plural}.yaml"])["properties"]["spec"]
    assert {path for path, _ in described(schema)} == set(names(spec))


def test_the_api_server_serves_all_three_without_a_complaint(api: Api) -> None:
    for name in files():
        plural = name.removesuffix(".yaml")
        found = api.call("GET", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.gristmill.dev")
        conditions = {one["type"]: one["status"] for one in found["status"]["conditions"]}
        assert conditions == {"NamesAccepted": "True", "Established": "True"}, found["status"]


def kubectl(api: Api, *argv: str, failing: bool = False) -> str:
    done = subprocess.run(
        [program("kubectl"), "--kubeconfig", api.kubeconfig, *argv], capture_output=True, text=True, check=False
    )
    assert failing or done.returncode == 0, done.stderr
    return done.stdout


def test_short_names_and_the_category_are_known(api: Api) -> None:
    listed = kubectl(api, "api-resources", "--api-group=gristmill.dev", "--no-headers", "-o", "wide")
    assert {line.split()[1] for line in listed.splitlines()} == {"mrj", "gsql", "gpool"}
    assert all(line.split()[-1] == "gristmill" for line in listed.splitlines())


def test_kubectl_explains_a_field(api: Api) -> None:
    told = ""
    deadline = time.monotonic() + 30
    while "FIELD:" not in told and time.monotonic() < deadline:  # schemas are published a moment after they are served
        told = kubectl(api, "explain", "mrj.spec.output.mode", failing=True)
    assert "What to do when a result is already there." in told
    assert told.partition("DESCRIPTION")[0].split()[-4:] == ["ENUM:", "error", "overwrite", "append"]


def test_kubectl_get_is_readable(api: Api) -> None:
    head = kubectl(api, "get", "mrj,gsql,gpool", "-A", "--output", "wide", "--ignore-not-found")
    assert head == ""
    job = good("job")
    api.create(job)
    try:
        api.set_status(job, {"phase": "Running", "progress": {"maps": "12/40", "reduces": "0/8", "rows": 120000}})
        header, row = kubectl(api, "get", "mrj").splitlines()
        assert header.split() == ["NAME", "PHASE", "MAPS", "REDUCES", "ROWS", "AGE"]
        assert row.split()[:5] == ["wordcount", "Running", "12/40", "0/8", "120000"]
    finally:
        api.delete(job)


def test_the_dialects_are_those_of_the_parser() -> None:
    from sqlglot.dialects import Dialects

    assert set(DIALECTS) <= {dialect.value for dialect in Dialects}


def test_kubeconform_takes_the_definitions(tmp_path: Path) -> None:
    try:
        kubeconform = program("kubeconform")
    except CannotRun as missing:
        pytest.skip(str(missing))
    for plural, kind in ((kind.plural, kind.kind) for kind in KINDS):
        schema = schema_of(definitions()[f"{plural}.yaml"])
        (tmp_path / f"{kind.lower()}_v1alpha1.json").write_text(json.dumps(schema))
    goods = sorted((ROOT / "tests" / "crds" / "good").glob("*.yaml"))
    location = str(tmp_path / "{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json")
    argv = [kubeconform, "-strict", "-schema-location", location, "-output", "json", *map(str, goods)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_status_has_a_place_for_all_that_the_operator_writes(api: Api) -> None:
    """Nothing that it tells is pruned: it would else write the same again and again."""
    output = OutputPointer("wordcount", "good", "s3://out/", 1, 10, 100)
    job = JobReport("wordcount", RunPhase.RUNNING, TaskCounts(40, 12), TaskCounts(8), 120_000)
    report = RunReport(
        phase=RunPhase.RUNNING,
        run="5f0c",
        maps=TaskCounts(40, 12),
        locality=LocalityCounts(10, 2, 0),
        ledger=(LedgerEntry("2026-11-21T12:00:00Z", "wordcount/map#3", "oom", "killed", "run again with 2x memory"),),
        outputs=(output,),
        result=output,
        jobs=(job,),
        warnings=("one key has most of the rows",),
        logs="s3://out/_gristmill/logs/5f0c/",
    )
    run = Status(3, Phase.RUNNING, "running", (), 1.0, 2.0, "mrj-q", "mrj-q-lead-0", 1, 2, 3, told=told(report))
    pool = Status(3, Phase.READY, "", (), lead="gpool-p-lead-0", leads=1, workers=2, workers_started=2, active=5)
    conditions = tuple(Condition(type_, True, "Running", "all is well", 5.0) for type_ in ConditionType)
    for name, status in (("job", run), ("query", run), ("pool", pool)):
        whole, manifest = replace(status, conditions=conditions), good(name)
        api.create(manifest)
        try:
            assert api.set_status(manifest, status_form(whole))["status"] == status_form(whole)
        finally:
            api.delete(manifest)
