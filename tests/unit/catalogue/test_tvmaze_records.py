"""A show as TVMaze tells of it, and what is kept of it."""

import pytest

from mlproject.catalogue.tvmaze_records import LONGEST_SUMMARY, parse_show, plain_text
from mlproject.core.errors import DataError

from .tvmaze_server import show_record


def test_a_web_channel_stands_in_for_the_network() -> None:
    # Shows of streaming services have no network; some channels are of no country.
    web = {"name": "Netflix", "country": None}
    show = parse_show(show_record(1, network=None, webChannel=web))
    assert (show.network, show.country) == ("Netflix", "")


def test_unknown_values_are_empty() -> None:
    # Null and missing are the same, and a value out of its range is not known.
    bare = parse_show({"id": 1, "name": "x"})
    nulls = dict.fromkeys(show_record(1)) | {"id": 1, "name": "x"}
    odd = {
        "id": 1, "name": "x", "premiered": "soon", "weight": 101,
        "rating": {"average": float("nan")}, "image": {"medium": "x" * 9_999}, "updated": -1,
    }  # fmt: skip
    assert parse_show(nulls) == parse_show(odd) == bare


def test_text_is_clean_enough_for_every_file_format() -> None:
    # Line ends and halves of surrogate pairs go; the separator of genres stays ours.
    show = parse_show(show_record(1, name=" A\n\ud800B ", genres=["Sci|Fi", "", "Drama"]))
    assert (show.title, show.genres) == ("A ?B", "Sci/Fi|Drama")


@pytest.mark.parametrize("show_id", [2**63, None, "1"])
def test_ids_that_no_column_holds_are_refused(show_id: object) -> None:
    # int64 is the type of every show_id here.
    with pytest.raises(DataError, match="id is not"):
        parse_show({"id": show_id, "name": "x"})


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Tom &amp; <b>Jerry</b>.</p><p>Cat&nbsp;or<br/>mouse</p>", "Tom & Jerry. Cat or mouse"),
        ("a<script>alert(1)</script><style>p {}</style>b", "ab"),
        ("</script>a < b", "a < b"),
        ("", ""),
    ],
)
def test_html_is_stripped(html: str, text: str) -> None:
    # What stays is what a reader would see.
    assert plain_text(html) == text


def test_a_declaration_that_the_parser_gives_up_on_keeps_the_text_before_it() -> None:
    # html.parser raises AssertionError there, which must not stop a fetch.
    assert plain_text("<p>Before</p> <![unknown[x").startswith("Before")


def test_the_length_of_a_summary_is_bounded() -> None:
    # Cut at a word, and inside a word without spaces.
    cut = plain_text("word " * 1_000)
    assert len(cut) <= LONGEST_SUMMARY
    assert cut.endswith("word…")
    assert plain_text("x" * 100_000) == "x" * (LONGEST_SUMMARY - 1) + "…"
