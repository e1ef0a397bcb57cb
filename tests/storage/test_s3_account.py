"""Whose S3 a bucket is: what is read without botocore is what botocore would find, and the rest is asked of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gristmill.errors import StorageError
from gristmill.plan.job import Store
from gristmill.storage import s3_session
from gristmill.storage.s3_account import account_of

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
