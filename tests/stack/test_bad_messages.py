"""Messages that are no ratings are set aside and counted; everything else flows on."""

import json
import struct
from io import BytesIO
from typing import Any

import pytest
from confluent_kafka import Message, Producer
from fastavro import parse_schema, schemaless_writer

from mlproject.core import columns as c
from mlproject.core.errors import DataError
from mlproject.core.topics import TOPIC
from mlproject.events.schema import schema_text
from mlproject.kafka.schema_registry import register
from tests.stack.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300, func_only=True)]

SUBJECT = f"{TOPIC}-value"
UNKNOWN_ID = 999_999
GOOD = 3000


def message(schema: dict[str, Any], schema_id: int, **event: Any) -> bytes:
    """A rating as it is on the wire."""
    buffer = BytesIO()
    buffer.write(struct.pack(">BI", 0, schema_id))
    whole = {
        c.EVENT_ID: "0199f7a0-0000-7000-8000-000000000001",
        c.USER_ID: 1,
        c.SHOW_ID: 1,
        c.RATING: 8,
        c.RATED_AT: 1_760_000_000_000,
        c.SOURCE: "SERVICE",
        **event,
    }
    schemaless_writer(buffer, parse_schema(schema), whole)
    return buffer.getvalue()


def send(world: World, *values: bytes | None) -> None:
    producer = Producer({"bootstrap.servers": world.settings["KAFKA_BOOTSTRAP_SERVERS"]})
    for value in values:
        producer.produce(TOPIC, value, key=b"1", partition=0)
    assert producer.flush(30) == 0


def header(letter: Message, name: str) -> str:
    found = dict(letter.headers() or [])[f"__connect.errors.{name}"]
    assert isinstance(found, bytes)
    return found.decode()


def offsets(world: World) -> list[tuple[int, int]]:
    return [(record.partition, record.offset) for record in world.records()]


def test_poison_goes_to_the_dead_letters_or_the_quarantine(world: World) -> None:
    url, schema = world.settings["SCHEMA_REGISTRY_URL"], json.loads(schema_text())
    world.good("export-shows")
    world.good("generate-ratings", "--once", "--ratings", str(GOOD))
    known = register(url, SUBJECT, schema_text())
    poison = {
        "not Avro": b'{"user_id": 1}',
        "of an unknown schema": message(schema, UNKNOWN_ID),
        "cut off": message(schema, known)[:12],
        "a tombstone": None,
    }
    impossible = message(schema, known, rating=99)
    first = world.ends()[0]
    send(world, *poison.values(), impossible)
    # Good ones come after them, in the same partition too.
    world.good("generate-ratings", "--once", "--ratings", str(2 * GOOD))
    assert world.ends()[0] > first + len(poison) + 1
    world.wait_until_written(60)

    letters = world.dead_letters()
    assert [letter.value() for letter in letters] == list(poison.values())
    places = [(header(letter, "topic"), header(letter, "partition")) for letter in letters]
    assert places == [(TOPIC, "0")] * len(poison)
    dead = [int(header(letter, "offset")) for letter in letters]
    assert dead == list(range(first, first + len(poison)))
    reasons = [header(letter, "exception.message") for letter in letters]
    assert all(reasons), reasons
    assert "no value" in reasons[-1]
    print(*zip(poison, reasons, strict=True), sep="\n")

    kept = offsets(world)
    everything = {(part, at) for part, end in world.ends().items() for at in range(end)}
    assert len(kept) == len(set(kept))
    assert set(kept) == everything - {(0, at) for at in dead}

    told = json.loads(world.good("connect", "status", "--json").stdout)
    assert told["dead_letters"] == len(poison)
    assert {task["state"] for task in told["tasks"]} == {"RUNNING"}


def test_an_impossible_rating_is_set_aside_by_the_reader(world: World) -> None:
    world.good("dataset", "rebuild")
    status = world.status()
    assert status["totals"]["events"] == 2 * GOOD
    assert status["totals"]["rejected"] == 1
    assert status["quarantine"] == {"rejected_files": 1, "unreadable": 0}
    (key,) = world.keys("quarantine/")
    (row,) = map(json.loads, world.get(key).splitlines())
    assert row[c.RATING] == 99
    assert "rating" in row[c.REASON]


def test_a_new_optional_field_passes_beside_old_events(world: World) -> None:
    url, schema = world.settings["SCHEMA_REGISTRY_URL"], json.loads(schema_text())
    schema["fields"].append({"name": "device", "type": ["null", "string"], "default": None})
    old = register(url, SUBJECT, schema_text())
    new = register(url, SUBJECT, json.dumps(schema))
    assert new != old
    before = world.ends()[0]
    ids = [f"0199f7a0-0000-7000-8000-00000000001{number}" for number in range(2)]
    users = [900_001, 900_002]
    send(
        world,
        message(schema, new, device="television", event_id=ids[0], user_id=users[0]),
        message(schema, new, device=None, event_id=ids[1], user_id=users[1]),
    )
    # A generator of before the change still finds its schema.
    world.good("generate-ratings", "--once", "--ratings", str(3 * GOOD))
    assert register(url, SUBJECT, schema_text()) == old
    world.wait_until_written(60)
    newer = [r.event for r in world.records() if r.partition == 0 and r.offset >= before]
    assert [event["device"] for event in newer if "device" in event] == ["television", None]
    assert any("device" not in event for event in newer)

    read, _ = world.ingest()
    assert set(users) <= set(read.ratings.user_id.tolist())
    status = world.status()
    assert status["totals"]["events"] == 3 * GOOD + len(users)
    assert status["totals"]["rejected"] == 1, "the one of before"


def test_an_incompatible_schema_is_refused(world: World) -> None:
    url, schema = world.settings["SCHEMA_REGISTRY_URL"], json.loads(schema_text())
    for field in schema["fields"]:
        if field["name"] == c.USER_ID:
            field["type"] = "string"
    with pytest.raises(DataError) as caught:
        register(url, SUBJECT, json.dumps(schema))
    assert str(caught.value).startswith(
        f"the Schema Registry at {url} rejects the schema of {SUBJECT}: "
    )
    print(caught.value)
