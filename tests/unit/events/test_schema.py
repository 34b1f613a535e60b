"""The schema of today reads what was ever written, and the check of that can be believed."""

import io
import json
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from fastavro.read import SchemaResolutionError
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core import columns as c
from mlproject.core.event_fields import EVENT_FIELDS, Kind
from mlproject.core.events import EventSource, RatingEvent
from mlproject.events.schema import current_schema, schema_text
from tests.schemas import incompatibilities, released_schemas

PAPERS = {"type": "enum", "name": "Paper", "symbols": ["A3", "A4"]}
ONE_PAPER = {**PAPERS, "symbols": ["A4"]}
# For each type, one value of every branch and symbol it has.
WITNESSES: list[tuple[Any, list[Any]]] = [
    ("int", [3]),
    ("long", [2**40]),
    ("float", [0.5]),
    ("double", [0.25]),
    ("string", ["x"]),
    ("bytes", [b"x"]),
    ("boolean", [True]),
    (["null", "int"], [None, 3]),
    (["null", "long"], [None, 2**40]),
    (["null", "int", "string"], [None, 3, "x"]),
    (PAPERS, ["A3", "A4"]),
    (ONE_PAPER, ["A4"]),
    ({**ONE_PAPER, "default": "A4"}, ["A4"]),
    ({**PAPERS, "name": "Sheet"}, ["A3", "A4"]),
    ({"type": "long", "logicalType": "timestamp-millis"}, [1_700_000_000_000]),
]


def record(*fields: dict[str, Any], name: str = "R", **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(name: str, type_: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, **more}


def reads(reader: dict[str, Any], writer: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether fastavro reads with one schema what it wrote with another."""
    buffer = io.BytesIO()
    schemaless_writer(buffer, parse_schema(writer), event)
    buffer.seek(0)
    try:
        schemaless_reader(buffer, parse_schema(writer), parse_schema(reader))
    except SchemaResolutionError:
        return False
    return True


def source_in(schema: dict[str, Any]) -> Any:
    (found,) = (each for each in schema["fields"] if each["name"] == c.SOURCE)
    return found


def test_yesterdays_reader_takes_a_retraction_for_no_rating() -> None:
    """Not for one that was given: it is as if the show was watched, and the older rating goes."""
    yesterday = released_schemas()["show_rated.v1.avsc"]
    assert incompatibilities(reader=yesterday, writer=current_schema()) == []
    taken_back = RatingEvent("one", 1, 2, None, 3000, EventSource.SERVICE, retracted=True)
    buffer = io.BytesIO()
    schemaless_writer(buffer, current_schema(), taken_back.record())
    buffer.seek(0)
    read = schemaless_reader(buffer, current_schema(), yesterday)
    assert isinstance(read, dict)
    assert (read[c.RATING], c.RETRACTED in read) == (None, False)


def test_the_current_schema_reads_everything_that_was_released() -> None:
    released = released_schemas()
    assert {"show_rated.v1.avsc", "show_rated.v2.avsc"} <= set(released)
    for name, writer in released.items():
        assert incompatibilities(current_schema(), writer) == [], name


AVRO_TYPES: dict[Kind, Any] = {
    Kind.TEXT: "string",
    Kind.WHOLE: "long",
    Kind.SCORE: "int",
    Kind.INSTANT: {"type": "long", "logicalType": "timestamp-millis"},
    Kind.FLAG: "boolean",
}


def test_the_table_of_fields_says_what_the_schema_says() -> None:
    """``core/event_fields.py`` and ``show_rated.avsc``: add a field to both, and no more."""
    told = []
    for each in json.loads(schema_text())["fields"]:
        optional = isinstance(each["type"], list)
        kind = each["type"][1] if optional else each["type"]
        is_enum = isinstance(kind, dict) and kind["type"] == "enum"
        told.append((each["name"], "enum" if is_enum else kind, optional))
        assert not optional or (each["type"][0], each["default"]) == ("null", None)
    assert told == [
        (field.name, AVRO_TYPES.get(field.kind, "enum"), field.is_optional)
        for field in EVENT_FIELDS
    ]


def test_a_field_is_as_old_as_the_first_schema_that_has_it() -> None:
    first: dict[str, int] = {}
    for version, schema in enumerate(released_schemas().values(), start=1):
        for each in schema["fields"]:
            first.setdefault(each["name"], version)
    unreleased = len(released_schemas()) + 1
    assert {field.name: field.since for field in EVENT_FIELDS} == {
        field.name: first.get(field.name, unreleased) for field in EVENT_FIELDS
    }


def test_a_field_of_a_later_schema_is_optional() -> None:
    assert all(field.is_optional for field in EVENT_FIELDS if field.since > 1)


def test_the_schema_has_its_name_and_a_doc_for_each_field() -> None:
    schema = json.loads(schema_text())
    assert (schema["namespace"], schema["name"]) == ("tvrec.events", "ShowRated")
    assert all(each["doc"] for each in schema["fields"])


def test_the_enum_has_every_source_and_a_default_that_is_none_of_them() -> None:
    enum = source_in(json.loads(schema_text()))["type"]
    assert set(enum["symbols"]) == {*EventSource, "UNKNOWN"}
    assert enum["default"] == "UNKNOWN"


def test_yesterdays_reader_takes_a_new_source_for_unknown() -> None:
    tomorrow = json.loads(schema_text())
    source_in(tomorrow)["type"]["symbols"].append("IMPORTED")
    assert incompatibilities(reader=current_schema(), writer=tomorrow) == []


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        pytest.param(
            record(field("a", "int")),
            record(field("a", "int"), field("b", "int")),
            "The field b is new under this name and has neither default nor alias.",
            id="added without default",
        ),
        pytest.param(
            record(field("a", "int")),
            record(field("b", "int")),
            "The field b is new under this name and has neither default nor alias.",
            id="renamed without alias",
        ),
        pytest.param(
            record(field("a", "string")),
            record(field("a", "int")),
            "The field a can no longer be read: "
            "reader type: int not compatible with writer type: string.",
            id="type changed",
        ),
        pytest.param(
            record(field("a", "double")),
            record(field("a", "long")),
            "The field a can no longer be read: "
            "reader type: long not compatible with writer type: double.",
            id="type narrowed",
        ),
        pytest.param(
            record(field("a", PAPERS)),
            record(field("a", ONE_PAPER)),
            "The field a can no longer be read: "
            "the symbols {'A3'} are gone and the enum has no default.",
            id="symbol removed",
        ),
        pytest.param(
            record(field("a", ["null", "int"])),
            record(field("a", ["null", "string"])),
            "The field a can no longer be read: reader union lacking writer type: INT.",
            id="branch removed",
        ),
        pytest.param(
            record(field("a", ["null", "int"])),
            record(field("a", "int")),
            "The field a can no longer be read: "
            "reader type: int not compatible with writer type: null.",
            id="null removed",
        ),
        pytest.param(
            record(field("a", "int")),
            record(field("a", "int"), name="S"),
            "The record R is now S and has no such alias.",
            id="record renamed",
        ),
    ],
)
def test_a_breaking_change_is_one_sentence(
    old: dict[str, Any], new: dict[str, Any], sentence: str
) -> None:
    assert incompatibilities(reader=new, writer=old) == [sentence]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(
            record(field("a", "int")),
            record(field("a", "int"), field("b", "int", default=0)),
            id="added with default",
        ),
        pytest.param(
            record(field("a", "int"), field("b", "int")), record(field("a", "int")), id="removed"
        ),
        pytest.param(
            record(field("a", "int")), record(field("b", "int", aliases=["a"])), id="alias"
        ),
        pytest.param(
            record(field("a", "int")),
            record(field("a", "int"), name="S", aliases=["R"]),
            id="record alias",
        ),
        pytest.param(
            record(field("a", PAPERS)),
            record(field("a", {**ONE_PAPER, "default": "A4"})),
            id="symbol removed with default",
        ),
        pytest.param(record(field("a", ONE_PAPER)), record(field("a", PAPERS)), id="symbol added"),
        pytest.param(
            record(field("a", "int")), record(field("a", ["null", "int"])), id="null added"
        ),
        *(
            pytest.param(record(field("a", old)), record(field("a", new)), id=f"{old} to {new}")
            for old, new in [
                ("int", "long"),
                ("int", "float"),
                ("int", "double"),
                ("long", "float"),
                ("long", "double"),
                ("float", "double"),
                ("string", "bytes"),
                ("bytes", "string"),
            ]
        ),
    ],
)
def test_a_harmless_change_passes(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert incompatibilities(reader=new, writer=old) == []


def test_every_obstacle_is_told() -> None:
    old = record(field("a", "string"), field("b", ["null", "int"]))
    new = record(field("a", "int"), field("b", "int"), field("d", "int"))
    assert len(incompatibilities(reader=new, writer=old)) == 3


@given(
    written=st.lists(st.sampled_from(WITNESSES), min_size=1, max_size=3),
    wanted=st.lists(st.sampled_from(WITNESSES), min_size=1, max_size=3),
    shift=st.integers(0, 2),
)
def test_the_check_and_fastavro_agree(
    written: list[tuple[Any, list[Any]]], wanted: list[tuple[Any, list[Any]]], shift: int
) -> None:
    """No obstacle means that each value is read; an obstacle, that some value is not."""
    writer = record(*(numbered(i, type_) for i, (type_, _) in enumerate(written)))
    reader = record(*(numbered(i, type_) for i, (type_, _) in enumerate(wanted, start=shift)))
    events = [
        {f"f{i}": values[turn % len(values)] for i, (_, values) in enumerate(written)}
        for turn in range(6)  # 6 turns show every value of the types with one, two and three
    ]
    all_read = all(reads(reader, writer, event) for event in events)
    assert all_read == (incompatibilities(reader, writer) == [])


def numbered(number: int, type_: Any) -> dict[str, Any]:
    """A field; one that may be null has a default, and a name is used once in a record."""
    if isinstance(type_, list):
        return field(f"f{number}", type_, default=None)
    if isinstance(type_, dict) and "name" in type_:
        type_ = {**type_, "name": f"{type_['name']}{number}"}
    return field(f"f{number}", type_)
