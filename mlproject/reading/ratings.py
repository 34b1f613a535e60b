"""Files of ratings into checked columns, with what was found said in one line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mlproject.core import columns as c
from mlproject.core.dates import EARLIEST_MS, UNDATED_FROM, latest_ms
from mlproject.core.errors import RatingsFileError
from mlproject.core.event_fields import OUT_OF_TIME
from mlproject.reading import ratings_layouts as layouts
from mlproject.reading.ids import PREFIXES, read_ids
from mlproject.reading.names import plain, repeated
from mlproject.reading.numbers import encoded, read_numbers
from mlproject.reading.ratings_layouts import Found
from mlproject.reading.rejections import MOST_REJECTED, account, refuse_if_most_fail, with_torn
from mlproject.reading.scales import Scale, ScaleInDoubtError, describe, find_scale
from mlproject.reading.tables import Table, read_table
from mlproject.reading.times import NONE, TimesInDoubtError, read_times

NOT_A_NUMBER: Final = "{} is not a number"
OUT_OF_SCALE: Final = "{} is not on the scale {}"
_TRUTHS: Final = {"true": 1.0, "false": 0.0}
_THUMBS: Final = frozenset(map(plain, layouts.THUMBS))


@dataclass(frozen=True, slots=True)
class Told:
    """What the user says of a file.

    Parameters
    ----------
    scale
        Of the ratings; None = to be found.
    unrated
        The rating that means watched and not rated; None = as usual in files of its kind.
    most_rejected
        The share of rows that may be no ratings.
    """

    scale: Scale | None = None
    unrated: float | None = None
    most_rejected: float = MOST_REJECTED


@dataclass(frozen=True, slots=True)
class RatingsFile:
    """The good rows of a file, in its order, and what there is to say of the others.

    Parameters
    ----------
    path
        Where it is.
    rows
        ``user_id``, ``show_id`` (int64), ``rating`` (Int8, NA = watched, not rated) and
        ``rated_at`` (milliseconds, UTC; made up and ascending if ``dated`` is false).
    dated
        Whether the file has times.
    scale
        Of its ratings.
    layout
        The name of its kind.
    rejected
        The other rows, as they came, with their ``reason``.
    said
        What was found, in one line.
    """

    path: Path
    rows: pd.DataFrame
    dated: bool
    scale: Scale
    layout: str
    rejected: pd.DataFrame
    said: str


def read_ratings(path: Path, told: Told = Told()) -> RatingsFile:
    """Read a file of ratings of any kind that is known.

    Parameters
    ----------
    path
        The file; its kind is recognised by what is in it.
    told
        What the user says of it.

    Raises
    ------
    RatingsFileError
        If the file is missing, empty, no table, of no known kind, in doubt, or if too much
        of it is rejected. The text says what was found, what is wanted and what to do.
    """
    table, found = _recognised(path)
    users, bad_users = read_ids(
        table.column(found.user), table.name(found.user, c.USER_ID), PREFIXES["user"]
    )
    shows, bad_shows = read_ids(
        table.column(found.show), table.name(found.show, c.SHOW_ID), PREFIXES["show"]
    )
    points, bad_ratings, scale, scale_said = _ratings(table, found, told)
    times, bad_times, times_said = _times(table, found)
    reasons = bad_users
    for others in (bad_shows, bad_ratings, bad_times):
        reasons = np.where(reasons == "", others, reasons)
    refuse_if_most_fail(
        table, reasons, most=told.most_rejected, what="ratings", error=RatingsFileError
    )
    good = reasons == ""
    # Made up in the order of the file, so that the later of two ratings of a show wins.
    stamps = times[good] if times is not None else np.arange(good.sum()) + UNDATED_FROM
    unrated = np.isnan(points[good])
    rows = pd.DataFrame(
        {
            c.USER_ID: users[good],
            c.SHOW_ID: shows[good],
            c.RATING: pd.array(
                pd.arrays.IntegerArray(np.where(unrated, 0, points[good]).astype(np.int8), unrated)
            ),
            c.RATED_AT: pd.Series(stamps.view("datetime64[ms]")).dt.tz_localize("UTC"),
        }
    )
    rejected = _rejected(table, found, reasons)
    kind = f"{found.layout.name}, {table.form}"
    said = f"{path}: {len(rows):,} ratings ({kind}); {scale_said}; {times_said}"
    said += account(table, reasons)
    return RatingsFile(path, rows, times is not None, scale, found.layout.name, rejected, said)


def _recognised(path: Path) -> tuple[Table, Found]:
    chosen: list[Found] = []

    def wanted(header: Sequence[str], width: int) -> Sequence[int]:
        # Which columns, and by the way what kind of file it is.
        found = layouts.recognise(header)
        if found is not None:
            if name := repeated(header, found.all):
                raise RatingsFileError(f"{path} has two columns {name}; take one away")
            chosen.append(found)
            return found.all
        if header:
            raise RatingsFileError(
                f"{path} has the columns {', '.join(header)}; wanted are {layouts.wanted()}"
            )
        return range(width)

    table = read_table(path, RatingsFileError, known=layouts.known, wanted=wanted, letters=False)
    if chosen:
        if not len(table) and not table.torn:
            raise RatingsFileError(f"{path} has no ratings in it")
        return table, chosen[0]
    return table, _without_header(table)


def _without_header(table: Table) -> Found:
    separator = table.separator
    found = layouts.headerless(separator)
    if found is None:
        names = (c.USER_ID, c.SHOW_ID, c.RATING, c.RATED_AT)[: max(3, table.width)]
        raise RatingsFileError(
            f"{table.path} has no header; begin it with a line that names its columns, such as "
            f"{separator.join(names)}, in the order in which they are"
        )
    if table.width != layouts.HEADERLESS_WIDTH:
        raise RatingsFileError(
            f"{table.path} has {table.width} columns; a file without a header has user, show, "
            "rating and timestamp, others begin with a line that names their columns"
        )
    return found


def _ratings(
    table: Table, found: Found, told: Told
) -> tuple[NDArray[np.float64], NDArray[np.object_], Scale, str]:
    """Return points from 1 to 10, NaN for unrated; why a row has none; the scale, and of it."""
    name = table.name(found.rating, c.RATING)
    texts = table.column(found.rating)
    thumbs = plain(name) in _THUMBS
    different, places = encoded(texts)
    truths = [place for place, text in enumerate(different) if text.lower() in _TRUTHS]
    meant = thumbs or told.scale == Scale(0, 1)
    if not meant and told.scale is None and 2 * np.isin(places, truths).sum() > len(places):
        raise RatingsFileError(
            f"the scale of {table.path} is in doubt: {name} is true or false; if true is a thumb "
            "up, say --scale 0-1"
        )
    values, missing = read_numbers(texts, _TRUTHS if meant else None)
    reasons = np.full(len(values), "", dtype=object)
    reasons[np.isnan(values) & ~missing] = NOT_A_NUMBER.format(name)
    marks = found.layout.unrated if told.unrated is None else (told.unrated,)
    unrated = missing | np.isin(values, marks)
    rated = ~unrated & (reasons == "")
    try:
        scale = told.scale or find_scale(values[rated], stars=found.layout.stars, thumbs=thumbs)
    except ScaleInDoubtError as doubt:
        raise RatingsFileError(
            f"the scale of {table.path} is in doubt (column {name}): {doubt} (or set TVREC_SCALE, "
            "TVREC_UNRATED)"
        ) from None
    points = scale.to_ten(values)
    reasons[rated & np.isnan(points)] = OUT_OF_SCALE.format(name, scale)
    points[~rated] = np.nan
    said = describe(values[rated], scale) if rated.any() else "no row is rated"
    if count := int(unrated.sum()):
        said += f", {count:,} watched and not rated"
    return points, reasons, scale, said


def _times(table: Table, found: Found) -> tuple[NDArray[np.int64] | None, NDArray[np.object_], str]:
    """Return times, None if the file has none; why a row has none; and what was found."""
    nothing = np.full(len(table), "", dtype=object)
    for position in found.times:
        name = table.name(position, "the 4th column")
        texts = table.column(position)
        if texts.null_count == len(texts):
            continue
        try:
            times, reasons, form = read_times(texts, name)
        except TimesInDoubtError as doubt:
            raise RatingsFileError(f"{table.path}: {doubt}") from None
        outside = (times != NONE) & ((times < EARLIEST_MS) | (times > latest_ms()))
        reasons = np.where(outside, OUT_OF_TIME.format(name), reasons)
        return times, reasons, f"times in {name}, {form or 'none of which can be read'}"
    return None, nothing, "without times, so the later of two ratings of a show counts"


def _rejected(table: Table, found: Found, reasons: NDArray[np.object_]) -> pd.DataFrame:
    """Return the rows that are no ratings, as they came."""
    bad = np.flatnonzero(reasons != "")
    names = {found.user: c.USER_ID, found.show: c.SHOW_ID, found.rating: c.RATING}
    rows = pd.DataFrame(
        {
            names.get(place, table.name(place, c.RATED_AT)): table.column(place)
            .take(pa.array(bad))
            .to_pylist()
            for place in found.all
        },
        dtype="object",
    ).assign(**{c.REASON: reasons[bad]})
    return with_torn(rows, table)
