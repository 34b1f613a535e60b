"""The service as a process: connections that are rude, and how it ends."""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.builders import keep_model, model
from tests.servers import (
    BIN,
    ROOT,
    answers,
    bento_service,
    environment,
    free_port,
    kill_all,
    wait_until,
    working_on,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

HEAD = b"POST /recommend HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BODY = b'{"user_id": 1}'


@contextmanager
def running(state: Path, **settings: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    keep_model(state, model())
    with bento_service(state, **settings) as (url, process):
        wait_until(lambda: answers(f"{url}/readyz"), 60, "a service that is ready")
        yield url, process


def connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=30)


def said_to(url: str, sent: bytes) -> bytes:
    """All that the service says to some bytes until it closes the connection."""
    with connected(url) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_rude_connections_are_ended_and_leave_no_trace(tmp_path: Path) -> None:
    with running(tmp_path / "var") as (url, _):
        both = b"Content-Length: 14\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert said_to(url, HEAD + both + BODY).startswith(b"HTTP/1.1 400 ")
        long = b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        assert said_to(url, long).startswith(b"HTTP/1.1 431 ")
        large = HEAD + b"Content-Length: 9000000\r\n\r\n{"
        assert said_to(url, large).startswith(b"HTTP/1.1 413 ")
        # One says nothing, one half a head, one half a body.
        halves = [b"", HEAD[:30], HEAD + b"Content-Length: 14\r\n\r\n" + BODY[:5]]
        with ThreadPoolExecutor() as pool:
            for told in pool.map(lambda half: said_to(url, half), halves):
                assert told.startswith(b"HTTP/1.1 408 ")
        for path in (b"/recommend", b"/rate"):
            with connected(url) as leaving:
                leaving.sendall(HEAD.replace(b"/recommend", path) + b"Content-Length: 14\r\n\r\n{")
                time.sleep(0.2)
        told = said_to(url, HEAD + b"Connection: close\r\nContent-Length: 14\r\n\r\n" + BODY)
        assert told.startswith(b"HTTP/1.1 200 ")
    log = (tmp_path / "var" / "service.log").read_text()
    assert "Traceback" not in log
    assert "ERROR" not in log


def has_begun(state: Path, workers: int) -> bool:
    """Whether so many workers have been ready."""
    return (state / "service.log").read_text().count("serving version 1 as") >= workers


def ask_on(url: str, user: int, ended: threading.Event) -> str:
    """Ask on one connection, and on a new one when told to, until there is nobody; say why."""
    body, headers = json.dumps({"user_id": user}), {"Content-Type": "application/json"}
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        while not ended.is_set():
            try:
                connection.request("POST", "/recommend", body, headers)
                answer = connection.getresponse()
                answer.read()
            except ConnectionRefusedError:
                return "refused"
            except (OSError, http.client.HTTPException) as error:
                return repr(error)
            if answer.status != 200:
                return str(answer.status)
            if user % 2:
                time.sleep(0.01)
    return "not ended"


@pytest.mark.parametrize("workers", [1, 2])
def test_no_connection_is_reset_when_it_is_told_to_end(tmp_path: Path, workers: int) -> None:
    ended = threading.Event()
    state = tmp_path / "var"
    with (
        running(state, TVREC_WORKERS=str(workers)) as (url, process),
        ThreadPoolExecutor(6) as pool,
    ):
        wait_until(lambda: has_begun(state, workers), 60, "all workers")
        asking = [pool.submit(ask_on, url, user, ended) for user in range(6)]
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        finally:
            ended.set()
        assert [each.result() for each in asking] == ["refused"] * 6
    assert "Traceback" not in (state / "service.log").read_text()


def test_one_of_two_workers_ends_and_nobody_sees_it(tmp_path: Path) -> None:
    ended = threading.Event()
    state = tmp_path / "var"
    with running(state, TVREC_WORKERS="2") as (url, process), ThreadPoolExecutor(6) as pool:
        wait_until(lambda: has_begun(state, 2), 60, "both workers")
        asking = [pool.submit(ask_on, url, user, ended) for user in range(6)]
        time.sleep(1)
        one = next(pid for pid in working_on(state) if pid != process.pid)
        os.kill(one, signal.SIGTERM)
        try:
            wait_until(lambda: one not in working_on(state), 30, "its end")
            wait_until(lambda: has_begun(state, 3), 60, "another in its place")
            time.sleep(1)
        finally:
            ended.set()
        assert [each.result() for each in asking] == ["not ended"] * 6


def test_nothing_keeps_the_port_when_its_parent_is_killed(tmp_path: Path) -> None:
    state = tmp_path / "var"
    with running(state) as (url, process):
        process.kill()
        process.wait()
        wait_until(lambda: not working_on(state), 30, "the end of the workers")
        with pytest.raises(ConnectionRefusedError):
            connected(url)


def test_two_workers_answer(tmp_path: Path) -> None:
    state = tmp_path / "var"
    with running(state, TVREC_WORKERS="2") as (url, _):
        wait_until(lambda: len(working_on(state)) == 3, 60, "a parent and two workers")
        assert answers(f"{url}/model")


def test_a_bento_answers_from_its_own_folder(tmp_path: Path) -> None:
    home, state, port = tmp_path / "home", tmp_path / "var", free_port()
    settings = environment(
        BENTOML_HOME=str(home),
        BENTOML_DO_NOT_TRACK="True",
        TVREC_STATE_DIR=str(state),
        MLFLOW_TRACKING_URI=f"http://127.0.0.1:{free_port()}",
        PYTHONPATH="",
    )
    build = [BIN / "bentoml", "build", "-f", "bento/bentofile.yaml", "."]
    subprocess.run(build, env=settings, cwd=ROOT, capture_output=True, timeout=240, check=True)
    (source,) = (home / "bentos" / "recommendations").glob("*/src/mlproject/__init__.py")
    # By this it is known from the project that is installed here.
    source.write_text('__version__ = "9.9.9"\n')
    keep_model(state, model())
    url = f"http://127.0.0.1:{port}"
    with (tmp_path / "log").open("wb") as log:
        serving = subprocess.Popen(
            [BIN / "bentoml", "serve", "recommendations", "--port", str(port)],
            env=settings,
            cwd="/",
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(lambda: answers(f"{url}/readyz"), 120, "the Bento")
            with urllib.request.urlopen(f"{url}/docs.json", timeout=10) as document:
                assert json.load(document)["info"]["version"] == "9.9.9"
            assert answers(f"{url}/model")
        finally:
            kill_all(state)
            serving.wait(timeout=30)
