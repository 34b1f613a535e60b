"""The connector's config, files of one's own, and how two configs differ."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.errors import ConfigError
from mlproject.kafka.connector import (
    NAME,
    SinkSpec,
    differences,
    read_config,
    registry_address,
    sink_config,
)

SPEC = SinkSpec(
    topic="ratings",
    dead_letter_topic="ratings.dlq",
    replication=3,
    tasks=2,
    registry_url="http://registry:8080/apis/ccompat/v7",
    bucket="tvrec",
    endpoint_url="http://minio:9000",
    region="us-east-1",
    keys_from_environment=True,
    batch_records=500,
    batch_ms=2000,
)


def test_the_keys_are_the_workers() -> None:
    config = sink_config(SPEC)
    assert config["aws.secret.access.key"] == "${env:AWS_SECRET_ACCESS_KEY}"
    assert config["aws.access.key.id"] == "${env:AWS_ACCESS_KEY_ID}"
    without = sink_config(replace(SPEC, keys_from_environment=False, endpoint_url=None))
    assert not [key for key in without if key.startswith("aws.")]
    assert "s3.endpoint.url" not in without


def test_what_cannot_be_read_goes_to_the_dead_letter_topic_and_not_into_a_log() -> None:
    config = sink_config(SPEC)
    assert config["errors.tolerance"] == "all"
    assert config["errors.deadletterqueue.topic.name"] == "ratings.dlq"
    assert config["errors.deadletterqueue.topic.replication.factor"] == "3"
    assert config["errors.log.include.messages"] == "false"
    assert all(isinstance(value, str) for value in config.values())


def test_a_registry_that_is_away_is_waited_for() -> None:
    assert sink_config(SPEC)["errors.retry.timeout"] == "-1"


def test_the_worker_may_see_the_registry_at_another_address() -> None:
    assert registry_address("http://registry:8081") == "http://registry:8081"
    assert registry_address("http://registry:8081", "http://other") == "http://other"
    assert registry_address(None, "http://other") == "http://other"
    with pytest.raises(ConfigError, match="SCHEMA_REGISTRY_URL is not set"):
        registry_address(None)


@pytest.mark.parametrize("given", [None, "http://me:hunter2@other"])
def test_a_password_does_not_get_into_the_config(given: str | None) -> None:
    with pytest.raises(ConfigError, match="has a password") as raised:
        registry_address("http://me:hunter2@registry/apis/ccompat/v7", given)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [
        {"connector.class": "a.B", "tasks.max": 3, "flag": True, "unset": None},
        {"config": {"connector.class": "a.B", "tasks.max": "3", "flag": "true"}},
        {"name": NAME, "config": {"connector.class": "a.B", "tasks.max": 3, "flag": True}},
    ],
)
def test_a_file_may_have_either_form(tmp_path: Path, content: object) -> None:
    file = tmp_path / "sink.json"
    file.write_text(json.dumps(content))
    assert read_config(file) == {
        "name": NAME,
        "connector.class": "a.B",
        "tasks.max": "3",
        "flag": "true",
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", 'no "connector.class"'),
        ("{}", 'no "connector.class"'),
        ('{"connector.class": "a", "x": {}, "y": []}', "no single values: x, y"),
        ('{"connector.class": "a", "name": "other"}', "take the name out"),
    ],
)
def test_a_file_that_is_no_config_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "sink.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match=sentence):
        read_config(file)


CONFIGS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(["1", "2"]))


@given(CONFIGS, CONFIGS)
def test_there_are_lines_exactly_where_configs_differ(
    old: dict[str, str], new: dict[str, str]
) -> None:
    told = [line.partition(":")[0] for line in differences(old, new)]
    assert told == sorted(key for key in old | new if old.get(key) != new.get(key))


@pytest.mark.parametrize(
    "key",
    [
        "aws.secret.access.key",
        "aws.access.key.id",
        "connection.password",
        "value.converter.basic.auth.user.info",
        "consumer.override.sasl.jaas.config",
        "value.converter.apicurio.auth.client.secret",
        "ssl.keystore.key",
        "some.apiKey",
        "oauth.token",
    ],
)
def test_no_secret_is_shown(key: str) -> None:
    (line,) = differences({key: "hunter1"}, {key: "hunter2"})
    assert line == f"{key}: (hidden) -> (hidden)"
    (line,) = differences({}, {key: "${env:X}"})
    assert line == f"{key}: (none) -> ${{env:X}}"


def test_no_password_in_an_address_is_shown() -> None:
    (line,) = differences({"url": ""}, {"url": "http://me:hunter2@x/y"})
    assert line == 'url: "" -> http://(hidden)@x/y'
