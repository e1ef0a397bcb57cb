"""Whose S3 a bucket is: what is read without botocore is what botocore would find, and the rest is asked of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import gristmill as gm
from gristmill.errors import InvalidPlan, StorageError
from gristmill.plan.job import Store
from gristmill.storage import s3_session
from gristmill.storage.s3_account import account_of
from gristmill.storage.stores import Stores

KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
CONFIG = """
[default]
region = eu-north-1
endpoint_url = http://default:9000

[profile other]
region = eu-south-1
aws_access_key_id = profile-id
aws_secret_access_key = profile-secret
"""


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment that says nothing of AWS; the place of its configuration file, which is not there."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "FSSPEC_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return tmp_path / "config"


ENVIRONMENTS = [
    {},
    {"AWS_SESSION_TOKEN": "token"},
    {"AWS_SECURITY_TOKEN": "old", "AWS_SESSION_TOKEN": "token"},
    {"AWS_DEFAULT_REGION": "us-west-1", "AWS_REGION": "us-west-2"},
    {"AWS_REGION": "us-west-2"},
    {"AWS_ENDPOINT_URL": "http://all:1", "AWS_ENDPOINT_URL_S3": "http://s3:2"},
    {"AWS_ENDPOINT_URL": "http://all:1"},
]
CASES = [
    *((each, configured) for each in ENVIRONMENTS for configured in (False, True)),
    ({"AWS_PROFILE": "other"}, True),
]


@pytest.mark.parametrize(("environment", "configured"), CASES)
def test_an_account_is_the_one_that_botocore_finds(
    environment: dict[str, str], configured: bool, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if configured:
        bare.write_text(CONFIG)
    for name, value in {**KEYS, **environment}.items():
        monkeypatch.setenv(name, value)
    account = account_of("bucket", None, {})
    session = s3_session.session(None, {})
    credentials = session.get_credentials().get_frozen_credentials()
    found = account.keys()
    assert (found["access_key_id"], found["secret_access_key"]) == (credentials.access_key, credentials.secret_key)
    assert found["token"] == credentials.token
    assert account.endpoint == s3_session.endpoint(session)
    region = session.get_config_variable("region") or environment.get("AWS_REGION") or "us-east-1"
    assert account.region == region


def test_a_profile_is_looked_up(bare: Path) -> None:
    bare.write_text(CONFIG)
    account = account_of("bucket", None, {"profile": "other"})
    assert account.keys()["access_key_id"] == "profile-id"
    assert account.region == "eu-south-1"


def test_what_a_store_says_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": "http://all:1", "AWS_DEFAULT_REGION": "us-west-1"}.items():
        monkeypatch.setenv(name, value)
    account = account_of("bucket", Store("s3://", endpoint="http://own:3", region="own-1", path_style=True), {})
    assert (account.endpoint, account.region, account.path_style) == ("http://own:3", "own-1", True)


def test_options_of_a_program_count_more_than_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    options = {"key": "given", "secret": "s", "client_kwargs": {"endpoint_url": "http://given:4", "region_name": "r"}}
    account = account_of("bucket", None, options)
    assert (account.keys()["access_key_id"], account.endpoint, account.region) == ("given", "http://given:4", "r")


def test_configuration_of_fsspec_counts_wherever_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec.config

    monkeypatch.setitem(fsspec.config.conf, "s3", {"key": "configured", "secret": "s"})
    assert account_of("bucket", None, {}).keys()["access_key_id"] == "configured"


def test_without_credentials_the_error_names_the_bucket() -> None:
    with pytest.raises(StorageError, match="no credentials found") as failed:
        account_of("bucket", None, {})
    assert failed.value.place == "s3://bucket"


def test_an_anonymous_account_looks_for_no_credentials() -> None:
    assert account_of("bucket", Store("s3://", anonymous=True), {}).anonymous


def test_keys_of_the_environment_need_no_botocore() -> None:
    program = """
import sys
from gristmill.storage.stores import Stores
Stores().filesystem("s3://bucket/x")
assert "botocore" not in sys.modules and "fsspec" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, **KEYS})


OPTIONS = {"key": "id", "secret": "secret", "endpoint_url": "http://localhost:9000"}
WRONG_OPTIONS = [
    ({"key": "id"}, "there is key, but no secret"),
    ({"secret": "secret"}, "there is secret, but no key"),
    ({"key": "id", "secret": None}, "there is key, but no secret"),
    ({"key": 12}, "key is a text, not int"),
    ({**OPTIONS, "token": 5}, "token is a text, not int"),
    ({**OPTIONS, "endpont_url": "http://x"}, "Did you mean endpoint_url"),
    ({**OPTIONS, "region": "eu-west-1"}, 'client_kwargs={"region_name"'),
    ({**OPTIONS, "requester_pays": True}, "S3 has no option 'requester_pays'"),
    ({**OPTIONS, "client_kwargs": "eu-west-1"}, "client_kwargs is a dict, not str"),
    ({**OPTIONS, "client_kwargs": {"region": "eu-west-1"}}, "Did you mean region_name"),
    ({**OPTIONS, "client_kwargs": {"region_name": 5}}, "region_name is a text, not int"),
    ({**OPTIONS, "endpoint_url": 9000}, "endpoint_url is a text, not int"),
    ({**OPTIONS, "endpoint_url": "localhost:9000"}, "begins with http:// or https://"),
    ({**OPTIONS, "endpoint_url": "ftp://localhost"}, "begins with http:// or https://"),
    ({**OPTIONS, "endpoint_url": "http://localhost:port"}, "begins with http:// or https://"),
    ({"anon": "yes"}, "anon is True or False, not str"),
    ({5: "x"}, "not a dict of options"),
    ([("key", "id")], "not a dict of options"),
    ("key", "not a dict of options"),
    ({"weak_commit": "perhaps"}, "weak_commit is True or False"),
]


@pytest.mark.parametrize(("options", "said"), WRONG_OPTIONS, ids=[str(said) for _, said in WRONG_OPTIONS])
def test_wrong_options_are_refused_by_name(options: Any, said: str) -> None:
    with pytest.raises(InvalidPlan) as refused:
        Stores((), options).filesystem("s3://bucket/key")
    assert said in str(refused.value)
    assert refused.value.place


def test_an_endpoint_of_the_environment_without_its_scheme_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": "localhost:9000"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidPlan, match="AWS_ENDPOINT_URL"):
        account_of("bucket", None, {})


@pytest.mark.parametrize("keys", [{}, KEYS])
def test_a_profile_that_is_not_there_is_named(keys: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**keys, "AWS_PROFILE": "nobody"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StorageError, match="nobody"):
        account_of("bucket", None, {})


def test_half_a_key_in_the_environment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    with pytest.raises(StorageError, match="AWS_SECRET_ACCESS_KEY"):
        account_of("bucket", None, {})


def test_options_for_another_store_beside_are_let_pass() -> None:
    account = account_of("bucket", None, {**OPTIONS, "account_name": "azure", "project": "google"})
    assert account.endpoint == OPTIONS["endpoint_url"]


def test_options_that_workers_cannot_be_told_are_refused(tmp_path: Path) -> None:
    (tmp_path / "line.txt").write_text("a\n")
    job = gm.Job("lines", input=gm.text(str(tmp_path / "line.txt")))
    with pytest.raises(InvalidPlan, match="cannot be sent to workers"):
        gm.run(job, force_distributed=True, storage_options={"session": object()})


def test_options_that_another_client_does_not_take_are_told() -> None:
    with pytest.raises(StorageError, match="storage_options"):
        Stores((), {"connection_string": "none"}).filesystem("abfs://container/file")
