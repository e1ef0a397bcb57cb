"""What is right is taken: the examples with their data in buckets, chains that SQL became, what may change later."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_server import Api, Refused
from bad_manifests import changed, good

from gristmill.plan.manifest import dump_manifest, load_manifest
from gristmill.plan.resources import dump_query, load_job, load_pool, load_query
from gristmill_sql import CompileOptions, compile_query
from tests.sql.test_plans import CATALOG, PLANS

ROOT = Path(__file__).resolve().parents[2]
GOOD = sorted(path.stem for path in (ROOT / "tests" / "crds" / "good").glob("*.yaml"))
EXAMPLES = sorted((ROOT / "examples").glob("*/job.yaml"))


def in_buckets(manifest: str) -> list[dict[str, Any]]:
    moved = manifest.replace("uri: data/", "uri: s3://data/").replace("uri: out/", "uri: s3://out/")
    return list(yaml.safe_load_all(moved))


@pytest.mark.parametrize("name", GOOD)
def test_the_good_manifests_are_good(api: Api, name: str) -> None:
    api.try_create(good(name))


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.parent.name for path in EXAMPLES])
def test_examples_with_their_data_in_buckets_are_taken(api: Api, path: Path) -> None:
    inline = dump_manifest(load_manifest(path.read_text(), str(path), path.parent))
    for document in in_buckets(inline):
        api.try_create(document)


@pytest.mark.parametrize("path", PLANS, ids=[path.stem for path in PLANS])
def test_chains_that_sql_became_are_taken(api: Api, path: Path) -> None:
    sql = "\n".join(line for line in path.read_text().splitlines() if not line.startswith("--"))
    chain = compile_query(sql, CATALOG, CompileOptions()).chain
    for document in yaml.safe_load_all(dump_manifest(chain)):
        api.try_create(changed(remote(document), {"spec.managedBy": "gristmill.dev/query"}))


def test_every_field_at_once_is_taken(api: Api) -> None:
    text = (ROOT / "tests" / "plan" / "manifest" / "every_field.yaml").read_text()
    for document in yaml.safe_load_all(text):
        document["metadata"].pop("namespace", None)
        document["spec"].pop("pool", None)
        if document["spec"].get("code", {}).pop("files", None):
            document["spec"]["code"]["configMap"] = "code"
        api.try_create(remote(document))


def remote(form: Any, name: str = "") -> Any:
    """A manifest whose paths are those of a bucket."""
    if isinstance(form, dict):
        return {key: remote(value, key) for key, value in form.items()}
    if isinstance(form, list):
        return [remote(value, name) for value in form]
    local = name in ("uri", "uris", "scratch") and "://" not in form
    return f"s3://bucket/{form.lstrip('/')}" if local else form


def test_what_the_api_server_fills_in_changes_nothing(api: Api) -> None:
    """Defaults of the definitions are those of the loader."""
    for name in GOOD:
        load = {"MapReduceJob": load_job, "SQLQuery": load_query, "WorkerPool": load_pool}[good(name)["kind"]]
        served = api.try_create(good(name))
        served["metadata"] = good(name)["metadata"]
        assert load(served) == load(good(name))


def test_a_query_from_its_plan_is_taken(api: Api) -> None:
    api.try_create(dump_query(load_query(good("query"))))


MAY_CHANGE = {
    "deadline": "2h",
    "workers": 4,
    "ttlSecondsAfterFinished": 60,
    "suspend": True,
    "cancel": True,
}


@pytest.mark.parametrize("field", MAY_CHANGE)
@pytest.mark.parametrize("name", ["job", "query"])
def test_what_may_change_does(api: Api, name: str, field: str) -> None:
    manifest = good(name)
    api.create(manifest)
    try:
        api.replace(changed(manifest, {f"spec.{field}": MAY_CHANGE[field]}))
        api.set_status(manifest, {"phase": "Running"})
    finally:
        api.delete(manifest)


def test_suspend_may_change_back_and_cancel_not(api: Api) -> None:
    manifest = good("job")
    api.create(manifest)
    try:
        api.replace(changed(manifest, {"spec.suspend": True}))
        api.replace(manifest)
        api.replace(changed(manifest, {"spec.cancel": True}))
        with pytest.raises(Refused, match=r"spec.cancel: .*cannot be taken back: make another one"):
            api.replace(manifest)
    finally:
        api.delete(manifest)


def test_a_pool_may_change(api: Api) -> None:
    manifest = good("pool")
    api.create(manifest)
    try:
        api.replace(changed(manifest, {"spec.max": 20, "spec.image": "other:2", "spec.claims": None}))
    finally:
        api.delete(manifest)


def test_two_appliers_share_a_job(api: Api) -> None:
    """Server-side apply: each owns the stores that it wrote."""
    head = {key: good("pool")[key] for key in ("apiVersion", "kind", "metadata")}
    api.apply(good("pool"), "one")
    try:
        gs = {"prefix": "gs://", "region": "eu"}
        both = api.apply(head | {"spec": {"stores": [gs]}}, "two")
        assert [store["prefix"] for store in both["spec"]["stores"]] == ["s3://", "gs://"]
        without = copy.deepcopy(good("pool"))
        del without["spec"]["stores"]
        assert [store["prefix"] for store in api.apply(without, "one")["spec"]["stores"]] == ["gs://"]
    finally:
        api.delete(good("pool"))
