"""A worker that follows a local folder, for tests that run it in processes of its own."""

import time
from pathlib import Path

from mlproject.batches.follow import BatchStream
from mlproject.histories.copies import Copies
from mlproject.histories.followed import FollowedHistories, Limits
from mlproject.objects.local import LocalStore


def worker(folder: Path, live_ratings: int = 150) -> FollowedHistories:
    """A worker of the store and the copies below ``folder``; it is not started."""
    store = LocalStore(folder / "store")
    return FollowedHistories(
        store,
        BatchStream(store),
        Copies(folder / "histories", store.uri),
        Limits(live_ratings, poll_seconds=0.01),
    )


def follow(folder: Path) -> None:
    """Follow until killed."""
    worker(folder).start()
    time.sleep(60)
