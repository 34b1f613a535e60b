"""How a worker ends: what is under way is answered, nobody's connection is reset."""

import asyncio
import logging
import os
import signal
import socket
from contextlib import suppress
from types import FrameType
from typing import Any, Final

from mlproject.serving.state import Serving

log = logging.getLogger(__name__)

DRAIN_SECONDS: Final = 2.0
"""For clients that keep a connection open and send nothing on it."""
_STEP_SECONDS: Final = 0.02


def drain_at_sigterm(now: Serving, *, is_alone: bool) -> None:
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
    is_alone
        Whether no other worker listens on the same socket. Others would be deaf too if this
        one stopped the listening.
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
                if is_alone:
                    _refuse_new(server.servers)
                tasks.append(loop.create_task(_drain(server.server_state.connections, got, end)))

            loop.call_soon_threadsafe(start)

        signal.signal(number, begin)


async def end_with_parent(parent: int) -> None:
    """End this process once its parent has: a worker alone would keep the port for ever."""
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(1)
    log.warning("the process that had started this one is gone, so this one ends")
    os.kill(os.getpid(), signal.SIGTERM)


async def _drain(connections: set[Any], got: int, end: Any) -> None:
    until = asyncio.get_running_loop().time() + DRAIN_SECONDS
    # uvicorn tells nobody when a connection ends.
    while connections and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110
        await asyncio.sleep(_STEP_SECONDS)
    end(got, None)


def _refuse_new(servers: list[asyncio.Server]) -> None:
    """Have the kernel refuse connections, though the parent holds the socket open too.

    Otherwise they would wait in its queue, and be reset at the end.
    """
    for server in servers:
        for listening in server.sockets:
            with suppress(OSError):  # as where it is not TCP
                family, kind = listening.family, listening.type
                with socket.fromfd(listening.fileno(), family, kind) as same:
                    same.shutdown(socket.SHUT_RD)
