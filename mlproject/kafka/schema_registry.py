"""The schema of rating events in a Schema Registry."""

from typing import Final
from urllib.parse import urlsplit

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError

from mlproject.core.errors import ConfigError, DataError, UnavailableError

# What a registry answers if the schema itself is at fault.
_INCOMPATIBLE: Final = 409
_INVALID: Final = 422


def register(url: str, subject: str, schema_text: str) -> int:
    """Register a schema, from now on under BACKWARD compatibility.

    BACKWARD is set first, so that this very schema is held to it. Doing it again changes
    nothing and returns the same id.

    Parameters
    ----------
    url
        Where the registry is; a user and a password may be in it.
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
    UnavailableError
        If the registry does not answer or refuses.
    ConfigError
        If the URL is none.

    Notes
    -----
    https://docs.confluent.io/platform/current/schema-registry/develop/api.html
    """
    parts = urlsplit(url)
    where = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    try:
        client = SchemaRegistryClient({"url": url, "timeout": 10, "max.retries": 1})
    except ValueError:
        # Not chained: the client's own text repeats the password of the address.
        raise ConfigError(f"{where} is no address of a Schema Registry") from None
    try:
        with client:
            client.set_compatibility(subject, "BACKWARD")
            return int(client.register_schema(subject, Schema(schema_text, "AVRO")))
    except SchemaRegistryError as error:
        if error.http_status_code in {_INCOMPATIBLE, _INVALID}:
            raise DataError(
                f"the Schema Registry at {where} rejects the schema of {subject}: "
                f"{error.error_message}"
            ) from error
        raise UnavailableError(f"the Schema Registry at {where} refuses: {error}") from error
    except Exception as error:
        # The client lets through what its HTTP library raises, which is one of two.
        raise UnavailableError(
            f"the Schema Registry at {where} gives no usable answer: {error}"
        ) from error
