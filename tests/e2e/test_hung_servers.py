"""Servers that take connections and never answer: every command ends, and says which it was."""

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlproject.batches.sink import BatchSink
from mlproject.objects.local import LocalStore
from tests.builders import put_catalogue, ratings, shows
from tests.servers import BIN, environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

UNAVAILABLE = 5
MLFLOW = (
    "compare 1 2", "doctor --repair", "history", "promote", "promote --version 1",
    "recommend --user 1", "release", "retain --dry-run", "retain", "rollback", "runs", "train",
    "tune", "versions",
)  # fmt: skip
STORE = (
    "compare-online", "dataset status", "dataset rebuild", "export-shows", "forget --user 1",
)  # fmt: skip


@pytest.fixture(scope="module")
def silent() -> Iterator[str]:
    """The system takes up connections, and nobody reads them."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def ends_of(commands: tuple[str, ...], state: Path, **settings: str) -> dict[str, tuple[int, str]]:
    """Run commands at the same time; return how each ended, and what it said last."""
    started = {
        command: subprocess.Popen(
            [BIN / "tvrec", *command.split()],
            env=environment(TVREC_STATE_DIR=str(state), **settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        for command in commands
    }
    try:
        said = {command: run.communicate(timeout=120) for command, run in started.items()}
    finally:
        for run in started.values():
            run.kill()
    return {
        command: (run.returncode, "".join(said[command]).strip().splitlines()[-1])
        for command, run in started.items()
    }


def test_mlflow(silent: str, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    put_catalogue(store, shows(20))
    sink = BatchSink(store)
    sink.append(ratings(200))
    sink.flush()
    ends = ends_of(MLFLOW, tmp_path, MLFLOW_TRACKING_URI=f"http://{silent}")
    for command, (code, said) in ends.items():
        assert code == UNAVAILABLE, (command, said)
        assert f"MLflow at http://{silent} does not answer" in said, command


def test_the_store(silent: str, tmp_path: Path) -> None:
    settings = {
        "TVREC_BUCKET": "ratings",
        "S3_ENDPOINT_URL": f"http://{silent}",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "MLFLOW_TRACKING_URI": f"http://{silent}",
    }
    for command, (code, said) in ends_of(STORE, tmp_path, **settings).items():
        assert code == UNAVAILABLE, (command, said)
        assert f"http://{silent} does not answer" in said, command


def test_kafka_its_registry_and_connect(silent: str, tmp_path: Path) -> None:
    settings = {
        "KAFKA_BOOTSTRAP_SERVERS": silent,
        "SCHEMA_REGISTRY_URL": f"http://{silent}",
        "TVREC_CONNECT_URL": f"http://{silent}",
        "TVREC_BUCKET": "ratings",
        "S3_ENDPOINT_URL": f"http://{silent}",
    }
    for command, (code, said) in ends_of(
        ("topics apply", "connect status"), tmp_path, **settings
    ).items():
        assert code == UNAVAILABLE, (command, said)
        assert silent in said, command


def test_the_doctor_reports_all_that_hang_in_its_order(silent: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [BIN / "tvrec", "doctor", "--json"],
        env=environment(
            TVREC_STATE_DIR=str(tmp_path),
            TVREC_SERVICE_PORT=silent.rpartition(":")[2],
            MLFLOW_TRACKING_URI=f"http://{silent}",
            TVREC_BUCKET="ratings",
            S3_ENDPOINT_URL=f"http://{silent}",
            AWS_ACCESS_KEY_ID="a",
            AWS_SECRET_ACCESS_KEY="b",
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == UNAVAILABLE
    findings = {finding["part"]: finding for finding in json.loads(done.stdout)}
    assert [part for part, finding in findings.items() if not finding["ok"]] == [
        "catalogue", "ratings", "MLflow", "production", "decisions", "service",
    ]  # fmt: skip
    for part in ("catalogue", "ratings", "MLflow"):
        assert f"http://{silent} does not answer" in findings[part]["text"]


def test_the_service(silent: str, tmp_path: Path) -> None:
    settings = {
        "TVREC_SERVICE_PORT": silent.rpartition(":")[2],
        "MLFLOW_TRACKING_URI": f"http://{silent}",
    }
    ends = ends_of(("rate --user 1 --show 2 --rating 8", "doctor --json"), tmp_path, **settings)
    assert {code for code, _ in ends.values()} == {UNAVAILABLE}
