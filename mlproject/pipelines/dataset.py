"""From what is in the store to what there is to train on."""

import hashlib
import json
from dataclasses import dataclass

from mlproject.catalogue.stored import read_catalogue
from mlproject.core.catalogue import Catalogue
from mlproject.core.errors import CatalogueError, NotEnoughDataError
from mlproject.core.interactions import Interactions
from mlproject.core.ports import ObjectStore
from mlproject.dataset.matrices import interactions
from mlproject.snapshot.ingest import IngestReport, ingest
from mlproject.snapshot.state import RatingsState
from mlproject.snapshot.switch import current
from mlproject.training.evaluation import EvaluateEach


@dataclass(frozen=True, slots=True)
class Dataset:
    """The data to train on, and where it came from.

    Parameters
    ----------
    catalogue, interactions
        The shows, and the latest rating of every user and show.
    state
        The snapshot in memory, for the next load of this process.
    ingested
        How the snapshot was brought up to date.
    waiting
        Ratings of shows that the catalogue does not know yet.
    digest
        SHA-256 of catalogue and ratings: equal data, equal digest, in any store.
    share
        Of all users, that of those whose ratings are here; the digest is of all ratings.
    evaluate
        Measures by all users, where not all of them are here.
    """

    catalogue: Catalogue
    interactions: Interactions
    state: RatingsState
    ingested: IngestReport
    waiting: int
    digest: str
    share: float = 1.0
    evaluate: EvaluateEach | None = None

    @property
    def known_share(self) -> float:
        """Share of the ratings whose show the catalogue knows."""
        return len(self.interactions) / (len(self.interactions) + self.waiting)

    @property
    def position(self) -> dict[str, str]:
        """How far the stream was read, as tags of a run: by it an event is found in its runs."""
        offsets = {str(partition): self.ingested.offsets[partition]
                   for partition in sorted(self.ingested.offsets)}  # fmt: skip
        return {"snapshot": str(self.ingested.generation), "offsets": json.dumps(offsets)}

    def counts(self) -> dict[str, float]:
        """Return how much there is, by the names of a run's metrics."""
        totals = self.ingested.totals
        return {
            "ratings": len(self.interactions),
            "users": len(self.interactions.users),
            "users_share": self.share,
            "shows": len(self.interactions.shows),
            "ratings_of_unknown_shows": self.waiting,
            "ratings_known_share": self.known_share,
            "events": totals.events,
            "events_superseded": totals.events - round(len(self.state) / self.share),
            "events_rejected": totals.rejected,
            "batches_unreadable": totals.unreadable,
        }


def load_dataset(
    store: ObjectStore, state: RatingsState | None = None, *, min_known: float = 0.0
) -> Dataset:
    """Read the catalogue and what is new of the ratings.

    Parameters
    ----------
    store
        Where they are.
    state
        The last dataset's, so that the snapshot need not be read again.
    min_known
        Share of the ratings whose show the catalogue must know.

    Raises
    ------
    CatalogueError
        If there is no catalogue yet, or if it knows the shows of too few ratings: it is of
        other shows than the ratings, and what both have in common is chance.
    NotEnoughDataError
        If there are no ratings of known shows yet.
    AlreadyRunningError
        If another process brought the snapshot up to date at the same time.
    """
    state, report = ingest(store, state)
    return dataset_of(store, state, report, state.digest.text, min_known=min_known)


def dataset_of(
    store: ObjectStore,
    state: RatingsState,
    report: IngestReport,
    ratings_digest: str,
    *,
    min_known: float = 0.0,
    share: float = 1.0,
) -> Dataset:
    """Join ratings that are in memory with the catalogue.

    Parameters
    ----------
    store
        Where the catalogue is.
    state, report
        The ratings, and how the snapshot was brought up to date.
    ratings_digest
        Of all ratings of the snapshot.
    min_known
        As in :func:`load_dataset`.
    share
        Of all users, that of those in ``state``.

    Raises
    ------
    CatalogueError, NotEnoughDataError
        As :func:`load_dataset`.
    """
    catalogue = read_catalogue(store)
    found, waiting = interactions(state.ratings, catalogue)
    ratings = len(found) + waiting
    if waiting and len(found) < min_known * ratings:
        raise CatalogueError(
            f"the catalogue in {store.uri} knows the shows of {len(found) / ratings:.0%} of the "
            f"ratings only ({len(found):,} of {ratings:,}), and TVREC_MIN_KNOWN asks for "
            f"{min_known:.0%}; export the catalogue of these shows with `tvrec export-shows "
            "--catalogue FILE`"
        )
    if not len(found):
        raise NotEnoughDataError(
            f"no ratings of known shows in {store.uri} yet ({report.totals.batches} batches, "
            f"{waiting} ratings of unknown shows); `tvrec generate-ratings` sends some"
        )
    digest = hashlib.sha256(catalogue.frame.to_csv(index=False).encode())
    digest.update(ratings_digest.encode())
    return Dataset(catalogue, found, state, report, waiting, digest.hexdigest(), share)


def read_interactions(store: ObjectStore) -> tuple[Catalogue, Interactions]:
    """Read the catalogue and the snapshot; nothing is ingested, so no builder is disturbed.

    Raises
    ------
    CatalogueError
        If there is no catalogue yet.
    NotEnoughDataError
        If there are no ratings of known shows in the snapshot yet.
    """
    catalogue = read_catalogue(store)
    _, state = current(store)
    found, _ = interactions(state.ratings, catalogue)
    if not len(found):
        raise NotEnoughDataError(
            f"the snapshot in {store.uri} has no ratings of known shows yet; the builder makes it"
        )
    return catalogue, found
