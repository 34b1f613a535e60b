"""The signals that end a process cleanly, and the sign that it is alive."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from types import FrameType

log = logging.getLogger(__name__)


def stop_on_signals(alive: Path | None = None) -> threading.Event:
    """Return an event that SIGTERM and SIGINT set, instead of ending the process at once.

    Parameters
    ----------
    alive
        A file that is touched when somebody looks at the event, for a liveness probe.
        Every loop of ours looks at it, while it waits for a server too, so an old file
        means a process that hangs, and never that another one is down.
    """
    stop = StopEvent(alive) if alive else threading.Event()
    # A handler runs in the middle of whatever the main thread does, and that may be with the
    # lock of the event or of the log in its hands. Only this queue may be used there.
    got: SimpleQueue[int] = SimpleQueue()

    def obey() -> None:
        log.info("%s: stopping", signal.Signals(got.get()).name)
        stop.set()

    def handle(number: int, _: FrameType | None) -> None:
        got.put(number)

    threading.Thread(target=obey, name="signals", daemon=True).start()
    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return stop


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does.

    A command that sets no handler ends by SIGTERM anyway, but leaves its run and its jobs behind;
    and as the first process of a container it would not even end.

    Raises
    ------
    KeyboardInterrupt
        In the block, once there is a SIGTERM.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class StopEvent(threading.Event):
    """An event that notes in a file when it was last looked at.

    A wait without a timeout is no look: it says nothing of the threads that work.
    """

    def __init__(self, alive: Path) -> None:
        super().__init__()
        self._alive = alive
        with suppress(OSError):  # told by those who need the folder
            alive.parent.mkdir(parents=True, exist_ok=True)

    def is_set(self) -> bool:
        """Return whether to stop."""
        self._touch()
        return super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is time to stop."""
        if timeout is not None:
            self._touch()
        return super().wait(timeout)

    def _touch(self) -> None:
        with suppress(OSError):
            self._alive.touch()
