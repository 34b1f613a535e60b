"""The Avro schema of rating events.

``schemas/show_rated.avsc`` is what this version writes and reads. Each schema that was
released stays under ``schemas/released/``, since its data stays in Kafka and in the
object store; a test holds the current one to reading them all.

Notes
-----
Schema resolution: https://avro.apache.org/docs/1.12.0/specification/#schema-resolution
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any, cast

from fastavro import parse_schema

Schema = dict[str, Any]
"""A record schema: its JSON, as it is or as fastavro has parsed it."""

_FOLDER = files("mlproject.events") / "schemas"


def schema_text() -> str:
    """Return the current schema as the text to register."""
    return (_FOLDER / "show_rated.avsc").read_text(encoding="utf-8")


@cache
def current_schema() -> Schema:
    """Return the current schema, parsed."""
    return cast("Schema", parse_schema(json.loads(schema_text())))
