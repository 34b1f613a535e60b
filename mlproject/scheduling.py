"""Jobs that are repeated."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from mlproject.core.cancel import Cancelled
from mlproject.core.disk import telling_of_a_full_disk
from mlproject.core.errors import TvrecError

log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
REPEAT_SECONDS = 60.0


def run_every(
    seconds: float,
    job: Callable[[], object],
    stop: threading.Event,
    *,
    retry_seconds: float = RETRY_SECONDS,
) -> None:
    """Run a job now and every ``seconds`` until ``stop`` is set.

    A job that fails is tried again after ``retry_seconds``: it waits for a server or for
    the first data. Its sentence is logged when it changes and once a minute, not at every
    try. A job is never run twice at the same time; one that is due while it still runs is
    skipped.

    Parameters
    ----------
    seconds
        Time between the starts of two runs.
    job
        May raise; only ``stop`` ends the schedule.
    stop
        Set from outside. A running job is waited for: it has to look at ``stop`` itself.
    retry_seconds
        Time after a failure, if that is less than ``seconds``.
    """
    scheduler = BackgroundScheduler(timezone=UTC)
    running = threading.Lock()
    trouble, told = "", 0.0

    def attempt() -> None:
        with running:
            if not stop.is_set():
                try_once()

    def try_once() -> None:
        nonlocal trouble, told
        try:
            with telling_of_a_full_disk():
                job()
        except Cancelled:
            return
        except TvrecError as error:
            _again_soon()
            if str(error) != trouble or time.monotonic() - told >= REPEAT_SECONDS:
                trouble, told = str(error), time.monotonic()
                log.warning("%s; trying again every %g s", trouble, min(seconds, retry_seconds))
        except Exception:
            _again_soon()
            log.exception("the job failed")
        else:
            trouble, told = "", 0.0

    def _again_soon() -> None:
        soon = datetime.now(UTC) + timedelta(seconds=min(seconds, retry_seconds))
        with suppress(JobLookupError):  # stopped meanwhile
            entry.modify(next_run_time=soon)

    entry = scheduler.add_job(
        attempt,
        "interval",
        seconds=seconds,
        next_run_time=datetime.now(UTC),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    scheduler.start()
    stop.wait()
    # Not wait=True: it holds the lock that a failing job needs to name its next time.
    scheduler.shutdown(wait=False)
    with running:
        pass
