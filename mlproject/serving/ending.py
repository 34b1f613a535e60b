"""How a worker stops: requests under way are answered, and no connection is reset."""

import asyncio
import ctypes
import fcntl
import logging
import os
import select
import signal
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final

from mlproject.serving.state import Serving

log = logging.getLogger(__name__)

DRAIN_SECONDS: Final = 2.0
"""For clients that keep a connection open and send nothing on it."""
_STEP_SECONDS: Final = 0.02
_HANDSHAKE_SECONDS: Final = 0.05
"""For a handshake in progress: some round trips within a cluster."""

_SO_ATTACH_FILTER: Final = 26  # of asm-generic/socket.h; Python does not name it
_FILTER: Final = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in (
        (0x30, 0, 0, 13),  # load the flags of the TCP header
        (0x45, 0, 1, 0x02),  # is SYN among them?
        (0x06, 0, 0, 0),  # yes: drop the packet
        (0x06, 0, 0, 0xFFFFFFFF),  # no: let it pass
    )
)
"""A program for Linux's socket filter: drops what begins a connection.

Its form is that of https://docs.kernel.org/networking/filter.html.
"""


class AmongWorkers:
    """One of the workers that listen on the same socket.

    Each holds a lock that they share for as long as it wants new connections. It goes with the
    process, even a killed one.

    Parameters
    ----------
    path
        The lock file; its folder is made when needed.

    Raises
    ------
    OSError
        If it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT)  # until the process ends
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def is_last(self) -> bool:
        """Accept no more connections; return whether no other worker accepts any either."""
        fcntl.flock(self._file, fcntl.LOCK_UN)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        fcntl.flock(self._file, fcntl.LOCK_UN)
        return True


def drain_at_sigterm(now: Serving, is_last: Callable[[], bool]) -> None:
    """Let SIGTERM and SIGINT drain the connections before uvicorn ends.

    By itself uvicorn closes idle connections at once, on which the next request may be under
    way: its client sees a reset. Instead new connections are refused, each answer says
    ``Connection: close``, and uvicorn ends when the last connection has. A second SIGINT, of
    somebody at a terminal who insists, ends it at once.

    To be called in the event loop that uvicorn runs.

    Parameters
    ----------
    now
        Is told.
    is_last
        Asked once, when it begins: whether no other worker wants connections of the same
        socket. It would be deaf too if this one stopped the listening.
    """
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []
    begun_by: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        end = signal.getsignal(number)
        server = getattr(end, "__self__", None)
        if not hasattr(server, "server_state"):
            continue  # another server, which ends in its own way

        def begin(got: int, _: FrameType | None, end: Any = end, server: Any = server) -> None:
            if now.is_draining:
                # A terminal's SIGINT reaches this process and its parent, which adds SIGTERM.
                if got == signal.SIGINT and begun_by[0] == got:
                    end(got, None)
                return
            now.is_draining = True
            begun_by.append(got)

            def start() -> None:
                tasks.append(loop.create_task(_drain(server, is_last, lambda: end(got, None))))

            loop.call_soon_threadsafe(start)

        signal.signal(number, begin)


async def end_with_parent(parent: int) -> None:
    """End this process once its parent has: a worker alone would keep the port for ever."""
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(1)
    log.warning("the parent process is gone, so this process stops")
    os.kill(os.getpid(), signal.SIGTERM)


async def _drain(server: Any, is_last: Callable[[], bool], end: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + DRAIN_SECONDS
    if is_last():
        for listening in [each for one in server.servers for each in one.sockets]:
            await _refuse_new(listening, until)
    # uvicorn tells nobody when a connection ends.
    while server.server_state.connections and loop.time() < until:  # noqa: ASYNC110
        await asyncio.sleep(_STEP_SECONDS)
    end()


async def _refuse_new(listening: socket.socket, until: float) -> None:
    """Have the kernel refuse connections, though the parent holds the socket open too.

    Otherwise they would wait in its queue, and be reset at the end. So would those be that are
    there when the socket is shut down: first none may begin any more (a client tries again
    after a second, and is refused), and uvicorn accepts those that have begun.
    """
    family, kind = listening.family, listening.type
    with suppress(OSError), socket.fromfd(listening.fileno(), family, kind) as same:
        with suppress(OSError):  # not Linux: the moment between the two steps remains
            _drop_new(same)
            await asyncio.sleep(_HANDSHAKE_SECONDS)
        while _has_waiting(same) and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110
            await asyncio.sleep(0)
        same.shutdown(socket.SHUT_RD)  # fails where it is not TCP


def _drop_new(listening: socket.socket) -> None:
    """Have the kernel drop packets that begin a connection."""
    program = ctypes.create_string_buffer(_FILTER, len(_FILTER))
    told = struct.pack("HP", len(_FILTER) // 8, ctypes.addressof(program))
    listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, told)


def _has_waiting(listening: socket.socket) -> bool:
    """Tell whether a connection is in the socket's queue."""
    queue = select.poll()
    queue.register(listening.fileno(), select.POLLIN)
    return bool(queue.poll(0))
