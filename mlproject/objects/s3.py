"""An S3 bucket (MinIO, AWS, ...) as an object store."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from mlproject.core.errors import StoreUnavailableError
from mlproject.core.ports import ObjectInfo

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

# 412: the condition does not hold; 409: another conditional write is under way.
_LOST: Final = (409, 412)
_NOT_IMPLEMENTED: Final = 501
_CONNECT_SECONDS: Final = 5
_READ_SECONDS: Final = 10
_ABSENT_ETAG: Final = "00000000000000000000000000000000"

# By the server's code, what is wrong with the settings.
_REASONS: Final = {
    "SignatureDoesNotMatch": "the server refuses the secret key; check AWS_SECRET_ACCESS_KEY",
    "InvalidAccessKeyId": "the server does not know the access key; check AWS_ACCESS_KEY_ID",
    "AccessDenied": "the access key may not do this; check the policies of its user",
    "NoSuchBucket": "there is no such bucket; make it, or check TVREC_BUCKET",
}


@dataclass(frozen=True, slots=True)
class S3Store:
    """Objects of one bucket.

    Parameters
    ----------
    bucket
        The bucket's name; it must exist.
    client
        A boto3 client for S3; see :func:`s3_client`.
    """

    bucket: str
    client: "S3Client" = field(repr=False)

    @property
    def uri(self) -> str:
        """The bucket's address."""
        return f"s3://{self.bucket}"

    def get(self, key: str) -> bytes | None:
        """Return an object's content, None if there is none."""
        with _translated(f"read {self.uri}/{key}"):
            try:
                return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                    return None
                raise

    def put(self, key: str, content: bytes) -> None:
        """Write an object whole; S3 shows readers the old or the new one."""
        with _translated(f"write {self.uri}/{key}"):
            self.client.put_object(Bucket=self.bucket, Key=key, Body=content)

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under a prefix with keys after ``start_after``, ascending."""
        with _translated(f"list {self.uri}/{prefix}"):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, StartAfter=start_after
            )
            for page in pages:
                for entry in page.get("Contents", []):
                    if not entry["Key"].endswith("/"):  # a folder's placeholder
                        yield _info(entry)

    def delete(self, key: str) -> None:
        """Remove an object; no object is no error."""
        with _translated(f"delete {self.uri}/{key}"):
            self.client.delete_object(Bucket=self.bucket, Key=key)

    def etag(self, key: str) -> str | None:
        """Return the tag of an object's content, None if there is no object."""
        # A listing, since HEAD tells a missing bucket and a missing object alike.
        return next((info.etag for info in self.list(key) if info.key == key), None)

    def put_if(self, key: str, content: bytes, expected: str | None) -> bool:
        """Write an object by ``If-Match``, or by ``If-None-Match`` if there should be none."""
        condition: dict[str, Any] = (
            {"IfNoneMatch": "*"} if expected is None else {"IfMatch": f'"{expected}"'}
        )
        with _translated(f"write {self.uri}/{key}"):
            try:
                self.client.put_object(Bucket=self.bucket, Key=key, Body=content, **condition)
            except ClientError as error:
                status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
                # An `If-Match` that finds no object at all is a 404.
                gone = error.response.get("Error", {}).get("Code") == "NoSuchKey"
                if status in _LOST or gone:
                    return False
                if status == _NOT_IMPLEMENTED:
                    raise _NoConditionsError(f"{self.uri} refuses conditional writes") from error
                raise
        return True

    def remove_unfinished(self, older_seconds: float) -> None:
        """Do nothing: S3 shows no part of an object that was not written whole."""

    def keeps_conditions(self, probe_prefix: str) -> bool:
        """Find out by three small writes."""
        key = f"{probe_prefix}{uuid.uuid4().hex}"
        self.put(key, b"")
        try:
            overwrites = self.put_if(key, b"1", None)
            return not overwrites and not self.put_if(key, b"2", _ABSENT_ETAG)
        except _NoConditionsError:
            return False
        finally:
            with suppress(StoreUnavailableError):
                self.delete(key)


def _info(entry: "ObjectTypeDef") -> ObjectInfo:
    etag, written = entry["ETag"].strip('"'), entry["LastModified"]
    return ObjectInfo(entry["Key"], entry["Size"], etag, written.timestamp())


class _NoConditionsError(StoreUnavailableError):
    """The server refuses conditions."""


def s3_client(
    endpoint_url: str | None, access_key: str | None, secret_key: str | None, region: str
) -> "S3Client":
    """Make a client that works with AWS and with the servers that speak S3.

    Parameters
    ----------
    endpoint_url
        Address of the server; None = AWS.
    access_key, secret_key
        None = boto3's own chain (instance role, profile, ...).
    region
        Any name will do outside AWS.
    """
    client = boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=region,
        config=Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "max_attempts": 4},
            # Bucket names in the path, since a local server has no wildcard DNS.
            s3={"addressing_style": "path" if endpoint_url else "auto"},
            # Newer checksum headers are refused by some servers.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    client.meta.events.register_first("needs-retry.s3", _wait_once)
    return client


def _wait_once(caught_exception: Exception | None = None, **_: object) -> None:
    """Wait no second time for a server that does not answer: a person waits too.

    boto3's retries are for what a busy server says, and would make minutes of it.
    """
    if isinstance(caught_exception, (ReadTimeoutError, ConnectTimeoutError)):
        raise caught_exception


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise _unavailable(what, error) from error


def _unavailable(what: str, error: BotoCoreError | ClientError) -> StoreUnavailableError:
    """Say in a sentence why something could not be done, and what to do about it."""
    if isinstance(error, ClientError):
        reason = _REASONS.get(error.response.get("Error", {}).get("Code", ""), str(error))
    elif isinstance(error, (ReadTimeoutError, ConnectTimeoutError)):
        address = "/".join(error.kwargs["endpoint_url"].split("/")[:3])
        reason = f"the server at {address} does not answer in time"
    elif isinstance(error, EndpointConnectionError):
        address = "/".join(error.kwargs["endpoint_url"].split("/")[:3])
        reason = f"no server answers at {address}; check S3_ENDPOINT_URL"
    elif isinstance(error, NoCredentialsError):
        reason = "there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    else:
        reason = str(error)
    return StoreUnavailableError(f"cannot {what}: {reason}")
