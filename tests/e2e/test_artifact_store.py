"""Models whose files lie in an S3 store that only the MLflow server reaches."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import patch
from urllib.request import urlopen
from uuid import uuid4

import pytest

from mlproject import config
from mlproject.bootstrap import App
from mlproject.models.files import load_model, save_model
from mlproject.registry.mlflow_registry import MlflowRegistry
from tests import servers
from tests.builders import model

pytestmark = [
    pytest.mark.e2e,
    # MLflow's own deprecated calls are not ours to mend.
    pytest.mark.filterwarnings(
        "ignore::FutureWarning", "ignore::UserWarning", "ignore:Operation with range is deprecated"
    ),
]

# A name that nobody resolves: whoever has the door asks the door for it.
STORE = "http://store.invalid:9000"


class Door(BaseHTTPRequestHandler):
    """A proxy that takes what is sent to the store's name to where the store is."""

    protocol_version = "HTTP/1.1"
    behind = ""

    def forward(self) -> None:
        store = HTTPConnection(self.behind, timeout=30)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        # With the Host that was signed.
        store.request(self.command, self.path.removeprefix(STORE), body, dict(self.headers))
        answer = store.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)
        store.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None: ...


@contextmanager
def door_to(address: str) -> Iterator[str]:
    handler = type("DoorTo", (Door,), {"behind": address.removeprefix("http://")})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{proxy.server_port}"
        finally:
            proxy.shutdown()


@pytest.fixture(scope="module")
def mlflow_behind(
    rclone_server: servers.S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """An MLflow server that alone has the door to its store."""
    bucket = f"b{uuid4().hex}"
    rclone_server.bucket(bucket).client.close()
    with (
        door_to(rclone_server.address) as door,
        servers.mlflow_server(
            tmp_path_factory.mktemp("mlflow"),
            f"s3://{bucket}",
            HTTP_PROXY=door,
            NO_PROXY="127.0.0.1",
            MLFLOW_S3_ENDPOINT_URL=STORE,
            MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE="path",
            AWS_ACCESS_KEY_ID=rclone_server.access_key,
            AWS_SECRET_ACCESS_KEY=rclone_server.secret_key,
            AWS_DEFAULT_REGION="us-east-1",
        ) as uri,
    ):
        yield uri


@pytest.fixture
def registry(mlflow_behind: str) -> Iterator[MlflowRegistry]:
    """The registry as every command of ours has it, with MLflow's settings of its own."""
    with patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
            del os.environ[name]
        # No further try, since each waits longer, and every file is a large one.
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
        os.environ["MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE"] = "1"
        name = f"test-{uuid4().hex[:8]}"
        settings = config.load(
            mlflow_tracking_uri=mlflow_behind, experiment=name, registered_model=name
        )
        with App(settings) as app:
            assert isinstance(app.registry, MlflowRegistry)
            yield app.registry


def test_a_client_that_cannot_reach_the_store_works_through_the_server(
    registry: MlflowRegistry, tmp_path: Path
) -> None:
    """Where the server has S3, MLflow's client would by itself go to the store with large files."""
    with urlopen(f"{registry.uri}/api/3.0/mlflow/server-info") as answer:
        offered = json.load(answer)
    assert offered["multipart_downloads_enabled"], "else this test proves nothing"
    assert offered["multipart_uploads_enabled"], "else this test proves nothing"

    folder = tmp_path / "model"
    folder.mkdir()
    save_model(model(), folder)
    with registry.run("any") as run:
        run.model(folder)
    got = registry.download(registry.register(run.run_id).number, tmp_path / "got")
    assert len(load_model(got).shows) == len(model().shows)
