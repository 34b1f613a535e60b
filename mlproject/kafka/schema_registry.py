"""The schemas of rating events in a Schema Registry, Confluent's or Apicurio's."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn, TypeVar, cast
from urllib.parse import urlsplit

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError
from fastavro import parse_schema
from fastavro.schema import SchemaParseException

from mlproject.core.errors import (
    BatchError,
    ConfigError,
    DataError,
    TvrecError,
    UnavailableError,
)
from mlproject.events.schema import Schema as ParsedSchema

Answer = TypeVar("Answer")

_LEVEL: Final = "BACKWARD"
_NOT_FOUND: Final = 404
# Confluent's means an incompatible schema. Apicurio's may as well mean that somebody else
# was faster: "A rule named 'COMPATIBILITY' already exists", or a version that does.
_CONFLICT: Final = 409
_INVALID: Final = 422
# Once: who registers in the background tries again by itself.
_OPTIONS: Final = {"timeout": 10, "max.retries": 0}


class SchemaRegistry:
    """A Schema Registry; nothing connects before the first call.

    Every method raises UnavailableError if the registry does not answer or refuses.

    Parameters
    ----------
    url
        Where it is; a user and a password may be in it, and are never told.

    Raises
    ------
    ConfigError
        If the URL is invalid.

    Notes
    -----
    https://docs.confluent.io/platform/current/schema-registry/develop/api.html
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._where = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        self._schemas: dict[int, ParsedSchema] = {}
        try:
            self._client = SchemaRegistryClient({"url": url, **_OPTIONS})
        except ValueError:
            # Not chained: the client's own text repeats the password of the address.
            raise ConfigError(f"{self._where} is not the address of a Schema Registry") from None

    def register(self, subject: str, schema_text: str) -> int:
        """Register a schema, from now on under BACKWARD compatibility.

        BACKWARD is set first, so that this very schema is held to it. To do it again, or
        in several processes at once, changes nothing and returns the same id.

        Parameters
        ----------
        subject
            The topic's name + ``-value``.
        schema_text
            An Avro schema.

        Returns
        -------
        int
            The schema's id, for the messages' headers.

        Raises
        ------
        DataError
            If the schema is invalid, or cannot read data of the subject's latest schema.
        """
        schema = Schema(schema_text, "AVRO")
        with self._answering():
            try:
                self._hold_to_compatibility(subject)
                return self._registered(subject, schema)
            except SchemaRegistryError as error:
                if error.http_status_code == _INVALID:
                    self._reject(subject, error)
                raise

    def schema(self, schema_id: int) -> ParsedSchema:
        """Return the schema with an id, parsed; it is fetched once.

        Raises
        ------
        LookupError
            If there is no such schema.
        BatchError
            If it is not an Avro schema.
        """
        if schema_id not in self._schemas:
            with self._answering():
                found = self._or_none(lambda: self._client.get_schema(schema_id))
                text = "" if found is None else _text(found)
            if found is None:
                raise LookupError(schema_id)
            self._schemas[schema_id] = _parsed(schema_id, text)
        return self._schemas[schema_id]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _hold_to_compatibility(self, subject: str) -> None:
        try:
            self._client.set_compatibility(subject, _LEVEL)
        except SchemaRegistryError as error:
            if error.http_status_code != _CONFLICT:
                raise
            if self._client.get_compatibility(subject) != _LEVEL:
                raise self._overtaken(subject) from error

    def _registered(self, subject: str, schema: Schema) -> int:
        try:
            return int(self._client.register_schema(subject, schema))
        except SchemaRegistryError as error:
            if error.http_status_code != _CONFLICT:
                raise
            conflict = error
        # Nothing that is there yet is nothing to be incompatible with.
        found = self._or_none(lambda: self._client.lookup_schema(subject, schema).schema_id)
        if found is not None:
            return found
        if self._or_none(lambda: self._client.test_compatibility(subject, schema)) is False:
            self._reject(subject, conflict)
        raise self._overtaken(subject) from conflict

    @staticmethod
    def _or_none(ask: Callable[[], Answer | None]) -> Answer | None:
        """Ask for something that may not be there."""
        try:
            return ask()
        except SchemaRegistryError as error:
            if error.http_status_code == _NOT_FOUND:
                return None
            raise

    def _reject(self, subject: str, error: SchemaRegistryError) -> NoReturn:
        raise DataError(
            f"the Schema Registry at {self._where} rejects the schema of {subject}: "
            f"{error.error_message}"
        ) from error

    def _overtaken(self, subject: str) -> UnavailableError:
        return UnavailableError(
            f"somebody else changes {subject} in the Schema Registry at {self._where}"
        )

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except SchemaRegistryError as error:
            raise UnavailableError(
                f"the Schema Registry at {self._where} refuses: {error}"
            ) from error
        except TvrecError:
            raise
        except Exception as error:
            # The client lets through what its HTTP library raises, which is one of two.
            raise UnavailableError(
                f"the Schema Registry at {self._where} gives no usable answer: {error}"
            ) from error


def register(url: str, subject: str, schema_text: str) -> int:
    """Register a schema, and close the connection; see :meth:`SchemaRegistry.register`."""
    registry = SchemaRegistry(url)
    try:
        return registry.register(subject, schema_text)
    finally:
        registry.close()


def _text(schema: Schema) -> str:
    if schema.schema_str is None:
        raise ValueError("there is no schema in it")
    return schema.schema_str


def _parsed(schema_id: int, text: str) -> ParsedSchema:
    try:
        parsed: Any = parse_schema(json.loads(text))
    except (SchemaParseException, ValueError) as error:
        raise BatchError(f"the schema {schema_id} is not an Avro schema: {error}") from error
    return cast("ParsedSchema", parsed)
