"""Whether a new schema of events still reads old data, by the rules of Apache Avro."""

import json
from pathlib import Path
from typing import cast

from avro.compatibility import (
    ReaderWriterCompatibilityChecker,
    SchemaCompatibilityType,
    SchemaIncompatibilityType,
    lookup_writer_field,
    schema_name_equals,
)
from avro.schema import Field, RecordSchema, make_avsc_object
from fastavro import parse_schema

from mlproject.events import schema as events_schema
from mlproject.events.schema import Schema

FOLDER = Path(events_schema.__file__).parent / "schemas"


def released_schemas() -> dict[str, Schema]:
    """Return every released schema by its file's name, parsed."""
    return {
        path.name: cast("Schema", parse_schema(json.loads(path.read_text(encoding="utf-8"))))
        for path in sorted((FOLDER / "released").iterdir(), key=lambda path: path.name)
    }


def incompatibilities(reader: Schema, writer: Schema) -> list[str]:
    """Say why records written with one schema cannot be read with another.

    This is what a Schema Registry checks under BACKWARD, with the new schema as the
    reader and the latest as the writer. The rules are those of Apache Avro's own
    library.

    Parameters
    ----------
    reader, writer
        Record schemas.

    Returns
    -------
    list of str
        A sentence for each obstacle; empty if there is none.

    Examples
    --------
    >>> old = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]}
    >>> new = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}
    >>> incompatibilities(reader=old, writer=new)
    []
    >>> incompatibilities(reader=new, writer=old)
    ['The field a can no longer be read: reader type: int not compatible with writer type: long.']
    """
    new, old = (cast("RecordSchema", make_avsc_object(schema)) for schema in (reader, writer))
    found = []
    if not schema_name_equals(new, old):
        found.append(f"The record {old.fullname} is now {new.fullname} and has no such alias.")
    return found + [
        sentence for field in new.fields if (sentence := _obstacle(cast("Field", field), old))
    ]


def _obstacle(field: Field, writer: RecordSchema) -> str | None:
    """Say why a reader's field cannot be filled from a writer's record."""
    # The library would check whole records, but its answer then is two unordered sets,
    # of messages and of places; field by field it is plain what belongs to what.
    written = lookup_writer_field(writer, field)
    if written is None:
        if field.has_default:
            return None
        return f"The field {field.name} is new under this name and has neither default nor alias."
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    result = checker.get_compatibility(field.type, written.type)
    if result.compatibility is SchemaCompatibilityType.compatible:
        return None
    reasons = ", ".join(sorted(result.messages))
    if SchemaIncompatibilityType.missing_enum_symbols in result.incompatibilities:
        reasons = f"the symbols {reasons} are gone and the enum has no default"
    return f"The field {field.name} can no longer be read: {reasons}."
