"""What no longer answers once work was asked to stop is the stop; all else stays what it is."""

import pytest

from mlproject.core.cancel import Cancelled, cut_short, never
from mlproject.core.errors import DataError, SparkFailedError


def test_what_fails_after_the_wish_to_stop_is_the_stop() -> None:
    with pytest.raises(Cancelled) as raised, cut_short(lambda: True):
        raise SparkFailedError("job 3 cancelled")
    assert isinstance(raised.value.__cause__, SparkFailedError)


def test_what_fails_without_it_stays() -> None:
    with pytest.raises(SparkFailedError), cut_short(never):
        raise SparkFailedError("job 3 aborted")


def test_an_error_of_another_kind_stays() -> None:
    with pytest.raises(DataError), cut_short(lambda: True):
        raise DataError("the snapshot is damaged")
