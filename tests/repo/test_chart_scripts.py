"""The scripts that the chart brings into pods, run as processes."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from mlproject.registry.gate.decision import Outcome
from tests import kubernetes as k
from tests.servers import environment

FILES = k.CHART / "files"
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1"}  # fmt: skip


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


def script(config: str, name: str) -> str:
    """A script of one of the chart's ConfigMaps."""
    (found,) = [item for item in k.of_kind(k.manifests("defaults"), "ConfigMap")
                if item["metadata"]["name"] == f"tvrec-{config}"]  # fmt: skip
    return str(found["data"][name])


def test_what_is_rendered_is_the_file() -> None:
    for config, name in (("setup", "create_buckets.py"), ("test", "check_pipeline.py")):
        assert script(config, name).strip() == (FILES / name).read_text().strip()


def test_buckets_are_made_and_what_is_in_them_stays(s3: str) -> None:
    command = [sys.executable, FILES / "create_buckets.py", "ratings-bucket", "runs-bucket"]
    env = environment(S3_ENDPOINT_URL=s3, **KEYS)
    client = boto3.client(
        "s3",
        endpoint_url=s3,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        region_name="us-east-1",
    )
    for _ in range(2):
        subprocess.run(command, env=env, check=True, timeout=60, capture_output=True)
        client.put_object(Bucket="ratings-bucket", Key="kept", Body=b"")
    subprocess.run(command, env=env, check=True, timeout=60, capture_output=True)
    names = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
    kept = client.list_objects_v2(Bucket="ratings-bucket")["KeyCount"]
    client.close()
    assert {"ratings-bucket", "runs-bucket"} <= names
    assert kept == 1


def test_a_wrong_name_ends_the_job_with_a_sentence(s3: str) -> None:
    done = subprocess.run(
        [sys.executable, FILES / "create_buckets.py", "No Bucket"],
        env=environment(S3_ENDPOINT_URL=s3, **KEYS),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("No Bucket cannot be made: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("codes", "ended", "tries"), [([5, 5, 0], 0, 3), ([5, 3, 0], 3, 2), ([0], 0, 1)]
)
def test_only_a_server_that_does_not_answer_is_waited_for(
    tmp_path: Path, codes: list[int], ended: int, tries: int
) -> None:
    patiently = tmp_path / "patiently.sh"
    patiently.write_text(script("setup", "patiently.sh").replace("sleep 5", "sleep 0"))
    command = tmp_path / "command"
    command.write_text(
        f"#!/bin/sh\nset -- {' '.join(map(str, codes))}\n"
        f"n=$(cat {tmp_path}/n 2>/dev/null || echo 0)\necho $((n + 1)) >{tmp_path}/n\n"
        'shift "$n"\nexit "$1"\n'
    )
    command.chmod(0o755)
    done = subprocess.run(["sh", patiently, command, "topics"], check=False, timeout=30)
    assert done.returncode == ended
    assert (tmp_path / "n").read_text().strip() == str(tries)


class Pipeline(BaseHTTPRequestHandler):
    """The service and MLflow, as far as the check of the pipeline talks to them."""

    asked: list[tuple[str, Any]]
    refuses_rating = False
    builds = True
    verdict = "promote"
    serves = 4  # the version, once there is one

    def do_GET(self) -> None:
        self.asked.append((self.path, None))
        if "model-versions/search" in self.path:
            versions = (
                [{"version": "4", "run_id": "r1"}] if self.times("model-versions") > 1 else []
            )
            self.answer(200, {"model_versions": versions})
        else:
            self.answer(200, {"experiment": {"experiment_id": "7"}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, body))
        if self.path == "/recommend":
            items = [{"show_id": n, "title": f"show {n}"} for n in range(body["num_items"])]
            ready = self.times("/recommend") > 1
            # One pod of two is slow to take the new version over.
            late = self.times("model-versions") < 2 or self.times("/recommend") in {3, 4, 8}
            version = 3 if late else self.serves
            self.answer(200 if ready else 503, {"items": items, "model_version": version})
        elif self.path == "/rate":
            self.answer(400 if self.refuses_rating else 202, {"error": "no"})
        else:
            tags = [{"key": "verdict", "value": self.verdict}]
            run = {"info": {"run_id": "r1"}, "data": {"tags": tags}}
            there = self.builds and self.times("runs/search") > 1
            self.answer(200, {"runs": [run]} if there else {})

    def times(self, path: str) -> int:
        return sum(path in asked for asked, _ in self.asked)

    def answer(self, status: int, content: Any) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def check(**behaviour: Any) -> tuple["subprocess.CompletedProcess[str]", list[tuple[str, Any]]]:
    handler = type("Handler", (Pipeline,), {"asked": [], **behaviour})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    command = [sys.executable, FILES / "check_pipeline.py", address, address, "runs", "shows"]
    try:
        done = subprocess.run(
            [*command, "3", "0.05"], capture_output=True, text=True, check=False, timeout=60
        )
    finally:
        server.shutdown()
        server.server_close()
    return done, handler.asked


def test_the_check_rates_waits_for_a_build_and_for_its_version_in_every_answer() -> None:
    began = int(time.time() * 1000)
    done, asked = check()
    assert done.returncode == 0, done.stderr
    assert "passed: the build's verdict was promote; version 4" in done.stdout
    paths = [path for path, _ in asked]
    first = paths.index("/rate")
    assert paths[first - 1] == "/recommend"
    assert paths[-20:] == ["/recommend"] * 20, "with no old version among them"
    rating = asked[first][1]
    assert rating == {"user_id": asked[0][1]["user_id"], "show_id": 0, "rating": 9}
    search = next(body for path, body in asked if path.endswith("runs/search"))
    assert search["experiment_ids"] == ["7"]
    since = int(search["filter"].rsplit(" ", 1)[1])
    assert since >= began


@pytest.mark.parametrize("outcome", Outcome)
def test_the_check_knows_every_verdict_of_the_gate(outcome: Outcome) -> None:
    done, asked = check(verdict=outcome.value)
    assert done.returncode == 0, done.stderr
    expected = 4 if outcome is Outcome.PROMOTE else 3
    assert f"the build's verdict was {outcome}; version {expected}" in done.stdout
    looked = any("model-versions" in path for path, _ in asked)
    assert looked is (outcome is Outcome.PROMOTE), "production stays in the other cases"


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ({"refuses_rating": True}, "the rating was refused with 400"),
        ({"builds": False}, "a build after the rating did not come"),
        ({"serves": 3}, "version 4 or newer in every answer did not come"),
        ({"verdict": "perhaps"}, "the run r1 has the verdict perhaps"),
    ],
    ids=str,
)
def test_the_check_says_what_did_not_come(behaviour: dict[str, Any], says: str) -> None:
    done, _ = check(**behaviour)
    assert done.returncode == 1
    assert f"FAILED: {says}" in done.stderr
    assert "Traceback" not in done.stderr


def test_kafka_is_formatted_and_started_with_its_own_number(tmp_path: Path) -> None:
    config, home = tmp_path / "config", tmp_path / "kafka"
    config.mkdir()
    (home / "bin").mkdir(parents=True)
    for name in ("start.sh", "server.properties"):
        (config / name).write_text(script("kafka", name))
    for name in ("kafka-storage.sh", "kafka-server-start.sh"):
        (home / "bin" / name).write_text(f'#!/bin/sh\necho "{name} $*"\n')
        (home / "bin" / name).chmod(0o755)
    done = subprocess.run(
        ["sh", config / "start.sh"],
        env={"PATH": "/usr/bin:/bin", "POD_NAME": "tvrec-kafka-2", "CLUSTER_ID": "abc",
             "KAFKA_HOME": str(home), "SCRATCH": str(tmp_path), "CONFIG": str(config)},
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    properties = (tmp_path / "server.properties").read_text()
    assert "\nnode.id=2\n" in properties
    assert (
        "advertised.listeners=BROKER://tvrec-kafka-2.tvrec-kafka-headless.tvrec.svc:9092"
        in properties
    )
    formatted, started = done.stdout.splitlines()
    assert formatted.startswith("kafka-storage.sh format --ignore-formatted --cluster-id abc")
    assert started == f"kafka-server-start.sh {tmp_path}/server.properties"


def waiting_command(part: str, container: str) -> list[str]:
    """What an init container of the chart runs."""
    pods = {
        k.component(item["metadata"]["labels"]): pod
        for item, pod in k.pods(k.manifests("defaults"))
    }
    (found,) = [one for one in pods[part]["spec"]["initContainers"] if one["name"] == container]
    command: list[str] = found["command"]
    return command


WAITING = pytest.mark.parametrize(
    ("part", "container", "asks"),
    [
        (
            "schema-registry",
            "postgresql",
            "--dbname postgresql://registry@tvrec-postgresql:5432/registry",
        ),
        ("mlflow", "tables", "db upgrade postgresql://it"),
    ],
)


@pytest.fixture
def database(tmp_path: Path) -> dict[str, str]:
    """An environment in which PostgreSQL answers once there is a file of that name."""
    for name in ("pg_isready", "mlflow"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "$*"\ntest -e {tmp_path}/postgresql\n')
        (tmp_path / name).chmod(0o755)
    return {"PATH": f"{tmp_path}:/usr/bin:/bin", "MLFLOW_BACKEND_STORE_URI": "postgresql://it"}


@WAITING
def test_a_part_starts_once_postgresql_answers(
    tmp_path: Path, database: dict[str, str], part: str, container: str, asks: str
) -> None:
    with subprocess.Popen(
        waiting_command(part, container), env=database, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{asks}\n"
        assert process.poll() is None
        (tmp_path / "postgresql").touch()
        assert process.wait(timeout=30) == 0


@WAITING
def test_a_part_that_waits_for_postgresql_can_be_told_to_end(
    database: dict[str, str], part: str, container: str, asks: str
) -> None:
    with subprocess.Popen(
        waiting_command(part, container), env=database, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        assert process.wait(timeout=10) == 143


def test_the_liveness_probe_is_for_an_old_file_only(tmp_path: Path) -> None:
    (probe,) = {
        tuple(container["livenessProbe"]["exec"]["command"])
        for where, container, _ in k.containers(k.manifests("defaults"))
        if where.endswith(": event-generator") and "livenessProbe" in container
    }
    alive = tmp_path / "alive"
    command = [sys.executable, "-c", probe[2].replace("/var/lib/tvrec/alive", str(alive))]

    def says() -> int:
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert says() == 1, "never alive"
    alive.touch()
    assert says() == 0
    old = time.time() - 3600
    os.utime(alive, (old, old))
    assert says() == 1
