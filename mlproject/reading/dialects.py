"""How a table separates its fields, and whether it has a header.

The header decides: a separator is right if it parts the first line into names that are
known. Sniffing alone takes a comma in a title, or the colon of a time, for a separator.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

SEPARATORS: Final = {
    ",": "commas",
    ";": "semicolons",
    "\t": "tabs",
    "|": "bars",
    "::": "double colons",
    " ": "blanks",
}
"""What may part fields, and its name."""

UNIT: Final = "\x1f"
"""Stands for a separator of two letters, which no reader takes."""

# Blanks last, as they are within fields too.
_HEADERLESS_FIRST: Final = "::\t|;, "
_FIRST_LINES: Final = 50
_HEAD: Final = 1 << 18
_NEWLINE: Final = re.compile(r"\r\n|\n|\r")
_SEP: Final = re.compile(r'"?sep=(?P<separator>.)"?')
_NUMBER: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?")
_FEWEST_NAMES: Final = 2


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to cut a table.

    Parameters
    ----------
    separator
        One of :data:`SEPARATORS`, or the one that a ``sep=`` line names.
    header
        The names of the columns, without blanks around them; None if there are none.
    width
        Fields in a row.
    skip
        Lines before the first row.
    """

    separator: str
    header: tuple[str, ...] | None
    width: int
    skip: int


def find_dialect(content: bytes, known: Callable[[Sequence[str]], int]) -> Dialect:
    r"""Find out how a table is written.

    Parameters
    ----------
    content
        Text in UTF-8, not empty.
    known
        Tells how many of the names in a header are known.

    Returns
    -------
    Dialect
        With a header of unknown names if nothing better is found, for the message.

    Examples
    --------
    >>> find_dialect(b"user_id; rating\n1;2,5\n", len).separator
    ';'
    """
    head = content[:_HEAD].decode(errors="ignore")
    # By these alone: other characters that end a line elsewhere may be in a field.
    lines = _NEWLINE.split(head)
    if len(content) > _HEAD and len(lines) > 1:
        lines.pop()  # which is cut off
    skip = next((place for place, line in enumerate(lines) if line.strip()), 0)
    candidates: Sequence[str] = tuple(SEPARATORS)
    if found := _SEP.fullmatch(lines[skip].strip("\r\n")):
        candidates = (found["separator"],)
        skip += 1
        while skip < len(lines) and not lines[skip].strip():
            skip += 1
    rows = [line for line in lines[skip : skip + _FIRST_LINES] if line.strip()]
    first = rows[0] if rows else ""

    best = max(candidates, key=lambda separator: known(fields(first, separator)))
    names = fields(first, best)
    if known(names) < _FEWEST_NAMES:
        if any(_NUMBER.fullmatch(cell) for by in candidates for cell in fields(first, by)):
            return _headerless(rows, candidates, skip)
        best = candidates[0] if len(candidates) == 1 else _sniffed(head)
        names = fields(first, best)
    width = len(names)
    # A separator at the end of every row, and none at that of the header.
    ends = [fields(row, best) for row in rows[1:]]
    if ends and all(len(row) == width + 1 and not row[-1] for row in ends):
        width += 1
    return Dialect(best, tuple(names), width, skip + 1)


def fields(line: str, separator: str) -> list[str]:
    """Cut one line, and take the blanks around the fields away."""
    if len(separator) > 1:
        return [field.strip() for field in line.split(separator)]
    try:
        row = next(csv.reader([line], delimiter=separator, skipinitialspace=separator != " "), [])
    except csv.Error:
        row = line.split(separator)
    return [field.strip() for field in row]


def is_quoted(content: bytes, separator: str) -> bool:
    """Tell whether quotation marks hold fields together, or are letters like others.

    They do, except between double colons, and in tables by tabs or bars whose marks do
    not open and close fields: IMDb's files have a mark where a title begins with one.
    """
    if separator == "::":
        return False
    if separator not in "\t|":
        return True
    mark = separator.encode()
    opening = sum(content.count(before + b'"') for before in (mark, b"\n", b"\r"))
    closing = sum(content.count(b'"' + after) for after in (mark, b"\n", b"\r"))
    opening, closing = opening + content.startswith(b'"'), closing + content.endswith(b'"')
    return opening == closing > 0


def _headerless(rows: list[str], candidates: Sequence[str], skip: int) -> Dialect:
    """Take the separator that cuts all rows into as many fields, two at least."""
    for separator in sorted(candidates, key=_HEADERLESS_FIRST.find):
        widths = [len(fields(row, separator)) for row in rows]
        if widths[0] > 1 and all(one == other for one, other in pairwise(widths)):
            return Dialect(separator, None, widths[0], skip)
    return Dialect(candidates[0], None, len(fields(rows[0], candidates[0])), skip)


def _sniffed(head: str) -> str:
    try:
        return csv.Sniffer().sniff(head, ",;\t|").delimiter
    except csv.Error:
        return ","


def records(content: bytes, dialect: Dialect, *, quoted: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows, and the line at which each ends; for messages, as it is slow.

    It ends early where Python's reader cannot go on.
    """
    separator = dialect.separator
    if len(separator) > 1:
        content, separator = content.replace(separator.encode(), UNIT.encode()), UNIT
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    reader = (
        csv.reader(text, delimiter=separator, quoting=csv.QUOTE_MINIMAL)
        if quoted
        else csv.reader(text, delimiter=separator, quoting=csv.QUOTE_NONE)
    )
    with suppress(csv.Error):
        for place, cells in enumerate(reader):
            # Lines of nothing are no rows.
            if place >= dialect.skip and (len(cells) > 1 or any(cell.strip() for cell in cells)):
                yield reader.line_num, cells
