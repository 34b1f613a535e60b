"""How a worker ends: connections first."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlproject.serving.ending import AmongWorkers, drain_at_sigterm, end_with_parent


class Server:
    """What uvicorn's server has: connections, sockets that listen, and a way to end."""

    def __init__(self) -> None:
        self.server_state = SimpleNamespace(connections=set())
        self.servers: list[asyncio.Server] = []
        self.ended: list[int] = []

    def handle_exit(self, number: int, _: object) -> None:
        self.ended.append(number)


@pytest.fixture
def server() -> Iterator[Server]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    made = Server()
    for number in kept:
        signal.signal(number, made.handle_exit)
    yield made
    for number, handler in kept.items():
        signal.signal(number, handler)


async def a_moment() -> None:
    await asyncio.sleep(0.1)


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not done():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def test_it_ends_when_the_last_connection_has(server: Server) -> None:
    now = SimpleNamespace(is_draining=False)

    async def run() -> None:
        server.server_state.connections.add("one")
        drain_at_sigterm(now, lambda: False)
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: now.is_draining)
        await a_moment()
        assert not server.ended
        server.server_state.connections.clear()
        await until(lambda: server.ended == [signal.SIGTERM])

    asyncio.run(run())


def test_of_two_signals_of_one_terminal_the_second_cuts_nothing_short(server: Server) -> None:
    async def run() -> None:
        server.server_state.connections.add("one")
        drain_at_sigterm(SimpleNamespace(is_draining=False), lambda: False)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        await a_moment()
        assert not server.ended
        os.kill(os.getpid(), signal.SIGINT)
        await until(lambda: server.ended == [signal.SIGINT])
        server.server_state.connections.clear()
        await a_moment()

    asyncio.run(run())


@pytest.mark.parametrize("is_last", [True, False])
def test_new_connections_are_refused_if_no_other_worker_wants_them(
    server: Server, *, is_last: bool
) -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            server.servers = [SimpleNamespace(sockets=[listening])]
            server.server_state.connections.add("one")
            drain_at_sigterm(SimpleNamespace(is_draining=False), lambda: is_last)
            os.kill(os.getpid(), signal.SIGTERM)
            await a_moment()
            with socket.socket() as client:
                assert (client.connect_ex(listening.getsockname()) == 0) is not is_last
            server.server_state.connections.clear()
            await a_moment()

    asyncio.run(run())


def test_who_waits_in_the_queue_is_let_in_before_new_connections_are_refused(
    server: Server,
) -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            server.servers = [SimpleNamespace(sockets=[listening])]
            server.server_state.connections.add("one")
            with socket.create_connection(listening.getsockname()) as waiting:
                drain_at_sigterm(SimpleNamespace(is_draining=False), lambda: True)
                os.kill(os.getpid(), signal.SIGTERM)
                await a_moment()
                # Whoever got into the queue now would be reset, so nobody does.
                with pytest.raises(TimeoutError):
                    socket.create_connection(listening.getsockname(), timeout=0.2)
                accepted, _ = listening.accept()
                with accepted:
                    accepted.sendall(b"answer")
                assert waiting.recv(6) == b"answer"
            await a_moment()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(listening.getsockname())
            server.server_state.connections.clear()
            await a_moment()

    asyncio.run(run())


def test_of_several_workers_the_last_to_be_told_refuses(tmp_path: Path) -> None:
    one, other = (AmongWorkers(tmp_path / "lock") for _ in range(2))
    assert not one.is_last()
    instead = AmongWorkers(tmp_path / "lock")
    assert not other.is_last()
    assert instead.is_last()


def test_a_worker_whose_parent_is_gone_tells_itself_to_end(
    server: Server,
) -> None:
    asyncio.run(end_with_parent(parent=os.getppid() + 1))
    assert server.ended == [signal.SIGTERM]
