"""A fit's seconds are those of its work, and on the clock it ends in any case."""

import time

import pytest

from mlproject.training.budget import CROWDED, Budget


def began(*, clock: float, processor: float, threads: int = 1) -> Budget:
    """Return a budget that began so many seconds ago, by each count."""
    return Budget(
        90,
        threads,
        clock_began=time.monotonic() - clock,
        processor_began=time.process_time() - processor,
    )


def test_work_is_counted_over_the_threads() -> None:
    assert began(clock=20, processor=40, threads=2).spent() == pytest.approx(20, abs=1)


def test_waiting_for_a_processor_does_not_count() -> None:
    assert began(clock=60, processor=20).spent() == pytest.approx(20, abs=1)


def test_a_fit_that_hardly_gets_a_processor_ends_too() -> None:
    starved = began(clock=CROWDED * 91, processor=1)
    assert starved.spent() > starved.seconds


def test_a_part_has_begun_when_the_whole_has() -> None:
    half = began(clock=60, processor=20).part(0.5)
    assert half.seconds == 45
    assert half.spent() == pytest.approx(20, abs=1)
