"""What Kafka and Kafka Connect tell Prometheus, by the agent, of events that flow."""

import re
import urllib.request

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from stack.servers import HERE
from tests.servers import wait_until
from tests.stack.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300, func_only=True)]

EVENTS = 2000
RULES = yaml.safe_load((HERE / "jmx.yaml").read_text())["rules"]


def told(port: int) -> dict[str, float]:
    """The sum of the samples of each name."""
    found: dict[str, float] = {}
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        for family in text_string_to_metric_families(answer.read().decode()):
            for sample in family.samples:
                if sample.labels.get("topic", "ratings") == "ratings":
                    found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


def test_events_are_counted_from_the_topic_into_the_bucket(world: World) -> None:
    world.good("export-shows")
    world.good("generate-ratings", "--once", "--ratings", str(EVENTS))
    world.wait_until_written(60)
    ports = world.stack.ports
    kafka = told(ports.kafka_metrics)
    assert kafka["kafka_log_end_offset"] == EVENTS
    assert kafka["kafka_topic_messagesin_total"] >= EVENTS
    assert kafka["kafka_underreplicatedpartitions"] == 0
    wait_until(
        lambda: told(ports.connect_metrics).get("kafka_connect_sink_record_send_total") == EVENTS,
        60,
        "Connect's count of what it has written",
    )
    connect = told(ports.connect_metrics)
    assert 0 <= connect["kafka_consumer_records_lag"] <= EVENTS, "of the last fetch"
    assert connect["kafka_connect_records_skipped_total"] == 0
    assert connect["kafka_connect_task_status"] > 0
    for rule in RULES:
        name = re.compile(re.sub(r"\$\d", r"\\w+", rule["name"]))
        assert any(name.fullmatch(one) for one in {*kafka, *connect}), rule["name"]
