"""A job that comes back: at once, after its failures, never twice at a time."""

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from mlproject.core.cancel import Cancelled
from mlproject.core.errors import StoreUnavailableError
from mlproject.scheduling import run_every
from tests.logged import messages

FAILS_WHILE_STOPPING = """
import threading
from mlproject.core.errors import StoreUnavailableError
from mlproject.scheduling import run_every

stop = threading.Event()

def job():
    stop.set()
    threading.Event().wait(0.3)
    raise StoreUnavailableError("down")

run_every(60, job, stop)
"""


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    made = threading.Event()
    yield made
    made.set()


def run(
    job: Callable[[], None], stop: threading.Event, seconds: float = 3600, retry: float = 0.02
) -> None:
    """Run a schedule that ends when the job says so, or else after a minute."""
    emergency = threading.Timer(60, stop.set)
    emergency.start()
    run_every(seconds, job, stop, retry_seconds=retry)
    assert not emergency.finished.is_set(), "the job did not come to its end"
    emergency.cancel()
    emergency.join()


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return messages(caplog, "mlproject.scheduling")


def test_a_job_runs_at_once(stop: threading.Event) -> None:
    run(stop.set, stop, seconds=3600)


def test_a_job_comes_back(stop: threading.Event) -> None:
    moments: list[float] = []

    def job() -> None:
        moments.append(time.monotonic())
        if len(moments) == 4:
            stop.set()

    run(job, stop, seconds=0.1)
    # The first may be late, and those after it are not.
    assert moments[-1] - moments[0] > 0.15


def test_a_trouble_is_tried_again_soon_and_logged_once(
    stop: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    story = iter(["down", "down", "down", "full", "full", "", "down"])

    def job() -> None:
        trouble = next(story, None)
        if trouble is None:
            stop.set()
        elif trouble:
            raise StoreUnavailableError(trouble)

    run(job, stop, seconds=0.05)
    assert logged(caplog) == [
        f"{trouble}; trying again every 0.02 s" for trouble in ("down", "full", "down")
    ]


def test_a_retry_is_not_later_than_the_next_run(
    stop: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    tries = iter([False, True])

    def job() -> None:
        if next(tries):
            stop.set()
        else:
            raise StoreUnavailableError("down")

    run(job, stop, seconds=0.05, retry=3600)
    assert logged(caplog) == ["down; trying again every 0.05 s"]


def test_a_surprise_is_logged_whole_and_tried_again(
    stop: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    tries = iter([False, False, True])

    def job() -> None:
        if next(tries):
            stop.set()
        else:
            raise ZeroDivisionError

    run(job, stop)
    assert logged(caplog) == ["the job failed"] * 2
    assert "ZeroDivisionError" in caplog.text


def test_a_cancelled_job_is_no_trouble(
    stop: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    def job() -> None:
        stop.set()
        raise Cancelled

    run(job, stop)
    assert logged(caplog) == []


def test_a_job_never_runs_twice_at_a_time(
    stop: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "apscheduler")  # it tells of every run left out
    running = threading.Lock()
    runs: list[bool] = []

    def job() -> None:
        alone = running.acquire(blocking=False)
        time.sleep(0.1)
        runs.append(alone)
        if len(runs) == 4:
            stop.set()
        if alone:
            running.release()

    run(job, stop, seconds=0.02)
    assert all(runs)


def test_stopping_waits_for_the_job_that_runs(stop: threading.Event) -> None:
    ended: list[bool] = []

    def job() -> None:
        stop.set()
        time.sleep(0.3)
        ended.append(True)

    run(job, stop)
    assert ended == [True]


def test_a_job_may_fail_while_it_is_waited_for() -> None:
    """In a process of its own, since one that hangs cannot end."""
    subprocess.run([sys.executable, "-c", FAILS_WHILE_STOPPING], check=True, timeout=60)
