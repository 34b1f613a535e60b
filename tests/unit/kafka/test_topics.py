"""What a topic should be like, and a broker that does not answer."""

import pytest

from mlproject.core.errors import ConfigError, UnavailableError
from mlproject.kafka import broker as broker_module
from mlproject.kafka.broker import Broker
from mlproject.kafka.topics import TopicChange, TopicSpec, apply_topics
from tests.mock_kafka import MockKafka

SPEC = TopicSpec("ratings", partitions=6, replication=1, retention_days=30)


@pytest.fixture(scope="module")
def mock(kafka: MockKafka) -> str:
    """A cluster with the topic, which has four partitions."""
    kafka.owner.produce("ratings", b"x")
    kafka.owner.flush(10)
    return kafka.servers


@pytest.mark.parametrize(("replication", "minimum"), [(1, "1"), (2, "2"), (3, "2")])
def test_with_replicas_an_event_is_on_two_brokers(replication: int, minimum: str) -> None:
    config = TopicSpec("t", 1, replication, 7).config
    assert config["min.insync.replicas"] == minimum
    assert config["retention.ms"] == str(7 * 24 * 60 * 60 * 1000)
    assert config["cleanup.policy"] == "delete"


def test_a_change_is_told_from_what_to_what() -> None:
    altered = {
        "retention.ms": ("86400000", "43200000"),
        "cleanup.policy": ("compact", "delete"),
    }
    assert str(TopicChange("t", created=False, altered=altered)) == (
        "t: changed retention.ms from 1 days to 0.5 days, cleanup.policy from compact to delete"
    )
    assert str(TopicChange("t", created=True, altered={})) == "t: created"
    assert str(TopicChange("t", created=False, altered={})) == "t: unchanged"
    forever = TopicChange("t", created=False, altered={"retention.ms": ("-1", "86400000")})
    assert "from forever to 1 days" in str(forever)


def test_other_partitions_and_replicas_are_refused_in_one_go(mock: str) -> None:
    wanted = TopicSpec("ratings", partitions=6, replication=3, retention_days=30)
    with pytest.raises(ConfigError) as raised:
        apply_topics(Broker(mock, {}), [TopicSpec("new", 1, 1, 1), wanted])
    assert "has 4 partitions and should have 6" in str(raised.value)
    assert "TVREC_TOPIC_PARTITIONS=4" in str(raised.value)
    assert "has replication 1 and should have 3" in str(raised.value)
    # Nothing is changed then, though the other topic is missing.
    assert "new" not in Broker(mock, {}).metadata().topics


def test_a_dry_run_creates_nothing(mock: str) -> None:
    broker = Broker(mock, {})
    (change,) = apply_topics(broker, [TopicSpec("dry", 1, 1, 1)], dry_run=True)
    assert change.created
    assert "dry" not in broker.metadata().topics


def test_a_broker_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_module, "_ANSWER_TIMEOUT_S", 1.0)
    with pytest.raises(UnavailableError, match=r"127.0.0.1:9 does not answer \(.*refused"):
        apply_topics(Broker("127.0.0.1:9", {}), [SPEC])


def test_wrong_properties_are_a_wrong_setting() -> None:
    with pytest.raises(ConfigError, match="refuses its options") as raised:
        Broker("127.0.0.1:9", {"sasl.mechanisn": "PLAIN", "sasl.password": "hunter2"})
    assert "hunter2" not in str(raised.value)
