"""Files of shows into checked catalogues."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from mlproject.core import columns as c
from mlproject.core.catalogue import GENRE_SEPARATOR, Catalogue
from mlproject.core.errors import CatalogueError
from mlproject.reading import catalogue_layouts as layouts
from mlproject.reading.catalogue_layouts import Found
from mlproject.reading.genres import one_spelling, split_genres
from mlproject.reading.ids import PREFIXES, read_ids
from mlproject.reading.names import repeated
from mlproject.reading.numbers import read_numbers
from mlproject.reading.rejections import account, refuse_if_most_fail, with_torn
from mlproject.reading.tables import Table, read_table

_YEAR: Final = r"(?P<year>(?:18|19|20)\d{2})"
_TITLE: Final = r"^(?P<title>.*?)(?:\s*\((?P<year>\d{4})\))?\s*$"
_TEXTS: Final = (c.NETWORK, c.COUNTRY, c.TYPE)
_NUMBERS: Final = (c.EPISODES, c.SEASONS, c.POPULARITY, c.MEAN_RATING)
_NO_TEXT: Final = frozenset({"nan", "null", r"\n", "<na>"})
REPEATED: Final = "{} occurs before"
NO_TITLE: Final = "there is no {}"


@dataclass(frozen=True, slots=True)
class CatalogueFile:
    """The shows of a file, the rows that are none with their ``reason``, and what was found."""

    catalogue: Catalogue
    rejected: pd.DataFrame
    said: str


def read_catalogue_file(path: Path, most_rejected: float) -> CatalogueFile:
    """Read a file of shows of any kind that is known.

    Parameters
    ----------
    path
        The file; its kind is recognised by what is in it.
    most_rejected
        The share of rows that may be no shows.

    Raises
    ------
    CatalogueError
        If the file is missing, empty, no table, of no known kind, or if too much of it is
        rejected. The text says what was found, what is wanted and what to do.
    """
    table, found = _recognised(path)
    raw = _columns(table, found)
    id_name, title_name = (table.name(found.places[ours], ours) for ours in (c.SHOW_ID, c.TITLE))
    as_they_came = table.column(found.places[c.SHOW_ID])
    ids, reasons = read_ids(as_they_came, id_name, PREFIXES["show"])
    reasons[(reasons == "") & (raw[c.TITLE] == "").to_numpy(dtype=bool)] = NO_TITLE.format(
        title_name
    )
    usable = pd.Series(ids).where(reasons == "")
    reasons[(usable.notna() & usable.duplicated()).to_numpy()] = REPEATED.format(id_name)
    refuse_if_most_fail(table, reasons, most=most_rejected, what="shows", error=CatalogueError)
    raw[c.SHOW_ID] = ids
    good = reasons == ""
    catalogue, _ = Catalogue.validated(raw[good])
    bad_ids = as_they_came.take(pa.array(np.flatnonzero(~good))).to_pylist()
    rejected = raw[~good].assign(**{c.SHOW_ID: bad_ids, c.REASON: reasons[~good]})
    said = f"{path}: {len(catalogue):,} shows ({found.layout.name}, {table.form})"
    return CatalogueFile(catalogue, with_torn(rejected, table), said + account(table, reasons))


def _recognised(path: Path) -> tuple[Table, Found]:
    chosen: list[Found] = []

    def wanted(header: Sequence[str], width: int) -> Sequence[int]:
        found = layouts.recognise(header)
        if found is None and header:
            raise CatalogueError(
                f"{path} has the columns {', '.join(header)}; wanted are {layouts.wanted()}"
            )
        if found is None:
            return range(width)
        if name := repeated(header, found.places.values()):
            raise CatalogueError(f"{path} has two columns {name}; take one away")
        chosen.append(found)
        return tuple(dict.fromkeys(found.places.values()))

    table = read_table(path, CatalogueError, known=layouts.known, wanted=wanted, letters=True)
    found = chosen[0] if chosen else layouts.headerless(table.separator, table.width)
    if found is None:
        raise CatalogueError(
            f"{path} has no header and {table.width} columns; begin it with a line that names "
            f"them: wanted are {layouts.wanted()}"
        )
    if not len(table) and not table.torn:
        raise CatalogueError(f"{path} has no shows in it")
    return table, found


def _columns(table: Table, found: Found) -> pd.DataFrame:
    """Return our columns, by their names and in their forms, without the id."""
    raw = pd.DataFrame(
        {
            ours: pd.Series(table.column(place).to_pylist(), dtype="str").fillna("")
            for ours, place in found.places.items()
            if ours != c.SHOW_ID
        }
    )
    layout = found.layout
    if layout.entities:
        raw[c.TITLE] = raw[c.TITLE].map(html.unescape)
    if c.FIRST_YEAR in raw:
        raw[c.FIRST_YEAR] = raw[c.FIRST_YEAR].str.extract(_YEAR)["year"]
    if layout.year_in_title:
        titles = raw[c.TITLE].str.extract(_TITLE)
        raw[c.TITLE] = titles["title"].fillna("")
        raw[c.FIRST_YEAR] = raw.get(c.FIRST_YEAR, titles["year"])
    if layout.flags[1]:
        raw[c.GENRES] = _flagged(table, *layout.flags)
    if layout.kind:
        raw[c.TYPE] = raw.get(c.TYPE, layout.kind)
    for ours in raw.columns.intersection([c.GENRES]):
        raw[ours] = one_spelling(raw[ours])
    for ours in raw.columns.intersection([*_TEXTS]):
        raw[ours] = _texts(raw[ours])
    for ours in raw.columns.intersection([*_NUMBERS]):
        raw[ours] = read_numbers(pa.array(raw[ours].tolist(), pa.string()))[0]
    return raw


def _texts(texts: pd.Series) -> pd.Series:
    """Empty what says that there is nothing, and join lists: of networks, of countries."""
    texts = texts.where(~texts.str.lower().isin(_NO_TEXT), "")
    is_list = texts.str.startswith(("[", "{")).to_numpy(dtype=bool)
    if not is_list.any():
        return texts
    joined = [", ".join(split_genres(text)) for text in texts[is_list]]
    return texts.mask(is_list, pd.Series(joined, index=texts.index[is_list], dtype="str"))


def _flagged(table: Table, first: int, genres: tuple[str, ...]) -> list[str]:
    flags = np.array(
        [
            [flag == "1" for flag in table.column(first + place).to_pylist()]
            for place in range(len(genres))
        ],
        dtype=np.bool_,
    ).reshape(len(genres), -1)
    return [
        GENRE_SEPARATOR.join(
            genre for genre, is_on in zip(genres, row, strict=True) if is_on and genre
        )
        for row in flags.T.tolist()
    ]
