"""A show as TVMaze describes it, and the few fields of it that are kept.

Documentation of the fields: https://www.tvmaze.com/api#show-main-information
"""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, Final

from mlproject.core.catalogue import GENRE_SEPARATOR
from mlproject.core.errors import DataError
from mlproject.core.numbers import INT64_MAX

LONGEST_SUMMARY: Final = 500
"""Characters."""

# The parser takes time of the square of the length on some malformed tags.
_LONGEST_HTML: Final = 5_000
_LONGEST_ADDRESS: Final = 1_000
_HIDDEN: Final = ("script", "style")


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """What is kept of a show.

    Parameters
    ----------
    show_id
        At least 0.
    title
        Not empty.
    updated
        When TVMaze last changed the record, in seconds since 1970; 0 = not told.
    genres
        Joined by ``|``; may be empty, as may all other text.
    first_year
        Of the first broadcast; None = not known.
    network, country
        Of the network, else of the web channel; the country as ISO 3166-1 alpha-2.
    type
        ``Scripted``, ``Reality``, ...
    rating
        Mean of the votes, 0 to 10; None = none.
    weight
        TVMaze's own measure of popularity, 0 to 100; None = not told.
    summary
        Plain text of at most :data:`LONGEST_SUMMARY` characters.
    image
        Address of a poster.
    """

    show_id: int
    title: str
    updated: int = 0
    genres: str = ""
    first_year: int | None = None
    network: str = ""
    country: str = ""
    type: str = ""
    rating: float | None = None
    weight: float | None = None
    summary: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class SkippedShow:
    """A record that cannot be used, with its id if it has one, and why."""

    show_id: int | None
    reason: str


def parse_shows(records: Iterable[object]) -> tuple[list[Show], list[SkippedShow]]:
    """Split the records of a page into shows and such as cannot be used."""
    shows: list[Show] = []
    skipped: list[SkippedShow] = []
    for record in records:
        try:
            shows.append(parse_show(record))
        except DataError as error:
            skipped.append(SkippedShow(_id_of(record), str(error)))
    return shows, skipped


def decode_show(content: bytes, show_id: int) -> Show:
    """Read the JSON of one show.

    Raises
    ------
    DataError
        If this is no JSON, or :func:`parse_show` cannot use it, or it is another show.
    """
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"not JSON ({error})") from None
    show = parse_show(record)
    if show.show_id != show_id:
        raise DataError(f"it is show {show.show_id}")
    return show


def parse_show(record: object) -> Show:
    """Take from a decoded record what is kept of it.

    A value that is missing, null or out of its range is not known; a value of another
    kind than the API's documentation says makes the record malformed.

    Raises
    ------
    DataError
        If there is no id or name, or a field is of another kind; the text says which.
    """
    fields = _object(record, "the record")
    show_id = _id_of(record)
    if show_id is None:
        raise DataError("id is not a whole number of at least 0")
    title = _text(fields.get("name"), "name")
    if not title:
        raise DataError("no name")
    network = _object(fields.get("network"), "network")
    web_channel = _object(fields.get("webChannel"), "webChannel")
    image = _text(_object(fields.get("image"), "image").get("medium"), "image.medium")
    return Show(
        show_id=show_id,
        title=title,
        updated=int(_number(fields.get("updated"), "updated", 2**62) or 0),
        genres=_genres(fields.get("genres")),
        first_year=_year(_text(fields.get("premiered"), "premiered")),
        network=_text(network.get("name"), "network.name")
        or _text(web_channel.get("name"), "webChannel.name"),
        country=_country(network, "network") or _country(web_channel, "webChannel"),
        type=_text(fields.get("type"), "type"),
        rating=_number(_object(fields.get("rating"), "rating").get("average"), "rating", 10),
        weight=_number(fields.get("weight"), "weight", 100),
        summary=plain_text(_text(fields.get("summary"), "summary")),
        image=image if len(image) <= _LONGEST_ADDRESS else "",
    )


def plain_text(html: str, longest: int = LONGEST_SUMMARY) -> str:
    """Return the text of a piece of HTML, at most ``longest`` characters of it.

    Examples
    --------
    >>> plain_text("<p>Tom &amp; <b>Jerry</b>.</p><p>Cat, mouse.</p>")
    'Tom & Jerry. Cat, mouse.'
    >>> plain_text("a long story", longest=9)
    'a long…'
    """
    parser = _TextOf()
    try:
        parser.feed(html[:_LONGEST_HTML])
        parser.close()
    except AssertionError:
        # html.parser's way to give up on some malformed declarations; keep what it read.
        pass
    text = " ".join("".join(parser.parts).split())
    if len(text) <= longest:
        return text
    whole_words = text[:longest].rpartition(" ")[0]
    return (whole_words or text[: longest - 1]) + "…"


class _TextOf(HTMLParser):
    """Gathers what a reader would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 -- the base's names
        self._hidden += tag in _HIDDEN
        self._space_around(tag)

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _HIDDEN and self._hidden > 0
        self._space_around(tag)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)

    def _space_around(self, tag: str) -> None:
        if tag in {"p", "br", "div", "li", "ul", "ol"}:
            self.parts.append(" ")


def _id_of(record: object) -> int | None:
    show_id = record.get("id") if isinstance(record, dict) else None
    # True is an int to Python, not to JSON.
    return show_id if type(show_id) is int and 0 <= show_id <= INT64_MAX else None


def _object(value: object, name: str) -> dict[str, Any]:
    if value is None and name != "the record":
        return {}
    if not isinstance(value, dict):
        raise DataError(f"{name} is not an object")
    return value


def _text(value: object, name: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{name} is not a text")
    # JSON can spell half a surrogate pair, which no file format stores.
    return " ".join(value.encode("utf-8", "replace").decode("utf-8").split())


def _number(value: object, name: str, highest: float) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise DataError(f"{name} is not a number")
    return float(value) if math.isfinite(value) and 0 <= value <= highest else None


def _genres(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, list):
        raise DataError("genres is not a list")
    names = (_text(name, "a genre").replace(GENRE_SEPARATOR, "/") for name in value)
    return GENRE_SEPARATOR.join(name for name in names if name)


def _country(channel: dict[str, Any], name: str) -> str:
    country = _object(channel.get("country"), f"{name}.country")
    return _text(country.get("code"), f"{name}.country.code")


def _year(premiered: str) -> int | None:
    found = re.match(r"([0-9]{4})-", premiered)
    return int(found[1]) or None if found else None
