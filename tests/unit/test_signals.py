"""SIGTERM and SIGINT set an event instead of ending the process."""

import os
import signal
from collections.abc import Iterator

import pytest

from mlproject.signals import stop_on_signals

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture(autouse=True)
def _handlers_stay() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_sets_the_event(number: signal.Signals, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    stop = stop_on_signals()
    assert not stop.is_set()
    for _ in range(2):
        os.kill(os.getpid(), number)
        assert stop.wait(timeout=5)
    assert f"{number.name}: stopping" in caplog.text
