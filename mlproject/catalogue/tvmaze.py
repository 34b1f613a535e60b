"""The public TVMaze API as a source of show metadata.

Documentation of the API: https://www.tvmaze.com/api. Its data is licensed CC BY-SA 4.0.
"""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass

import pandas as pd

from mlproject.catalogue.tvmaze_client import TvMazeClient
from mlproject.catalogue.tvmaze_records import Show
from mlproject.catalogue.tvmaze_state import TvMazeState
from mlproject.catalogue.tvmaze_sync import SyncReport, TvMazeSync
from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.core.errors import CatalogueError
from mlproject.core.ports import Clock, ObjectStore
from mlproject.core.rejected import ignore

log = logging.getLogger(__name__)


def _ignore(_done_pages: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class TvMazeCatalogue:
    """All shows of TVMaze, from a copy that is kept in an object store.

    The first read fetches the whole index, some 350 pages at two a second, and goes on
    where it stopped after a crash; later ones fetch what changed.

    Parameters
    ----------
    client
        Makes the calls.
    store
        Keeps the copy, under ``state/tvmaze/``.
    clock
        Tells the age of the copy.
    on_progress
        Told the number of pages of the index that are done, after each page.
    on_rejected
        Given the shows that cannot be used, with their ``reason``.
    """

    client: TvMazeClient
    store: ObjectStore
    clock: Clock
    on_progress: Callable[[int], None] = _ignore
    on_rejected: Callable[[pd.DataFrame], None] = ignore

    def read(self) -> Catalogue:
        """Bring the copy up to date and return it.

        Raises
        ------
        UnavailableError
            If TVMaze or the store does not answer; the next read goes on from there.
        CatalogueError
            If TVMaze has no usable show.
        """
        self.sync()
        return self.stored()

    def sync(self) -> SyncReport:
        """Bring the copy up to date and tell what was done.

        Raises
        ------
        UnavailableError
            If TVMaze or the store does not answer; the next one goes on from there.
        """
        now = self.clock.now().timestamp()
        report = TvMazeSync(self.client, TvMazeState(self.store), now, self.on_progress).run()
        log.info("TVMaze: %s", ", ".join(f"{n} {what}" for what, n in asdict(report).items()))
        return report

    def stored(self) -> Catalogue:
        """Return the copy as it is, without a call to TVMaze.

        Popularity is TVMaze's weight, 0 to 100; seasons and episodes are not known.

        Raises
        ------
        StoreUnavailableError
            If the store does not answer.
        CatalogueError
            If the copy has no usable show, or was never complete.
        """
        state = TvMazeState(self.store)
        progress = state.progress()
        if progress is None or not progress.pages:
            raise CatalogueError(
                f"the copy of TVMaze in {self.store.uri} is not complete yet; read it first"
            )
        rows = [_row(show) for page in state.pages(progress.pages) for show in page.shows.values()]
        catalogue, rejected = Catalogue.validated(pd.DataFrame(rows, columns=list(_COLUMNS)))
        if len(rejected):
            counts = rejected[c.REASON].value_counts().to_dict()
            log.warning("%d shows of TVMaze are left out: %s", len(rejected), counts)
            self.on_rejected(rejected)
        return catalogue


_COLUMNS = (
    c.SHOW_ID,
    c.TITLE,
    c.GENRES,
    c.FIRST_YEAR,
    c.NETWORK,
    c.COUNTRY,
    c.TYPE,
    c.POPULARITY,
    c.MEAN_RATING,
    c.SUMMARY,
    c.IMAGE,
)


def _row(show: Show) -> tuple[object, ...]:
    """Return a show's values in the order of the columns."""
    return (
        show.show_id,
        show.title,
        show.genres,
        show.first_year,
        show.network,
        show.country,
        show.type,
        show.weight,
        show.rating,
        show.summary,
        show.image,
    )
