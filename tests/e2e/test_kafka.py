"""The commands with Kafka: librdkafka's mock cluster, and a stand-in for the registry."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mock_kafka import mock_kafka
from tests.registry_server import fake_registry
from tests.servers import BIN, environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings that lead to a broker and a registry."""
    with mock_kafka() as cluster, fake_registry() as registry:
        settings = environment(
            KAFKA_BOOTSTRAP_SERVERS=cluster.servers,
            SCHEMA_REGISTRY_URL=registry.url,
            TVREC_STATE_DIR=str(tmp_path / "var"),
            TVREC_SEED_USERS="50",
        )
        # Simulated users rate what was exported.
        assert tvrec(settings, "export-shows").returncode == 0
        yield settings


def tvrec(env: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [BIN / "tvrec", *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_ratings_go_through_kafka_and_a_restart_goes_on(kafka: dict[str, str]) -> None:
    first = tvrec(kafka, "generate-ratings", "--once", "--ratings", "1000")
    assert first.returncode == 0, first.stderr
    assert "sent 1000 ratings, 1000 in all" in first.stderr
    # The position is kept in the store, since Kafka does not know it.
    second = tvrec(kafka, "generate-ratings", "--once", "--ratings", "1500")
    assert "sent 500 ratings, 1500 in all" in second.stderr, second.stderr

    tail = tvrec(kafka, "events", "tail", "--from-start", "--limit", "1500", "--json")
    assert tail.returncode == 0, tail.stderr
    events = [json.loads(line) for line in tail.stdout.splitlines()]
    assert len({event["event_id"] for event in events}) == 1500
    assert {event["source"] for event in events} == {"SIMULATED"}


def test_a_registry_that_is_down_is_waited_for(kafka: dict[str, str], nobody: str) -> None:
    down = {**kafka, "SCHEMA_REGISTRY_URL": f"http://{nobody}"}
    with subprocess.Popen(
        [BIN / "tvrec", "generate-ratings"], env=down, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            assert "Schema Registry" in line
            assert "trying again" in line
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()  # else a failure would wait for it, and say nothing


def test_kafka_without_a_registry_is_a_setting_that_is_missing(kafka: dict[str, str]) -> None:
    kafka.pop("SCHEMA_REGISTRY_URL")
    done = tvrec(kafka, "generate-ratings", "--once")
    assert done.returncode == 3
    assert "SCHEMA_REGISTRY_URL is not" in done.stderr
