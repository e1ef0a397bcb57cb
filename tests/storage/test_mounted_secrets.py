"""Stores that name a Secret use the keys that are mounted for it, also after they change, and never tell them."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import gristmill as gm
from gristmill.api.options import RunOptions
from gristmill.api.run import run_chain
from gristmill.errors import StorageError
from gristmill.plan.job import Store
from gristmill.storage import fsspec_store, secrets
from gristmill.storage.stores import Stores
from gristmill.worker.processes import family
from tests.support.s3_server import ACCESS_KEY, SECRET_KEY, S3Server

Mount = Callable[..., Path]


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mount:
    """Mounts a Secret with these keys, in an environment that has no other credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("GRISTMILL_SECRETS_DIR", str(tmp_path / "secrets"))

    def mounted(name: str, **keys: str) -> Path:
        folder = tmp_path / "secrets" / name
        folder.mkdir(parents=True, exist_ok=True)
        for key, value in keys.items():
            (folder / key).write_text(value)
        return folder

    return mounted


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    return s3_server.bucket(f"test-{uuid.uuid4().hex[:12]}")


def store(s3_server: S3Server, secret: str = "s3-keys") -> Store:
    return Store("s3://", endpoint=s3_server.endpoint, region="us-east-1", path_style=True, secret=secret)


def right_keys() -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": f"{SECRET_KEY}\n"}


def test_the_keys_of_the_secret_open_the_store(mount: Mount, s3_server: S3Server, bucket: str) -> None:
    mount("s3-keys", **right_keys())
    files = Stores((store(s3_server),)).filesystem(bucket)
    files.put(f"{bucket}/a", b"here")
    assert files.read(f"{bucket}/a") == b"here"


def test_each_store_has_its_own_secret(mount: Mount, s3_server: S3Server, bucket: str) -> None:
    mount("wrong", AWS_ACCESS_KEY_ID=ACCESS_KEY, AWS_SECRET_ACCESS_KEY="nothing")
    mount("s3-keys", **right_keys())
    stores = Stores((store(s3_server, "wrong"), replace(store(s3_server), prefix=f"{bucket}/")))
    stores.filesystem(f"{bucket}/a").put(f"{bucket}/a", b"here")
    with pytest.raises(StorageError):
        stores.filesystem("s3://other/a").read("s3://other/a")


def test_keys_that_change_are_read_again(
    mount: Mount, s3_server: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "VALID_S", 1)
    mount("s3-keys", AWS_ACCESS_KEY_ID=ACCESS_KEY, AWS_SECRET_ACCESS_KEY="of yesterday")
    files = Stores((store(s3_server),)).filesystem(bucket)
    with pytest.raises(StorageError):
        files.put(f"{bucket}/a", b"here")
    mount("s3-keys", **right_keys())
    time.sleep(0.2)  # so long a client keeps what it has, however old
    files.put(f"{bucket}/a", b"here")
    staged = files.stage(f"{bucket}/b", f"{bucket}/staged")
    staged.abort()


def test_a_secret_without_its_keys_is_named(mount: Mount, s3_server: S3Server, bucket: str) -> None:
    mount("s3-keys", AWS_ACCESS_KEY_ID=ACCESS_KEY)
    with pytest.raises(StorageError, match="AWS_SECRET_ACCESS_KEY") as failed:
        Stores((store(s3_server),)).filesystem(bucket)
    assert "s3-keys" in failed.value.place


def test_a_secret_that_is_not_mounted_leaves_the_environment(
    mount: Mount, s3_server: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StorageError, match="s3-keys"):
        Stores((store(s3_server),)).filesystem(bucket)
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    Stores((store(s3_server),)).filesystem(bucket).put(f"{bucket}/a", b"here")


def test_errors_do_not_tell_the_keys(mount: Mount, s3_server: S3Server, bucket: str) -> None:
    mount("s3-keys", AWS_ACCESS_KEY_ID=ACCESS_KEY, AWS_SECRET_ACCESS_KEY="very-secret-value")
    with pytest.raises(StorageError) as failed:
        Stores((store(s3_server),)).filesystem(bucket).put(f"{bucket}/a", b"here")
    error: BaseException | None = failed.value
    while error is not None:
        assert "very-secret-value" not in f"{error!r} {error}"
        error = error.__cause__


def test_google_and_azure_get_what_their_clients_call_it(mount: Mount, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, object]] = []
    monkeypatch.setattr(fsspec_store.fsspec, "filesystem", lambda scheme, **options: given.append(options))
    folder = mount("gcs", GOOGLE_APPLICATION_CREDENTIALS="{}")
    mount("azure", AZURE_STORAGE_ACCOUNT_NAME="shop", AZURE_STORAGE_ACCOUNT_KEY="key")
    fsspec_store.connect("gs", Store("gs://", secret="gcs"), {})
    fsspec_store.connect("abfs", Store("abfs://", secret="azure"), {})
    assert given[0]["token"] == str(folder / "GOOGLE_APPLICATION_CREDENTIALS")
    assert (given[1]["account_name"], given[1]["account_key"]) == ("shop", "key")


def test_a_job_in_worker_processes_uses_the_secret_and_shows_it_to_nobody(
    mount: Mount, s3_server: S3Server, bucket: str
) -> None:
    mount("s3-keys", **right_keys())
    seen: list[bytes] = []

    def look(_: gm.Progress) -> None:
        ours = (pid for pid in family(os.getpid()) if Path(f"/proc/{pid}/comm").read_text().startswith("gm-"))
        for pid in ours:
            for what in ("cmdline", "environ"):
                try:
                    seen.append(Path(f"/proc/{pid}/{what}").read_bytes())
                except OSError:
                    continue

    Stores((store(s3_server),)).filesystem(bucket).put(f"{bucket}/in/a.txt", b"to be\nor not\n")
    job = gm.Job("lines", input=gm.text(f"{bucket}/in/*.txt"), output=f"{bucket}/out")
    chain = replace(job.chain(), stores=(store(s3_server),))
    result = run_chain(chain, RunOptions(workers=1, memory="512MiB", force_distributed=True, progress=look))
    assert result.manifest.rows == 2
    assert seen
    assert not any(SECRET_KEY.encode() in each for each in seen)
