"""What is known of TVMaze, kept in an object store so that a crash loses at most a page.

::

    state/tvmaze/progress.json       how far the copy is
    state/tvmaze/pages/000012.json   the shows with the ids 3000 to 3249
"""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from mlproject.catalogue.tvmaze_records import Show
from mlproject.core.ports import ObjectStore

log = logging.getLogger(__name__)

PREFIX: Final = "state/tvmaze/"
VERSION: Final = 1
"""Of the format; raise it when :class:`Show` changes, and all is fetched anew."""

_PROGRESS: Final = f"{PREFIX}progress.json"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the copy is.

    Parameters
    ----------
    index_started
        When the last pass over the whole index began, in seconds since 1970.
    next_page
        Where that pass goes on; None = it reached the end of the index.
    pages
        How many pages the copy has, from page 0; 0 until a pass reached the end.
    as_of
        Every change before this time is in the copy, in seconds since 1970.
    """

    index_started: float
    next_page: int | None = 0
    pages: int = 0
    as_of: float = 0.0


@dataclass(frozen=True, slots=True)
class StoredPage:
    """The shows of a page by their ids, and the tag that the server gave the page."""

    etag: str = ""
    shows: Mapping[int, Show] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TvMazeState:
    """Reads and writes the state; every method raises StoreUnavailableError as the store does.

    What is there but cannot be read counts as not there: it is fetched again.
    """

    store: ObjectStore

    def progress(self) -> Progress | None:
        """Return how far the copy is, None if there is none."""
        try:
            saved = self._load(_PROGRESS)
            return Progress(**saved) if saved is not None else None
        except TypeError as error:
            _tell_unreadable(_PROGRESS, error)
            return None

    def save_progress(self, progress: Progress) -> None:
        """Write how far the copy is."""
        self._save(_PROGRESS, asdict(progress))

    def page(self, number: int) -> StoredPage | None:
        """Return a page, None if it is not there."""
        key = page_key(number)
        try:
            saved = self._load(key)
            if saved is None:
                return None
            shows = [Show(**record) for record in saved["shows"]]
            return StoredPage(saved["etag"], {show.show_id: show for show in shows})
        except (KeyError, TypeError) as error:
            _tell_unreadable(key, error)
            return None

    def pages(self, count: int) -> Iterator[StoredPage]:
        """Yield the pages 0 to ``count - 1``, without those that are not there."""
        for number in range(count):
            page = self.page(number)
            if page is not None:
                yield page

    def save_page(self, number: int, page: StoredPage) -> None:
        """Write a page, its shows ascending by id."""
        shows = [_compact(page.shows[show_id]) for show_id in sorted(page.shows)]
        self._save(page_key(number), {"etag": page.etag, "shows": shows})

    def _load(self, key: str) -> dict[str, Any] | None:
        content = self.store.get(key)
        if content is None:
            return None
        try:
            saved = json.loads(content)
        except ValueError as error:
            _tell_unreadable(key, error)
            return None
        if not isinstance(saved, dict) or saved.pop("version", None) != VERSION:
            _tell_unreadable(key, "another version of the format")
            return None
        return saved

    def _save(self, key: str, values: Mapping[str, Any]) -> None:
        content = json.dumps({"version": VERSION, **values}, separators=(",", ":"))
        self.store.put(key, content.encode())


def page_key(number: int) -> str:
    """Return the key of a page.

    Examples
    --------
    >>> page_key(12)
    'state/tvmaze/pages/000012.json'
    """
    return f"{PREFIX}pages/{number:06d}.json"


def _compact(show: Show) -> dict[str, Any]:
    """Return the fields that have something to say."""
    return {name: value for name, value in asdict(show).items() if value not in {None, ""}}


def _tell_unreadable(key: str, why: object) -> None:
    log.warning("%s cannot be read (%s); it is fetched again", key, why)
