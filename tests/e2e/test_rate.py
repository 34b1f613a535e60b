"""``POST /rate`` through a real BentoML process: what is acknowledged is there, once."""

import http.client
import json
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from confluent_kafka import Consumer, TopicPartition

from mlproject.batches.keys import SERVICE_PARTITION, partition_prefix
from mlproject.objects.local import LocalStore
from mlproject.snapshot.ingest import ingest
from tests.registry_server import fake_registry
from tests.servers import (
    BIN,
    bento_service,
    environment,
    kill_all,
    mock_broker,
    wait_until,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

MANY = 200


def rate(url: str, user: int, show: int = 2, rating: int = 8) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    body = json.dumps({"user_id": user, "show_id": show, "rating": rating})
    connection.request("POST", "/rate", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    told = json.load(answer)
    connection.close()
    return answer.status, told


def rate_many(url: str) -> list[dict[str, object]]:
    """Rate as many users at the same time; every rating must be acknowledged."""
    with ThreadPoolExecutor(MANY) as pool:
        answers = list(pool.map(lambda user: rate(url, user), range(MANY)))
    assert Counter(status for status, _ in answers) == {201: MANY}
    return [told for _, told in answers]


def stored(store: LocalStore) -> list[dict[str, object]]:
    keys = [info.key for info in store.list(partition_prefix(SERVICE_PARTITION))]
    return [json.loads(line) for key in keys for line in (store.get(key) or b"").splitlines()]


def half_sent(url: str) -> tuple[socket.socket, bytes]:
    """Begin a request; return its connection and what is still to be sent."""
    body = b'{"user_id": 77, "show_id": 2, "rating": 9}'
    address = urlsplit(url)
    connection = socket.create_connection((address.hostname, address.port), timeout=30)
    head = (
        "POST /rate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body[:10])
    return connection, body[10:]


def status_of(connection: socket.socket) -> int:
    return int(connection.makefile("rb").readline().split()[1])


def test_without_kafka_what_is_acknowledged_survives(tmp_path: Path) -> None:
    state = tmp_path / "var"
    store = LocalStore(state / "store")
    with bento_service(state) as (url, _):
        told = rate_many(url)
        assert sorted(each["offset"] for each in told) == list(range(MANY))
        assert {each["event_id"] for each in told} == {each["event_id"] for each in stored(store)}
        assert len(list(store.list(partition_prefix(SERVICE_PARTITION)))) < MANY / 2
        # By the command too, which asks the service.
        done = subprocess.run(
            [BIN / "tvrec", "rate", "--user", "1", "--show", "3", "--rating", "9"],
            env=environment(TVREC_SERVICE_PORT=str(urlsplit(url).port)),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert f"partition {SERVICE_PARTITION}, offset {MANY}" in done.stdout, done.stderr

        status, last = rate(url, 1, show=5)
        kill_all(state)
        assert (status, last["offset"]) == (201, MANY + 1)

    ratings, _ = ingest(store)
    pairs = list(zip(ratings.ratings.user_id, ratings.ratings.show_id, strict=True))
    assert len(pairs) == MANY + 2
    assert {(1, 2), (1, 3), (1, 5)} <= set(pairs)

    with bento_service(state) as (url, process):
        assert rate(url, 1, show=6)[1]["offset"] == MANY + 2
        _, report = ingest(store, ratings)
        assert report.fresh == 1
        # What is under way when the service is told to end is answered.
        connection, rest = half_sent(url)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        connection.sendall(rest)
        assert status_of(connection) == 201
        connection.close()
        assert process.wait(timeout=30) == 0
    assert stored(store)[-1]["user_id"] == 77
    assert "Traceback" not in (state / "service.log").read_text()


def events(servers: str) -> Iterator[tuple[int, int, bytes]]:
    """Every message of the topic: partition, offset, key."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "test"})
    for partition in consumer.list_topics("ratings", timeout=10).topics["ratings"].partitions:
        place = TopicPartition("ratings", partition, 0)
        _, end = consumer.get_watermark_offsets(place, timeout=10)
        consumer.assign([place])
        for _ in range(end):
            message = consumer.poll(10)
            assert message is not None
            yield message.partition() or 0, message.offset() or 0, bytes(message.key() or b"")
    consumer.close()


def test_with_kafka_it_is_in_the_topic_and_a_dead_broker_is_503(tmp_path: Path) -> None:
    with (
        mock_broker() as (servers, broker),
        fake_registry() as registry,
        bento_service(
            tmp_path / "var", KAFKA_BOOTSTRAP_SERVERS=servers, SCHEMA_REGISTRY_URL=registry.url
        ) as (url, service),
    ):
        # Alive is who has not asked the Schema Registry yet, too.
        wait_until(lambda: rate(url, MANY)[0] == 201, 60, "a first rating that is taken")
        told = rate_many(url)
        there = [each for each in events(servers) if each[2] != str(MANY).encode()]
        assert len(there) == MANY
        assert {(each["partition"], each["offset"]) for each in told} == {
            place[:2] for place in there
        }
        assert {key for _, _, key in there} == {str(user).encode() for user in range(MANY)}

        broker.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        status, refused = rate(url, 1)
        assert status == 503
        assert str(refused["error"]).endswith("it may still arrive, so send it again")
        assert time.monotonic() - started < 10
        broker.send_signal(signal.SIGCONT)
        deadline = time.monotonic() + 60
        while rate(url, 1)[0] != 201:
            assert time.monotonic() < deadline

        # Under way while the service is told to end: answered when the broker has it.
        broker.send_signal(signal.SIGSTOP)
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(rate, url, 5)
            time.sleep(0.5)
            service.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            broker.send_signal(signal.SIGCONT)
            assert under_way.result(30)[0] == 201
        assert service.wait(timeout=30) == 0
