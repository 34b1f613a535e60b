"""Which ratings train and which measure."""

from typing import Final

import numpy as np

from mlproject.core.hashing import pair_uniform
from mlproject.core.interactions import Interactions, Split

FEWEST_RATINGS: Final = 5


def hold_out(interactions: Interactions, *, share: float, seed: int) -> Split:
    """Hold out a share of the ratings of each user with at least five.

    Whether a (user, show) is held out is a hash of the pair and the seed. It is
    therefore the same in every cycle while ratings come in: yesterday's production
    model has not trained on what today's candidate is measured by, and the two can be
    compared on it; but for users who have reached five ratings in between.

    Parameters
    ----------
    interactions
        One rating a (user, show).
    share
        Between 0 and 1.
    seed
        Another seed, another holdout.
    """
    users = interactions.users.ids[interactions.user_rows]
    shows = interactions.shows.ids[interactions.show_rows]
    drawn = pair_uniform(users, shows, seed) < share
    counts = np.bincount(interactions.user_rows, minlength=len(interactions.users))
    return Split(interactions, drawn & (counts >= FEWEST_RATINGS)[interactions.user_rows])
