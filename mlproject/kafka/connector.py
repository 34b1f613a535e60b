"""What the connector should be like: its config, and how one differs from another."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mlproject.core.errors import ConfigError

NAME: Final = "ratings-batches"
GROUP: Final = f"connect-{NAME}"
"""The consumer group in which Connect runs the tasks of a sink."""

_SECRET: Final = re.compile(
    r"password|passwd|passphrase|secret|token|credential|access\.?key|api\.?key|jaas"
    r"|user\.?info|private|sas\.|\.key$",
    re.IGNORECASE,
)
_PLACEHOLDER: Final = re.compile(r"\$\{[^}]+\}")
_USER_INFO: Final = re.compile(r"//[^/\s]*@")


@dataclass(frozen=True, slots=True)
class SinkSpec:
    """What the sink of batches is told.

    Parameters
    ----------
    topic, dead_letter_topic
        Where it reads, and where records go that no converter can read.
    replication
        Replicas of the dead-letter topic, should Connect be the one who creates it.
    tasks
        How many tasks share the partitions.
    registry_url
        See :func:`registry_address`.
    bucket, endpoint_url, region
        Where the batches go; no endpoint: AWS.
    keys_from_environment
        Whether the worker's AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are the S3 keys;
        if not, the worker's AWS SDK looks for credentials.
    batch_records, batch_ms
        Count, and age in milliseconds, at which a batch is written.
    """

    topic: str
    dead_letter_topic: str
    replication: int
    tasks: int
    registry_url: str
    bucket: str
    endpoint_url: str | None
    region: str
    keys_from_environment: bool
    batch_records: int
    batch_ms: int


def sink_config(spec: SinkSpec) -> dict[str, str]:
    """Return the config of ``tvrec.connect.BatchSinkConnector``; no secret is in it.

    Notes
    -----
    Connect's own settings: https://kafka.apache.org/documentation/#sinkconnectconfigs,
    the sink's and the converter's: ``services/kafka_connect``.
    """
    keys = {
        "aws.access.key.id": "${env:AWS_ACCESS_KEY_ID}",
        "aws.secret.access.key": "${env:AWS_SECRET_ACCESS_KEY}",
    }
    return {
        "name": NAME,
        "connector.class": "tvrec.connect.BatchSinkConnector",
        "tasks.max": str(spec.tasks),
        "topics": spec.topic,
        "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
        "value.converter": "tvrec.connect.AvroConverter",
        "value.converter.schema.registry.url": spec.registry_url,
        "s3.bucket": spec.bucket,
        **({"s3.endpoint.url": spec.endpoint_url} if spec.endpoint_url else {}),
        "s3.region": spec.region,
        **(keys if spec.keys_from_environment else {}),
        "batch.records": str(spec.batch_records),
        "batch.ms": str(spec.batch_ms),
        "errors.tolerance": "all",
        # A registry that is away is waited for; without this, good ratings would go to the
        # dead-letter topic until it is back.
        "errors.retry.timeout": "-1",
        "errors.retry.delay.max.ms": "10000",
        "errors.deadletterqueue.topic.name": spec.dead_letter_topic,
        "errors.deadletterqueue.topic.replication.factor": str(spec.replication),
        "errors.deadletterqueue.context.headers.enable": "true",
        "errors.log.enable": "true",
        # What users rated has no place in a log.
        "errors.log.include.messages": "false",
    }


def registry_address(schema_registry_url: str | None, given: str | None = None) -> str:
    """Return the address at which the connector asks for schemas.

    Parameters
    ----------
    schema_registry_url
        The address that our own producers use; None if unknown.
    given
        The address as the worker sees it, if that is another.

    Raises
    ------
    ConfigError
        If there is none, or it has a password in it.
    """
    address = given or schema_registry_url
    if address is None:
        raise ConfigError(
            "SCHEMA_REGISTRY_URL is not set: the connector asks the registry how to read ratings"
        )
    if urlsplit(address).username is not None:
        raise ConfigError(
            "the address of the Schema Registry has a password in it, which must not get into "
            "the config of a connector; set TVREC_CONNECT_REGISTRY_URL to the address without it"
        )
    return address


def read_config(path: Path) -> dict[str, str]:
    """Read a config of one's own: the flat object, or ``{"name": ..., "config": {...}}``.

    Raises
    ------
    ConfigError
        If it cannot be used.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as JSON: {error}") from error
    if isinstance(content, dict) and isinstance(content.get("config"), dict):
        content = {**content["config"], "name": content.get("name", NAME)}
    if not isinstance(content, dict) or "connector.class" not in content:
        raise ConfigError(f'{path} is not the config of a connector: it has no "connector.class"')
    nested = sorted(key for key, value in content.items() if isinstance(value, dict | list))
    if nested:
        raise ConfigError(f"{path}: these are no single values: {', '.join(nested)}")
    # Null is how Connect itself says that a key is not set.
    config = {key: _text(value) for key, value in content.items() if value is not None}
    if config.setdefault("name", NAME) != NAME:
        raise ConfigError(
            f"{path} is the config of {config['name']}; `tvrec connect` looks after {NAME}: "
            "take the name out of the file"
        )
    return config


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Say what differs between two configs: one line per key, without secrets.

    Examples
    --------
    >>> differences({"tasks.max": "1", "a": "1"}, {"tasks.max": "2", "s3.secret.key": "x"})
    ['a: 1 -> (none)', 's3.secret.key: (none) -> (hidden)', 'tasks.max: 1 -> 2']
    """
    return [
        f"{key}: {_shown(key, old.get(key))} -> {_shown(key, new.get(key))}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def _shown(key: str, value: str | None) -> str:
    if value is None:
        return "(none)"
    # A placeholder says where the worker finds a secret, and is not one.
    if _SECRET.search(key) and not _PLACEHOLDER.fullmatch(value):
        return "(hidden)"
    return _USER_INFO.sub("//(hidden)@", value) or '""'


def _text(value: object) -> str:
    """Spell a value as Connect does, which knows only text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
