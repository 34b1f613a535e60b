"""The card of each show, which the service returns."""

from typing import Any

from mlproject.core import columns as c
from mlproject.core.catalogue import GENRE_SEPARATOR, Catalogue


def cards(catalogue: Catalogue) -> tuple[dict[str, Any], ...]:
    """Return what is known of each show, without what is not, in row order."""
    frame = catalogue.frame.drop(columns=c.POPULARITY)
    made = []
    for row in frame.astype("object").where(frame.notna(), None).to_dict("records"):
        genres = [genre for genre in row.pop(c.GENRES).split(GENRE_SEPARATOR) if genre]
        card = {c.SHOW_ID: row.pop(c.SHOW_ID), c.TITLE: row.pop(c.TITLE), c.GENRES: genres}
        made.append(card | {str(name): value for name, value in row.items() if value})
    return tuple(made)
