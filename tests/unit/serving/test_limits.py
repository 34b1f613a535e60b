"""How much one client may ask."""

from hypothesis import given
from hypothesis import strategies as st

from mlproject.serving.limits import BURST_SECONDS, RateLimit


@given(st.floats(0.1, 50), st.lists(st.floats(0, 5), min_size=1, max_size=200))
def test_nobody_gets_more_than_the_rate_and_a_burst(rate: float, pauses: list[float]) -> None:
    now = 0.0
    limit = RateLimit(rate, lambda: now)
    taken = 0
    for pause in pauses:
        now += pause
        taken += limit.seconds_to_wait("a") == 0
    assert taken <= max(1, rate * BURST_SECONDS) + rate * now + 1e-6


@given(st.floats(0.1, 50), st.integers(1, 50))
def test_who_waits_as_long_as_told_is_let_in(rate: float, asked: int) -> None:
    now = 0.0
    limit = RateLimit(rate, lambda: now)
    for _ in range(asked):
        wait = limit.seconds_to_wait("a")
    now += wait * (1 + 1e-9) + 1e-9
    assert wait == 0 or limit.seconds_to_wait("a") == 0


def test_clients_are_forgotten_rather_than_kept_for_ever() -> None:
    limit = RateLimit(1, lambda: 0.0, most_clients=10)
    for client in range(100):
        limit.seconds_to_wait(str(client))
    assert len(limit._buckets) == 10
