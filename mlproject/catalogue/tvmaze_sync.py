"""One run of bringing the copy of TVMaze up to date."""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from mlproject.catalogue.tvmaze_client import Outcome, Since, TvMazeClient
from mlproject.catalogue.tvmaze_records import Show, SkippedShow, decode_show, parse_shows
from mlproject.catalogue.tvmaze_state import Progress, StoredPage, TvMazeState
from mlproject.core.errors import DataError, UnavailableError

log = logging.getLogger(__name__)

IDS_A_PAGE: Final = 250
HOUR_S: Final = 3600.0
DAY_S: Final = 24 * HOUR_S

INDEX_AGE_S: Final = DAY_S
"""How old a page of the index may be, since the server caches it (https://www.tvmaze.com/api)."""
ANSWER_AGE_S: Final = HOUR_S
"""How old any other answer may be, for the same reason."""

WHOLE_AGAIN_S: Final = 27 * DAY_S
"""With the age of the index, the oldest state still lies within ``since=month``."""

MOST_PAGES: Final = 10_000
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a run did.

    Parameters
    ----------
    pages
        Pages of the index that were new or had changed.
    shows
        Changed shows that were fetched one by one.
    deleted
        Shows that are no longer there.
    skipped
        Records that cannot be used.
    """

    pages: int = 0
    shows: int = 0
    deleted: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class TvMazeSync:
    """Brings the state up to date, once.

    Parameters
    ----------
    now
        Seconds since 1970.
    on_progress
        Told the number of pages done, after each page.
    """

    client: TvMazeClient
    state: TvMazeState
    now: float
    on_progress: Callable[[int], None]
    _counts: Counter[str] = field(default_factory=Counter, init=False, repr=False)

    def run(self) -> SyncReport:
        """Go on with an unfinished pass over the index, else fetch what changed.

        The whole index is passed again after :data:`WHOLE_AGAIN_S`, since the updates
        reach no further back; unchanged pages are then answered by 304.

        Raises
        ------
        UnavailableError
            If TVMaze or the store does not answer.
        """
        progress = self.state.progress()
        if progress is None:
            progress = Progress(index_started=self.now)
        elif not 0 <= self.now - progress.index_started <= WHOLE_AGAIN_S:
            progress = replace(progress, index_started=self.now, next_page=0)
        if progress.next_page is None:
            self._refresh(progress)
        else:
            self._finish_index(progress, progress.next_page)
        return SyncReport(**self._counts)

    def _finish_index(self, progress: Progress, first: int) -> None:
        for number in self._index_pages(first):
            progress = replace(progress, next_page=number + 1)
            self.state.save_progress(progress)
        if not progress.next_page:
            raise UnavailableError(
                f"{self.client.address} has no page of shows; check that the address is that "
                "of the TVMaze API"
            )
        as_of = progress.index_started - INDEX_AGE_S
        self.state.save_progress(
            replace(progress, next_page=None, pages=progress.next_page, as_of=as_of)
        )

    def _refresh(self, progress: Progress) -> None:
        # New shows have the highest ids: on the last page, or on pages after it.
        for number in self._index_pages(progress.pages - 1):
            progress = replace(progress, pages=max(progress.pages, number + 1))
            self.state.save_progress(progress)
        updates = self.client.updates(since_for(self.now - progress.as_of))
        stamps_of_page: dict[int, dict[int, int]] = defaultdict(dict)
        for show_id, stamp in updates.items():
            stamps_of_page[show_id // IDS_A_PAGE][show_id] = stamp
        # Ids beyond the last page wait for the index to name them.
        for number in range(progress.pages):
            self._refresh_page(number, stamps_of_page[number])
        self.state.save_progress(replace(progress, as_of=self.now - ANSWER_AGE_S))

    def _index_pages(self, first: int) -> Iterator[int]:
        """Bring pages up to date to the end of the index; yield the number of each."""
        for number in range(first, MOST_PAGES):
            if not self._read_page(number):
                return
            yield number
            self.on_progress(number + 1)
        raise UnavailableError(
            f"the index of {self.client.address} does not end after {MOST_PAGES} pages; "
            "check that the address is that of the TVMaze API"
        )

    def _read_page(self, number: int) -> bool:
        """Bring a page up to date; False if the index ends before it."""
        known = self.state.page(number)
        reply = self.client.page(number, known.etag if known else "")
        if reply.content is not None:
            shows, skipped = parse_shows(reply.content)
            self._tell_skipped(f"page {number}", skipped)
            kept = {show.show_id for show in skipped if show.show_id is not None}
            merged = merge(
                known.shows if known else {}, shows, kept, newer_than=self.now - INDEX_AGE_S
            )
            self._counts["deleted"] += len(known.shows.keys() - merged.keys()) if known else 0
            self._counts["pages"] += 1
            self.state.save_page(number, StoredPage(reply.etag, merged))
        return reply.outcome is not Outcome.MISSING

    def _refresh_page(self, number: int, stamps: Mapping[int, int]) -> None:
        """Fetch the shows of a page that changed since they were fetched."""
        page = self.state.page(number)
        if page is None:
            self._read_page(number)
            page = self.state.page(number) or StoredPage()
        # An answer from the server's cache is older than its stamp: it is asked for again
        # next time. So is a malformed record, for as long as the updates name it.
        changed = {
            show_id: stamp
            for show_id, stamp in stamps.items()
            if show_id not in page.shows or page.shows[show_id].updated < stamp
        }
        if changed:
            shows = dict(page.shows)
            for show_id, stamp in sorted(changed.items()):
                self._refresh_show(shows, show_id, stamp)
            self.state.save_page(number, replace(page, shows=shows))

    def _refresh_show(self, shows: dict[int, Show], show_id: int, stamp: int) -> None:
        reply = self.client.show(show_id)
        if reply.content is None:
            self._counts["deleted"] += shows.pop(show_id, None) is not None
            return
        try:
            show = decode_show(reply.content, show_id)
        except DataError as error:
            self._tell_skipped("the updates", [SkippedShow(show_id, str(error))])
            return
        self._counts["shows"] += 1
        shows[show_id] = replace(show, updated=show.updated or stamp)

    def _tell_skipped(self, where: str, skipped: Sequence[SkippedShow]) -> None:
        if not skipped:
            return
        self._counts["skipped"] += len(skipped)
        reasons = [f"show {show.show_id}: {show.reason}" for show in skipped[:_SHOWN]]
        more = [f"and {len(skipped) - _SHOWN} more"] if len(skipped) > _SHOWN else []
        log.warning("%d records of %s skipped: %s", len(skipped), where, "; ".join(reasons + more))


def since_for(age_s: float) -> Since:
    """Return the shortest list of updates that reaches back ``age_s`` seconds.

    Examples
    --------
    >>> [since_for(days * DAY_S).value for days in (1, 2, 8)]
    ['day', 'week', 'month']
    """
    if age_s <= DAY_S:
        return Since.DAY
    return Since.WEEK if age_s <= 7 * DAY_S else Since.MONTH


def merge(
    known: Mapping[int, Show], answer: Sequence[Show], kept: Collection[int], newer_than: float
) -> dict[int, Show]:
    """Join what is known of a page with an answer that may come from an old cache.

    Parameters
    ----------
    known
        Shows by id.
    answer
        The page's shows; one that is not among them was deleted.
    kept
        Ids that stay as they are known, since the answer's record cannot be used.
    newer_than
        A known show changed after this time (seconds since 1970) may be newer than
        the answer, and stays although it is not in it.
    """
    merged = {
        show_id: show
        for show_id, show in known.items()
        if show_id in kept or show.updated > newer_than
    }
    for show in answer:
        old = known.get(show.show_id)
        merged[show.show_id] = old if old and old.updated > show.updated else show
    return merged
