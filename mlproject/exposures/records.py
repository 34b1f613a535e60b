"""Exposures as objects of JSON lines, gzip.

::

    exposures/day=2026-05-01/0196....jsonl.gz      a line for each answer

    {"user_id":7,"shown_at":1767225600000,"version":3,"shows":[12,5],"challenger":4,"teams":"pc",
     "position":{"snapshot":9,"offsets":{"0":1200},"beyond":[]}}
"""

import gzip
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from mlproject.core.errors import DataError
from mlproject.core.events import new_event_id
from mlproject.core.exposures import BOTH, CHALLENGER, PRODUCTION, Exposure

EXPOSURES: Final = "exposures/"

_DAY: Final = re.compile(rf"{EXPOSURES}day=(\d{{4}}-\d{{2}}-\d{{2}})/[^/]+\.jsonl\.gz")
_LEVEL: Final = 1
_TEAMS: Final = {PRODUCTION, CHALLENGER, BOTH}


def new_key(at_ms: int) -> str:
    """Return the key of a new object: keys of a day ascend with time.

    Examples
    --------
    >>> new_key(0)[:33]
    'exposures/day=1970-01-01/00000000'
    """
    day = datetime.fromtimestamp(at_ms / 1000, UTC).date()
    return f"{EXPOSURES}day={day}/{new_event_id(at_ms)}.jsonl.gz"


def day_of(key: str) -> date | None:
    """Return the day of an object, None if it is none of ours.

    Examples
    --------
    >>> day_of("exposures/day=2026-05-01/x.jsonl.gz")
    datetime.date(2026, 5, 1)
    """
    found = _DAY.fullmatch(key)
    return date.fromisoformat(found[1]) if found else None


class Lines:
    """Writes exposures as lines, where each microsecond is one of a request's.

    Formats cost half of what json does, and many answers in a row are of one position.
    """

    def __init__(self) -> None:
        self._position: Mapping[str, Any] = {}
        self._written = "{}"

    def line(self, exposure: Exposure) -> bytes:
        """Return an exposure's line."""
        if exposure.position != self._position:
            self._position = exposure.position
            self._written = json.dumps(exposure.position, separators=(",", ":"))
        return (
            f'{{"user_id":{exposure.user_id},"shown_at":{exposure.shown_at},'
            f'"version":{exposure.version},"shows":[{",".join(map(str, exposure.shows))}],'
            f'"challenger":{exposure.challenger},"teams":"{exposure.teams}",'
            f'"position":{self._written}}}\n'
        ).encode()


def packed(lines: Iterable[bytes]) -> bytes:
    """Return the object of some lines."""
    return gzip.compress(b"".join(lines), _LEVEL, mtime=0)


def encode(exposures: Iterable[Exposure]) -> bytes:
    """Write exposures as an object."""
    return packed(map(Lines().line, exposures))


def decode(content: bytes) -> list[Exposure]:
    """Read an object.

    Raises
    ------
    DataError
        If it is damaged.
    """
    try:
        lines = gzip.decompress(content).decode().splitlines()
        found = [Exposure(**json.loads(line)) for line in lines]
        if all(_is_sound(each) for each in found):
            return found
        raise DataError("an exposure has unexpected values")
    except (OSError, EOFError, ValueError, TypeError) as error:
        raise DataError(f"no readable exposures: {error}") from error


def _is_sound(exposure: Exposure) -> bool:
    numbers = (exposure.user_id, exposure.shown_at, exposure.version, exposure.challenger)
    return (
        all(type(number) is int for number in (*numbers, *exposure.shows))
        and set(exposure.teams) <= _TEAMS
        and len(exposure.teams) in {0, len(exposure.shows)}
    )
