"""The catalogue of shows as a checked frame."""

from dataclasses import dataclass
from typing import Final, Self

import pandas as pd

from mlproject.core import columns as c
from mlproject.core.errors import CatalogueError
from mlproject.core.parsing import decimals, whole_numbers

GENRE_SEPARATOR: Final = c.GENRE_SEPARATOR

DTYPES: Final = {
    c.SHOW_ID: "int64",
    c.TITLE: "str",
    c.GENRES: "str",
    c.FIRST_YEAR: "Int16",
    c.SEASONS: "Int16",
    c.EPISODES: "Int32",
    c.NETWORK: "str",
    c.COUNTRY: "str",
    c.TYPE: "str",
    c.POPULARITY: "float32",
    c.MEAN_RATING: "float64",
    c.SUMMARY: "str",
    c.IMAGE: "str",
}
_TEXT: Final = (c.GENRES, c.NETWORK, c.COUNTRY, c.TYPE, c.SUMMARY, c.IMAGE)
_MEASURES: Final = {c.POPULARITY: 3.4e38, c.MEAN_RATING: 10.0}
_COUNTS: Final = {c.FIRST_YEAR: 32_767, c.SEASONS: 32_767, c.EPISODES: 2_147_483_647}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Shows, one a row, ascending by ``show_id``, each id once.

    Columns: ``show_id`` (int64), ``title`` (str, not empty), ``genres`` (str, joined
    by ``|``, may be empty), ``first_year``, ``seasons``, ``episodes`` (whole numbers
    or NA), ``network``, ``country``, ``type`` (str, may be empty), ``popularity``
    (float32, at least 0 in the source's own unit, NaN = not known), ``mean_rating`` (float64,
    0 to 10, NaN = not known), ``summary`` (str, plain text), ``image`` (str, an address).
    """

    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    @classmethod
    def validated(cls, raw: pd.DataFrame) -> tuple[Self, pd.DataFrame]:
        """Split raw rows into a catalogue and rejected rows.

        A row is rejected without a whole-number ``show_id`` or a ``title``, and when
        its ``show_id`` came before; missing optional columns become empty.

        Parameters
        ----------
        raw
            At least ``show_id`` and ``title``.

        Returns
        -------
        tuple
            The catalogue, and the rejected rows with a column ``reason``.

        Raises
        ------
        CatalogueError
            If a required column is missing or no row is good.
        """
        missing = [name for name in (c.SHOW_ID, c.TITLE) if name not in raw.columns]
        if missing:
            raise CatalogueError(f"the catalogue has no column {' and no column '.join(missing)}")
        ids = whole_numbers(raw[c.SHOW_ID])
        titles = raw[c.TITLE].astype("str").str.strip().where(raw[c.TITLE].notna(), "")

        reasons = pd.Series("", index=raw.index, dtype="object")
        reasons.loc[ids.isna()] = "show_id is not a whole number of at least 0"
        reasons.loc[(reasons == "") & (titles == "")] = "no title"
        repeated = ids.where(reasons == "").duplicated()
        reasons.loc[(reasons == "") & repeated] = "show_id occurs before"
        good = reasons == ""
        if not good.any():
            raise CatalogueError("the catalogue has no usable show")
        columns: dict[str, pd.Series] = {c.SHOW_ID: ids, c.TITLE: titles}
        for name in _TEXT:
            columns[name] = (
                raw[name].astype("object").where(raw[name].notna(), "").astype("str").str.strip()
                if name in raw
                else pd.Series("", index=raw.index)
            )
        nothing = pd.Series(float("nan"), index=raw.index)
        for name, highest in _COUNTS.items():
            numbers = whole_numbers(raw.get(name, nothing))
            columns[name] = numbers.where((numbers <= highest).fillna(value=False))
        for name, most in _MEASURES.items():
            measured = decimals(raw.get(name, nothing))
            columns[name] = measured.where(measured.between(0, most))

        frame = pd.DataFrame(columns)[good].astype(DTYPES).sort_values(c.SHOW_ID)
        rejected = raw[~good].assign(**{c.REASON: reasons[~good]})
        return cls(frame.reset_index(drop=True)), rejected
