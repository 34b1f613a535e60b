"""Topics and connector on real servers, where the environment names some.

The topics and the connector are those of the settings: run it against servers for tests.
"""

import json
import os
import subprocess

import pytest

from tests.servers import BIN

# Read before the tests' clean environment hides it.
ENVIRONMENT = dict(os.environ)

needs_kafka = pytest.mark.skipif(
    "KAFKA_BOOTSTRAP_SERVERS" not in ENVIRONMENT, reason="KAFKA_BOOTSTRAP_SERVERS names no Kafka"
)
needs_connect = pytest.mark.skipif(
    "TVREC_CONNECT_URL" not in ENVIRONMENT, reason="TVREC_CONNECT_URL names no Kafka Connect"
)


def tvrec(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [BIN / "tvrec", *arguments],
        env={**ENVIRONMENT, **settings},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@needs_kafka
def test_topics_are_made_as_the_settings_say() -> None:
    assert tvrec("topics", "apply").returncode == 0
    assert tvrec("topics", "apply").stdout == "ratings: unchanged\nratings.dlq: unchanged\n"

    shorter = tvrec("topics", "apply", TVREC_TOPIC_RETENTION_DAYS="29")
    assert "ratings: changed retention.ms from " in shorter.stdout
    assert "to 29 days" in shorter.stdout
    assert "from 29 days" in tvrec("topics", "apply").stdout

    more = tvrec("topics", "apply", TVREC_TOPIC_PARTITIONS="99")
    assert more.returncode == 3
    assert "should have 99; this is not changed" in more.stderr
    assert tvrec("topics", "apply").stdout == "ratings: unchanged\nratings.dlq: unchanged\n"


@needs_kafka
@needs_connect
def test_the_connector_is_made_and_runs() -> None:
    assert tvrec("topics", "apply").returncode == 0
    first = tvrec("connect", "apply", "--timeout", "120")
    assert first.returncode == 0, first.stderr
    second = tvrec("connect", "apply")
    assert second.stdout.startswith("ratings-batches: unchanged\n"), second.stderr
    status = tvrec("connect", "status", "--json")
    assert status.returncode == 0, status.stderr
    told = json.loads(status.stdout)
    assert {task["state"] for task in told["tasks"]} == {"RUNNING"}
    assert all(0 <= each["lag"] <= each["end"] for each in told["partitions"])
