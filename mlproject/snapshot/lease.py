"""A lease: one builder at a time where the server ignores conditional writes."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from mlproject.core.errors import AlreadyRunningError
from mlproject.core.ports import ObjectStore

SECONDS: Final = 300.0
SETTLE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Timing:
    """How a lease measures time.

    Parameters
    ----------
    seconds
        How long a lease holds unless it is renewed; a killed holder blocks that long.
    settle_seconds
        Longer than a write takes to be seen: who still reads their own name holds it.
    now, sleep
        The time in seconds since 1970, and how to wait.
    """

    seconds: float = SECONDS
    settle_seconds: float = SETTLE_SECONDS
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


@contextmanager
def lease(
    store: ObjectStore, key: str, timing: Timing | None = None
) -> Iterator[Callable[[], None]]:
    """Hold a lease while the block runs.

    Two that ask at once both write, wait, and read: the last writer holds it. That
    stands on clocks and on writes seen within ``settle_seconds``, so it is the second
    choice, after a conditional write.

    Parameters
    ----------
    store, key
        Where the lease lies.
    timing
        Another measure of time.

    Yields
    ------
    callable
        Call it before what must not be done by two: it renews the lease, or raises.

    Raises
    ------
    AlreadyRunningError
        If someone else holds the lease.
    """
    timing = timing or Timing()
    holder = uuid.uuid4().hex

    def write() -> None:
        expires = timing.now() + timing.seconds
        store.put(key, json.dumps({"holder": holder, "expires": expires}).encode())

    def renew() -> None:
        if _held_by(store, key, timing.now()) != holder:
            raise _taken(store)
        write()

    if _held_by(store, key, timing.now()) is not None:
        raise _taken(store)
    write()
    timing.sleep(timing.settle_seconds)
    renew()
    try:
        yield renew
    finally:
        if _held_by(store, key, timing.now()) == holder:
            store.delete(key)


def _held_by(store: ObjectStore, key: str, now: float) -> str | None:
    """Return who holds the lease; None for nobody, for an old one and a damaged one."""
    try:
        entry = json.loads(store.get(key) or b"{}")
        return str(entry["holder"]) if float(entry["expires"]) > now else None
    except (ValueError, KeyError, TypeError):
        return None


def _taken(store: ObjectStore) -> AlreadyRunningError:
    return AlreadyRunningError(
        f"another ingest works on {store.uri}; this one stops, and what it read is read again"
    )
