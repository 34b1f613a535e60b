"""Every ObjectStore says what is wrong: in a sentence, with what to do, and without secrets."""

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from mlproject.core.errors import StoreUnavailableError
from mlproject.core.ports import ObjectStore
from mlproject.objects.local import LocalStore
from mlproject.objects.s3 import S3Store, s3_client
from mlproject.testing import MemoryStore
from tests.moto import ACCESS_KEY, SECRET_KEY
from tests.servers import S3Server
from tests.servers import rclone_server as serve_with_rclone

CALLS: dict[str, Callable[[ObjectStore], Any]] = {
    "get": lambda store: store.get("a"),
    "put": lambda store: store.put("a", b""),
    "list": lambda store: list(store.list("")),
    "delete": lambda store: store.delete("a"),
    "etag": lambda store: store.etag("a"),
    "put_if": lambda store: store.put_if("a", b"", None),
}


def memory_down(_: Path, __: str) -> ObjectStore:
    return MemoryStore(broken=True)


def local_down(folder: Path, _: str) -> ObjectStore:
    (folder / "file").touch()
    return LocalStore(folder / "file")


def s3_down(_: Path, nobody: str) -> ObjectStore:
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{nobody}",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1",
        config=Config(connect_timeout=1, retries={"total_max_attempts": 1}),
    )
    return S3Store("bucket", client)


@pytest.mark.parametrize(
    ("down", "call"),
    [(down, name) for down in (memory_down, local_down, s3_down) for name in CALLS],
)
def test_a_store_that_is_down_says_so(
    down: Callable[[Path, str], ObjectStore], call: str, tmp_path: Path, nobody: str
) -> None:
    with pytest.raises(StoreUnavailableError):
        CALLS[call](down(tmp_path, nobody))


def test_no_credential_is_in_any_text(tmp_path: Path, nobody: str) -> None:
    store = s3_down(tmp_path, nobody)
    with pytest.raises(StoreUnavailableError) as caught:
        store.get("a")
    for text in (repr(store), str(store), store.uri, str(caught.value), repr(caught.value)):
        assert ACCESS_KEY not in text
        assert SECRET_KEY not in text


@pytest.fixture(params=["rclone", "minio"])
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("changes", "bucket", "reason"),
    [
        ({"secret_key": "wrongsecretkey"}, "bucket", "check AWS_SECRET_ACCESS_KEY"),
        ({"access_key": "wrongaccesskey"}, "bucket", "check AWS_ACCESS_KEY_ID"),
        ({}, "no-such-bucket", "check TVREC_BUCKET"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence_without_a_secret(
    server: S3Server,
    changes: dict[str, str],
    bucket: str,
    reason: str,
    call: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    asked = replace(server, **changes)
    with (
        closing(asked.client()) as client,
        pytest.raises(StoreUnavailableError) as caught,
    ):
        CALLS[call](S3Store(bucket, client))
    said = str(caught.value)
    assert said.endswith(reason)
    assert said.startswith("cannot ")
    assert "\n" not in said
    for secret in (asked.access_key, asked.secret_key):
        assert secret not in said + caplog.text


@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_goes_in_the_middle_is_named(
    call: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with serve_with_rclone(tmp_path) as server:
        store = server.bucket("bucket")
        store.put("a", b"x")
        assert store.get("a") == b"x"
    with closing(store.client), pytest.raises(StoreUnavailableError) as caught:
        CALLS[call](store)
    assert f"no server answers at {server.address}; check S3_ENDPOINT_URL" in str(caught.value)
    for secret in (server.access_key, server.secret_key):
        assert secret not in str(caught.value) + caplog.text


def test_a_server_that_goes_between_two_pages_is_no_end_of_the_listing(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "bucket"
    folder.mkdir()
    for number in range(1001):
        (folder / f"{number:04d}").touch()
    with serve_with_rclone(tmp_path) as server:
        client = server.client()
        listing = S3Store("bucket", client).list("")
        assert next(listing).key == "0000"
    with closing(client), pytest.raises(StoreUnavailableError, match="no server answers"):
        list(listing)


def test_missing_credentials_are_named(
    rclone_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with (
        closing(s3_client(rclone_server.address, None, None, "us-east-1")) as client,
        pytest.raises(StoreUnavailableError, match="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS"),
    ):
        S3Store("bucket", client).get("a")
