"""Tables of texts: nothing is a number before it is known what it means.

A column that is read as numbers at once becomes a column of floats by one blank cell, and
ids beyond 2**53 become their neighbours.
"""

import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv
from pyarrow import compute as pc
from pyarrow import parquet

from mlproject.core.errors import DataError
from mlproject.core.numbers import INEXACT_FROM
from mlproject.reading.content import PARQUET, read_content, to_utf8
from mlproject.reading.dialects import SEPARATORS, UNIT, Dialect, find_dialect, is_quoted, records

_BLOCK: Final = 1 << 22
_SHOWN: Final = 120
_WIDTH: Final = "it has {} fields, and the header names {}"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts.

    Parameters
    ----------
    path
        Where it comes from.
    names
        The names of all columns, in their order; empty if there is no header.
    columns
        Texts without blanks around them, ``n`` each, null where there is nothing; by
        position. Only those that were asked for.
    form
        How it is written, for people: ``commas``.
    rows
        How many there are in the columns.
    torn
        Rows with more or fewer fields than the header, which are in no column, by reason.
    """

    path: Path
    names: tuple[str, ...]
    columns: dict[int, Any]
    form: str
    rows: int
    torn: Counter[str] = field(default_factory=Counter)
    _content: bytes = b""
    _dialect: Dialect | None = None
    _quoted: bool = True

    def __len__(self) -> int:
        return self.rows

    @property
    def separator(self) -> str:
        """What parts the fields; empty if it is no CSV."""
        return self._dialect.separator if self._dialect else ""

    @property
    def width(self) -> int:
        """Fields in a row."""
        return self._dialect.width if self._dialect else len(self.names)

    def name(self, position: int, otherwise: str) -> str:
        """Return what the header calls a column; ``otherwise`` where there is no header."""
        return self.names[position] if self.names else otherwise

    def column(self, position: int) -> Any:
        """Return a column as one Arrow array of texts in chunks."""
        return self.columns[position]

    def lines(self, rows: Sequence[int]) -> dict[int, str]:
        """Quote rows with their line in the file; slow, for messages.

        Examples
        --------
        ``{3: "line 5: 7.65612E+16,1,9"}``
        """
        if self._dialect is None:
            return {row: f"row {row + 1}" for row in rows}
        width = self._dialect.width
        whole = (
            (line, cells)
            for line, cells in records(self._content, self._dialect, quoted=self._quoted)
            if len(cells) == width
        )
        wanted = set(rows)
        return {
            place: self._quote(line, cells)
            for place, (line, cells) in enumerate(islice(whole, max(wanted, default=-1) + 1))
            if place in wanted
        }

    def torn_line(self) -> str:
        """Quote the first row with more or fewer fields than the header."""
        if self._dialect is not None:
            for line, cells in records(self._content, self._dialect, quoted=self._quoted):
                if len(cells) != self._dialect.width:
                    return self._quote(line, cells)
        return ""

    def _quote(self, line: int, cells: Sequence[str]) -> str:
        text = self.separator.join(cells)
        return f"line {line}: {text if len(text) <= _SHOWN else text[:_SHOWN] + '...'}"


def read_table(
    path: Path,
    error: type[DataError],
    *,
    known: Callable[[Sequence[str]], int],
    wanted: Callable[[Sequence[str], int], Sequence[int]],
    letters: bool,
) -> Table:
    """Read a file of rows: CSV of any dialect, JSON lines, a JSON array, or Parquet.

    Parameters
    ----------
    path
        The file; may be compressed.
    error
        What to raise.
    known
        Tells how many names in a header are known; they decide what separates the fields.
    wanted
        Given the header (empty if there is none) and the number of columns: which are to
        be read. It may raise.
    letters
        Whether letters beyond ASCII matter.

    Raises
    ------
    DataError
        Of the given kind, naming the file, with what to do.
    """
    content = read_content(path, error)
    if content.startswith(PARQUET):
        return _parquet(path, content, error, wanted)
    content = to_utf8(content, path, error, letters=letters)
    if not content.strip():
        raise error(f"{path} is empty")
    if content.lstrip()[:1] in b"{[":
        return _json(path, content, error, wanted)
    return _csv(path, content, error, known=known, wanted=wanted)


def _csv(
    path: Path,
    content: bytes,
    error: type[DataError],
    *,
    known: Callable[[Sequence[str]], int],
    wanted: Callable[[Sequence[str], int], Sequence[int]],
) -> Table:
    dialect = find_dialect(content, known)
    chosen = tuple(wanted(dialect.header or (), dialect.width))
    body = _without_lines(content, dialect.skip)
    if not body.strip():
        raise error(f"{path} has a header and no rows")
    quoted = is_quoted(content, dialect.separator)
    try:
        columns, torn = _parsed(body, dialect, chosen, quoted=quoted, escaped=False)
        if torn and b'\\"' in body:
            again = _parsed(body, dialect, chosen, quoted=quoted, escaped=True)
            columns, torn = min((columns, torn), again, key=lambda found: found[1].total())
    except pa.ArrowException as cause:
        raise error(f"{path} cannot be read as a table: {cause}") from cause
    rows = len(next(iter(columns.values()))) if columns else 0
    # A mark that opens a field and is never closed takes all rows after it into that field.
    if quoted and content.count(b'"') % 2 and rows + torn.total() < _lines(body):
        raise error(
            f"{path} cannot be read as a table: a quotation mark opens a field that never ends; "
            "close it, or double it if it is part of the text"
        )
    form = SEPARATORS.get(dialect.separator, f"{dialect.separator!r}")
    return Table(
        path, dialect.header or (), columns, form, rows, torn, content, dialect, _quoted=quoted
    )


def _parsed(
    body: bytes, dialect: Dialect, chosen: Sequence[int], *, quoted: bool, escaped: bool
) -> tuple[dict[int, Any], Counter[str]]:
    torn: Counter[str] = Counter()

    def handle(row: Any) -> str:
        if row.text.strip():
            torn[_WIDTH.format(row.actual_columns, row.expected_columns)] += 1
        return "skip"

    separator = dialect.separator
    if len(separator) > 1:
        body, separator = body.replace(separator.encode(), UNIT.encode()), UNIT
    names = [str(place) for place in range(dialect.width)]
    table = pyarrow.csv.read_csv(
        pa.BufferReader(body),
        pyarrow.csv.ReadOptions(
            column_names=names, use_threads=False, block_size=max(_BLOCK, _longest(body))
        ),
        pyarrow.csv.ParseOptions(
            delimiter=separator,
            quote_char='"' if quoted else False,
            escape_char="\\" if escaped else False,
            double_quote=not escaped,
            newlines_in_values=quoted and b'"' in body,
            invalid_row_handler=handle,
        ),
        pyarrow.csv.ConvertOptions(
            include_columns=[names[place] for place in chosen],
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=False,
        ),
    )
    return {place: _trimmed(table[names[place]]) for place in chosen}, torn


def _lines(body: bytes) -> int:
    return sum(1 for line in body.splitlines() if line.strip())


def _longest(body: bytes) -> int:
    """Return a bound for the length of a row: Arrow wants each within one block."""
    return min(len(body) + 1, 1 << 26) if b'"' in body else _BLOCK


def _without_lines(content: bytes, count: int) -> bytes:
    """Drop the first lines."""
    text = io.BytesIO(content)
    if b"\n" not in content:
        # Lines as the first Macs ended them.
        return b"\n".join(content.split(b"\r")[count:])
    for _ in range(count):
        text.readline()
    return text.read()


def _trimmed(column: Any) -> Any:
    texts = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(texts, ""), None, texts)


def _json(
    path: Path,
    content: bytes,
    error: type[DataError],
    wanted: Callable[[Sequence[str], int], Sequence[int]],
) -> Table:
    """Read objects; numbers stay the texts that they are in the file."""
    try:
        rows = _objects(content)
    except (ValueError, RecursionError) as cause:
        raise error(f"{path} cannot be read as JSON or JSON lines: {cause}") from cause
    names = tuple(dict.fromkeys(name for row in islice(rows, 1000) for name in row))
    if not names:
        raise error(f"{path} is JSON, and its objects have no columns")
    chosen = wanted(names, len(names))
    columns = {
        place: _trimmed(
            pa.chunked_array(
                [pa.array([_text(row.get(names[place])) for row in rows], pa.string())]
            )
        )
        for place in chosen
    }
    return Table(path, names, columns, "JSON", len(rows))


def _objects(content: bytes) -> list[dict[str, Any]]:
    read = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str).decode
    if content.lstrip().startswith(b"["):
        rows = read(content.decode())
    else:
        # By newlines alone: JSON may hold the other characters that end a line elsewhere.
        rows = [read(line) for line in content.decode().split("\n") if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a row is not an object")
    return list(rows)


def _text(value: Any) -> str | None:
    """Return a scalar as text, and a list or an object as JSON."""
    if value is None or isinstance(value, str):
        # Half of a surrogate pair is no text.
        return None if value is None else value.encode(errors="replace").decode()
    return json.dumps(value, ensure_ascii=True)


def _parquet(
    path: Path,
    content: bytes,
    error: type[DataError],
    wanted: Callable[[Sequence[str], int], Sequence[int]],
) -> Table:
    try:
        file = parquet.ParquetFile(pa.BufferReader(content))
        names = tuple(file.schema_arrow.names)
        chosen = wanted(names, len(names))
        table = file.read(columns=[names[place] for place in chosen])
        columns = {place: _trimmed(_as_texts(table[names[place]])) for place in chosen}
    except (pa.ArrowException, OSError, ValueError) as cause:
        raise error(f"{path} cannot be read as Parquet: {cause}") from cause
    return Table(path, names, columns, "Parquet", len(table))


def _as_texts(column: Any) -> Any:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _as_texts(column.cast(kind.value_type))
    if pa.types.is_nested(kind):
        texts = [_text(value) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    if pa.types.is_floating(kind):
        # Whole floats are written as such as far as they are exact.
        whole = pc.and_(
            pc.equal(pc.floor(column), column), pc.less(pc.abs(column), float(INEXACT_FROM))
        )
        numbers = pc.if_else(pc.fill_null(whole, fill_value=False), column, 0.0).cast(pa.int64())
        return pc.if_else(whole, numbers.cast(pa.string()), column.cast(pa.string()))
    return column.cast(pa.string())
