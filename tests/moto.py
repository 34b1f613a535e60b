"""A bucket of moto: quick, in this process, and blind to credentials."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from mlproject.objects.s3 import S3Store, s3_client

ACCESS_KEY, SECRET_KEY = "fake-access-key", "fake-secret-key"


@contextmanager
def moto_server() -> Iterator[str]:
    """Yield the address of a server of its own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@contextmanager
def moto_bucket(address: str) -> Iterator[S3Store]:
    """Yield an empty bucket, and forget it in the end."""
    with closing(s3_client(address, ACCESS_KEY, SECRET_KEY, "us-east-1")) as client:
        client.create_bucket(Bucket="bucket")
        yield S3Store("bucket", client)
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].reset()


def fill_bucket(keys: list[str]) -> None:
    """Put empty objects into the bucket, past HTTP."""
    for key in keys:
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object("bucket", key, b"")
