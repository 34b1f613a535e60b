"""One builder at a time: by a lease, where the server ignores conditional writes."""

import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

from mlproject.core.errors import AlreadyRunningError
from mlproject.core.ports import ObjectStore
from mlproject.snapshot.keys import LEASE, PROBE

log = logging.getLogger(__name__)

Renew = Callable[[], None]

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


def only_builder(store: ObjectStore) -> AbstractContextManager[Renew]:
    """Return what keeps others from switching at the same time.

    Where conditional writes work, the switch itself does; elsewhere a lease. Its callable
    is to be called before a switch.
    """
    if store.keeps_conditions(PROBE):
        return nullcontext(lambda: None)
    log.warning("%s ignores conditional writes, so a lease guards the snapshot", store.uri)
    return lease(store, LEASE)


@contextmanager
def lease(store: ObjectStore, key: str, timing: Timing | None = None) -> Iterator[Renew]:
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
