"""Which times are real."""

import numpy as np
import pytest

from mlproject.core.dates import (
    EARLIEST_MS,
    UNDATED_BEFORE,
    is_plausible,
    is_plausible_time,
    latest_ms,
    to_millis,
)

NOON = 1_735_732_800_000


@pytest.mark.parametrize("unit", [1000, 1, 1 / 1000, 1 / 1_000_000])
def test_a_number_is_milliseconds_whatever_it_counts(unit: float) -> None:
    assert to_millis(np.array([NOON / unit])).tolist() == [NOON]


def test_what_no_unit_reaches_is_none() -> None:
    assert np.isnan(to_millis(np.array([1e300, -1e300, np.inf, np.nan]))).all()


@pytest.mark.parametrize(
    ("millis", "real", "of_a_replay"),
    [
        (NOON, True, True),
        (EARLIEST_MS, True, True),
        (EARLIEST_MS - 1, False, False),
        pytest.param(latest_ms() + 3_600_000, False, False, id="in an hour"),
        (0, False, True),
        (UNDATED_BEFORE - 1, False, True),
        (UNDATED_BEFORE, False, False),
        (-1, False, False),
    ],
)
def test_a_time_is_real_or_made_up_for_a_replay(
    *, millis: int, real: bool, of_a_replay: bool
) -> None:
    assert is_plausible_time(millis, replayed=False) is real
    assert is_plausible_time(millis, replayed=True) is of_a_replay
    both = is_plausible(np.array([millis] * 2), np.array([False, True]))
    assert both.tolist() == [real, of_a_replay]
