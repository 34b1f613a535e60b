"""Removes the ratings of forgotten users from the copies on this machine."""

import logging
import time
from collections.abc import Callable
from typing import Final

from mlproject.core.errors import AlreadyRunningError
from mlproject.core.forgotten import Forgotten
from mlproject.histories.copies import Copies
from mlproject.histories.overlay import forgotten_in
from mlproject.snapshot.by_user import RatingsByUser

log = logging.getLogger(__name__)

_ATTEMPTS: Final = 60
_PAUSE_SECONDS: Final = 1.0


def remove_forgotten(
    copies: Copies, forgotten: Forgotten, sleep: Callable[[float], None] = time.sleep
) -> int:
    """Rewrite the newest copy if it has ratings of forgotten users; remove all others.

    Whoever has the copy mapped takes up the new one, within a second or two.

    Parameters
    ----------
    copies
        The folder of copies.
    forgotten
        The list, as it is in the store already: a worker that writes a copy reads it too.
    sleep
        How to wait, in seconds, for a worker that writes a copy.

    Returns
    -------
    int
        How many ratings were removed.

    Raises
    ------
    AlreadyRunningError
        If a worker writes a copy for a minute.
    StoreUnavailableError
        If the folder cannot be written.
    """
    if not copies.folder.is_dir():
        return 0
    for attempt in range(_ATTEMPTS):
        try:
            with copies.writing():
                return _remove(copies, forgotten)
        except AlreadyRunningError:
            if attempt == _ATTEMPTS - 1:
                raise
            sleep(_PAUSE_SECONDS)
    raise AssertionError("the last attempt returns or raises")


def _remove(copies: Copies, forgotten: Forgotten) -> int:
    with copies.scratch() as scratch:  # it removes what was left unfinished
        copy = copies.current()
        count = 0
        if copy is None:
            copies.forget()
        else:
            count = _count(copy.ratings, forgotten)
        if copy is not None and count:
            copies.write(scratch, [copy.ratings], copy, forgotten)
        else:
            copies.remove_others(copy.name if copy else "")
    return count


def _count(ratings: RatingsByUser, forgotten: Forgotten) -> int:
    count = 0
    for user_id, moment in forgotten_in(ratings, forgotten).items():
        begin, end = ratings.rows_of(user_id)
        count += int((ratings.rated_at[begin:end] <= moment).sum())
    return count
