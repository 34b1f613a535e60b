"""The one vocabulary of columns: nothing else spells these names."""

from typing import Final

EVENT_ID: Final = "event_id"
USER_ID: Final = "user_id"
SHOW_ID: Final = "show_id"
RATING: Final = "rating"
RATED_AT: Final = "rated_at"
SOURCE: Final = "source"
RETRACTED: Final = "retracted"

TITLE: Final = "title"
GENRES: Final = "genres"
FIRST_YEAR: Final = "first_year"
SEASONS: Final = "seasons"
EPISODES: Final = "episodes"
NETWORK: Final = "network"
COUNTRY: Final = "country"
TYPE: Final = "type"
POPULARITY: Final = "popularity"
MEAN_RATING: Final = "mean_rating"
SUMMARY: Final = "summary"
IMAGE: Final = "image"

GENRE_SEPARATOR: Final = "|"
"""Joins the genres of a show in a table."""

REASON: Final = "reason"
