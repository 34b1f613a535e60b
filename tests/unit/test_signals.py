"""SIGTERM and SIGINT set an event instead of ending the process."""

import os
import signal
import time
from pathlib import Path

import pytest

from mlproject.signals import interrupted_by_sigterm, stop_on_signals

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_sets_the_event(number: signal.Signals, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    stop = stop_on_signals()
    assert not stop.is_set()
    for _ in range(2):
        os.kill(os.getpid(), number)
        assert stop.wait(timeout=5)
    assert f"{number.name}: stopping" in caplog.text


def test_a_signal_may_come_while_the_main_thread_holds_the_event_s_lock() -> None:
    stop = stop_on_signals()
    with stop._cond:  # as for a moment in each wait
        os.kill(os.getpid(), signal.SIGTERM)
    assert stop.wait(timeout=5)


def test_a_look_at_the_event_shows_that_the_process_is_alive(tmp_path: Path) -> None:
    alive = tmp_path / "state" / "alive"
    stop = stop_on_signals(alive)
    for look in (stop.is_set, lambda: stop.wait(0.001)):
        assert not look()
        assert time.time() - alive.stat().st_mtime < 60
        alive.unlink()
    stop.set()
    assert stop.wait()
    assert not alive.exists(), "waiting without an end is no sign of life"


def test_a_state_folder_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    stop = stop_on_signals(tmp_path / "file" / "alive")
    assert not stop.is_set()


def test_sigterm_ends_a_block_as_ctrl_c_does_and_means_later_what_it_meant_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), interrupted_by_sigterm():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
