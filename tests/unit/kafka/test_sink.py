"""What the Kafka sink promises, against the mock cluster inside librdkafka."""

import logging
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from threading import Event, Timer
from typing import Any

import numpy as np
import pandas as pd
import pytest
from confluent_kafka import Message

from mlproject.core import columns as c
from mlproject.core.errors import ConfigError, UnavailableError
from mlproject.core.events import event_ids
from mlproject.core.ratings import RatingFrame
from mlproject.events.codec import decode
from mlproject.events.schema import current_schema
from mlproject.kafka import sink as kafka_sink
from mlproject.kafka.producer import ProducerOptions
from mlproject.kafka.sink import KafkaRatingSink
from tests.logged import messages
from tests.mock_kafka import messages_of
from tests.servers import mock_broker

SCHEMA_ID = 7
VENDOR = "mlproject.kafka.producer.librdkafka"


@pytest.fixture
def remote_broker() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A mock cluster in another process, which can be stopped, and that process."""
    with mock_broker() as made:
        yield made


def frame(n: int, first: int = 0) -> RatingFrame:
    places = np.arange(first, first + n)
    ratings, rejected = RatingFrame.validated(
        pd.DataFrame(
            {
                c.EVENT_ID: event_ids(1_735_689_600_000 + places, places, seed=1),
                c.USER_ID: places % 37,
                c.SHOW_ID: places % 101,
                c.RATING: [None if i % 5 == 0 else i % 10 + 1 for i in places.tolist()],
                c.RATED_AT: 1_735_689_600_000 + places,
                c.SOURCE: "SIMULATED",
            }
        )
    )
    assert rejected.empty
    return ratings


def consume(servers: str, topic: str, count: int) -> list[Message]:
    """Everything in the topic: ``count`` messages, and then no more."""
    messages = messages_of(servers, topic)
    assert len(messages) == count
    return messages


def decoded(messages: list[Message]) -> list[dict[str, Any]]:
    """Events by the order of their ids, which is that of their times."""
    schemas = {SCHEMA_ID: current_schema()}
    found = [decode(each.value() or b"", schemas.__getitem__) for each in messages]
    return sorted(found, key=lambda event: str(event[c.EVENT_ID]))


def rows(ratings: RatingFrame) -> list[dict[str, Any]]:
    return [
        {**row, c.RATING: None if row[c.RATING] is pd.NA else row[c.RATING]}
        for row in ratings.frame.to_dict("records")
    ]


def test_every_event_arrives_as_it_was(broker: str, topic: str) -> None:
    ratings = frame(1000)
    sink = KafkaRatingSink(broker, topic, SCHEMA_ID)
    sink.append(ratings)
    sink.flush()
    messages = consume(broker, topic, 1000)
    assert decoded(messages) == rows(ratings)
    for message in messages:
        (event,) = decoded([message])
        assert message.key() == str(event[c.USER_ID]).encode()


def test_a_user_has_one_partition_and_an_order(broker: str, topic: str) -> None:
    sink = KafkaRatingSink(broker, topic, SCHEMA_ID)
    for first in range(0, 1000, 100):
        sink.append(frame(100, first))
    sink.flush()
    partitions = defaultdict(set)
    ids = defaultdict(list)
    for message in consume(broker, topic, 1000):
        partitions[message.key()].add(message.partition())
        ids[message.key()].append(decoded([message])[0][c.EVENT_ID])
    assert len(partitions) == 37
    assert all(len(each) == 1 for each in partitions.values())
    assert len(set.union(*partitions.values())) > 1
    assert all(each == sorted(each) for each in ids.values())


def murmur2(key: bytes) -> int:
    """The hash that Kafka's Java client partitions by, as an unsigned number."""
    word, mixer = 0xFFFF_FFFF, 0x5BD1_E995
    hashed = 0x9747_B28C ^ len(key)
    whole = len(key) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * mixer & word
        hashed = (hashed * mixer & word) ^ ((k ^ k >> 24) * mixer & word)
    if key[whole:]:
        hashed = (hashed ^ int.from_bytes(key[whole:], "little")) * mixer & word
    hashed = (hashed ^ hashed >> 13) * mixer & word
    return hashed ^ hashed >> 15


def test_the_partition_is_that_of_java_clients(broker: str, topic: str) -> None:
    # From Kafka's own test of its hash, UtilsTest.testMurmur2.
    assert murmur2(b"21") == -973932308 & 0xFFFF_FFFF
    assert murmur2(b"foobar") == -790332482 & 0xFFFF_FFFF
    sink = KafkaRatingSink(broker, topic, SCHEMA_ID)
    sink.append(frame(37))
    sink.flush()
    for message in consume(broker, topic, 37):
        assert message.partition() == (murmur2(message.key() or b"") & 0x7FFF_FFFF) % 4


def test_counts_and_position(broker: str, topic: str) -> None:
    sink = KafkaRatingSink(broker, topic, SCHEMA_ID, start_position=40)
    assert (sink.position, sink.acknowledged, sink.failed) == (40, 0, 0)
    sink.append(frame(100))
    sink.append(RatingFrame.empty())
    sink.append(frame(50, 100))
    sink.flush()
    assert (sink.position, sink.acknowledged, sink.failed) == (190, 150, 0)


def test_an_append_of_nothing_takes_note_of_what_was_delivered(broker: str, topic: str) -> None:
    sink = KafkaRatingSink(broker, topic, SCHEMA_ID, options=ProducerOptions(linger_ms=0))
    sink.append(frame(10))
    deadline = time.monotonic() + 20
    while sink.position < 10 and time.monotonic() < deadline:
        sink.append(RatingFrame.empty())
    assert sink.position == 10


def test_the_position_does_not_pass_a_gap(nobody: str, topic: str) -> None:
    """A later append that is acknowledged first does not count before the earlier one."""
    sink = KafkaRatingSink(nobody, topic, SCHEMA_ID, start_position=3)
    first, second = kafka_sink._Batch(2, 2), kafka_sink._Batch(4, 4)
    sink._batches.extend([first, second])
    for _ in range(4):
        sink._delivered(second, None, Message())
    assert (sink.position, sink.acknowledged) == (3, 4)
    for _ in range(2):
        sink._delivered(first, None, Message())
    assert (sink.position, sink.acknowledged) == (9, 6)


def test_nothing_connects_before_the_first_call(nobody: str, topic: str) -> None:
    sink = KafkaRatingSink(nobody, topic, SCHEMA_ID)
    sink.flush()
    assert "_producer" not in vars(sink)


def test_a_tiny_queue_only_slows(broker: str, topic: str) -> None:
    options = ProducerOptions(queue_events=10, linger_ms=0)
    sink = KafkaRatingSink(broker, topic, SCHEMA_ID, options=options)
    sink.append(frame(1000))
    assert sink.acknowledged >= 990
    sink.flush()
    assert sink.position == 1000
    assert decoded(consume(broker, topic, 1000)) == rows(frame(1000))


def test_a_flush_that_fails_says_how_many_are_undelivered(nobody: str, topic: str) -> None:
    options = ProducerOptions(flush_timeout_s=0.2)
    sink = KafkaRatingSink(nobody, topic, SCHEMA_ID, options=options)
    sink.append(frame(7))
    with pytest.raises(UnavailableError, match=f"^7 events were not delivered .* {nobody}"):
        sink.flush()
    sink.append(frame(4, 7))
    with pytest.raises(UnavailableError, match=r"^11 events .* within 0.2 s; they stay queued$"):
        sink.flush()
    assert sink.position == 0


def test_a_lost_broker_blocks_and_loses_nothing(
    remote_broker: tuple[str, subprocess.Popen[bytes]],
    topic: str,
    on_warning: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The queue fills to its bound, one line says so, and all arrives once it is back."""
    monkeypatch.setattr(kafka_sink, "_REPORT_TIMEOUT_S", 0.1)
    caplog.set_level(logging.INFO, kafka_sink.__name__)
    servers, process = remote_broker
    options = ProducerOptions(queue_events=100, linger_ms=0)
    sink = KafkaRatingSink(servers, topic, SCHEMA_ID, options=options)
    sink.ping()
    sink.append(frame(10))
    sink.flush()
    process.send_signal(signal.SIGSTOP)
    positions = []

    def bring_back_soon() -> None:
        positions.append(sink.position)
        # Some waits later, so that there is time for a second line, were there one.
        Timer(0.5, process.send_signal, (signal.SIGCONT,)).start()

    on_warning(kafka_sink.__name__, bring_back_soon)
    sink.append(frame(500, 10))
    sink.flush()
    assert positions == [10]
    assert sink.position == 510
    assert decoded(consume(servers, topic, 510)) == rows(frame(510))
    assert messages(caplog, kafka_sink.__name__) == [
        (
            f"The queue for Kafka at {servers} is full (100 events or 65536 KiB), and none is "
            "taken; sending waits until it is."
        ),
        f"Kafka at {servers} takes events again.",
    ]


def test_a_stopped_append_has_taken_the_first_events(
    remote_broker: tuple[str, subprocess.Popen[bytes]],
    topic: str,
    on_warning: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After the next flush the position is that of the first event that was not taken."""
    monkeypatch.setattr(kafka_sink, "_REPORT_TIMEOUT_S", 0.1)
    servers, process = remote_broker
    stop = Event()
    options = ProducerOptions(queue_events=100)
    sink = KafkaRatingSink(servers, topic, SCHEMA_ID, options=options, stop=stop)
    sink.ping()
    process.send_signal(signal.SIGSTOP)
    on_warning(kafka_sink.__name__, stop.set)
    with pytest.raises(UnavailableError, match="stopped while the queue"):
        sink.append(frame(500))
    process.send_signal(signal.SIGCONT)
    sink.flush()
    assert sink.position == 100
    assert decoded(consume(servers, topic, 100)) == rows(frame(100))


def test_refused_events_are_told_and_sent_again(broker: str, topic: str) -> None:
    sink = KafkaRatingSink(
        broker, topic, SCHEMA_ID, options=ProducerOptions(linger_ms=60_000, queue_events=20)
    )
    sink.append(frame(7))
    sink._producer.purge()
    with pytest.raises(UnavailableError, match=rf"refused 7 events .* {topic} \(.*[Pp]urge"):
        sink.append(frame(4, 7))
    assert (sink.position, sink.acknowledged, sink.failed) == (0, 0, 7)
    sink.append(frame(4, 7))
    sink.flush()
    assert (sink.position, sink.acknowledged, sink.failed) == (11, 11, 7)
    assert decoded(consume(broker, topic, 11)) == rows(frame(11))


def test_a_refused_event_is_kept_until_it_is_queued(
    broker: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = KafkaRatingSink(broker, topic, SCHEMA_ID, options=ProducerOptions(linger_ms=60_000))
    sink.append(frame(7))
    sink._producer.purge()
    produce, calls = sink._produce, []

    def broken_once(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 3:
            raise UnavailableError("broken")
        produce(*args)

    monkeypatch.setattr(sink, "_produce", broken_once)
    with pytest.raises(UnavailableError, match="broken"):
        sink.append(RatingFrame.empty())
    with pytest.raises(UnavailableError, match="refused 5 events"):
        sink.append(RatingFrame.empty())
    sink.flush()
    assert sink.position == 7
    assert decoded(consume(broker, topic, 7)) == rows(frame(7))


def test_an_event_that_cannot_be_queued_is_an_error_of_ours(broker: str, topic: str) -> None:
    options = ProducerOptions(properties={"message.max.bytes": 1000})
    sink = KafkaRatingSink(broker, topic, SCHEMA_ID, options=options)
    ratings = frame(5)
    ratings.frame.loc[3, c.EVENT_ID] = "x" * 2000
    with pytest.raises(UnavailableError, match=f"takes no events for the topic {topic}: .*large"):
        sink.append(ratings)
    sink.flush()
    assert sink.position == 3


def test_a_broker_that_answers_is_there(broker: str, topic: str) -> None:
    sink = KafkaRatingSink(broker, topic, SCHEMA_ID)
    sink.ping()
    assert "_producer" in vars(sink)


def test_a_broker_that_does_not_answer_is_named(
    nobody: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_sink, "_ANSWER_TIMEOUT_S", 0.1)
    with pytest.raises(UnavailableError, match=rf"^Kafka at {nobody} does not answer \("):
        KafkaRatingSink(nobody, topic, SCHEMA_ID).ping()


def test_the_log_of_librdkafka_is_logged_once_a_line(
    nobody: str,
    topic: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def refusals() -> int:
        return len([line for line in messages(caplog, VENDOR) if "Connection refused" in line])

    sink = KafkaRatingSink(nobody, topic, SCHEMA_ID, options=ProducerOptions(flush_timeout_s=1))
    sink.append(frame(1))
    deadline = time.monotonic() + 20
    while not refusals() and time.monotonic() < deadline:
        sink.append(RatingFrame.empty())
    with pytest.raises(UnavailableError):
        sink.flush()
    assert refusals() == 1
    assert capfd.readouterr().err == ""


def test_passwords_are_not_told(
    nobody: str,
    topic: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kafka_sink, "_ANSWER_TIMEOUT_S", 0.2)
    caplog.set_level(logging.DEBUG)
    security = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "me",
        "sasl.password": "hunter2",
    }
    options = ProducerOptions(properties=security, flush_timeout_s=0.2)
    sink = KafkaRatingSink(nobody, topic, SCHEMA_ID, options=options)

    with pytest.raises(UnavailableError) as unanswered:
        sink.ping()
    sink.append(frame(1))
    with pytest.raises(UnavailableError) as error:
        sink.flush()
    told = f"{options}{sink}{unanswered.value}{error.value}{caplog.text}"
    assert nobody in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"sasl.pasword": "hunter2"}, 'No such configuration property: "sasl.pasword"'),
        ({"acks": "hunter2"}, "may not have acks: tvrec sets these itself"),
    ],
)
def test_bad_properties_are_errors_of_configuration(
    nobody: str, topic: str, properties: dict[str, str], reason: str
) -> None:
    options = ProducerOptions(properties=properties)
    with pytest.raises(ConfigError, match=reason) as error:
        KafkaRatingSink(nobody, topic, SCHEMA_ID, options=options).append(frame(1))
    assert "hunter2" not in str(error.value)
