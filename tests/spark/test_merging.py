"""What tasks count adds up."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlproject.snapshot.state import RatingsState
from mlproject.spark.merging import Sum
from tests.rating_rows import ROWS, Row, columns


@given(old=ROWS, new=ROWS, first=st.sets(st.integers(0, 4)))
def test_the_sums_of_some_users_and_of_the_others_are_that_of_all(
    old: list[Row], new: list[Row], first: set[int]
) -> None:
    def merged(users: set[int]) -> Sum:
        before = RatingsState.of(columns([row for row in old if row[0] in users]))
        come = columns([row for row in new if row[0] in users])
        return Sum.of(before, before.merge(come))

    everyone = set(range(5))
    assert merged(first) + merged(everyone - first) == merged(everyone)


@given(old=ROWS, new=ROWS)
def test_a_sum_is_what_the_snapshot_changes_by(old: list[Row], new: list[Row]) -> None:
    before = RatingsState.of(columns(old))
    after = before.merge(columns(new)).state
    found = Sum.read(Sum.of(before, before.merge(columns(new))).text)
    assert found.old == before.digest
    assert before.digest.changed(type(found.digest)(), found.digest) == after.digest
    assert (found.rows, found.users) == (len(after) - len(before), after.users - before.users)
    assert np.array_equal(after.ratings.user_id, np.sort(after.ratings.user_id))
