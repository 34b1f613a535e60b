"""One request: what comes back, why nothing does, and through which proxy."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import pytest
import urllib3
from urllib3.util import make_headers

from mlproject.core.errors import UnavailableError
from mlproject.http_client import connections, request
from tests.builders import http_server, raw_server, serve


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def asked(url: str, timeout_s: float = 5) -> tuple[int, bytes]:
    with request("GET", url, timeout_s=timeout_s) as answer:
        return answer.status, answer.data


def redirect_to(url: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize("status", [200, 404, 503])
def test_any_status_is_an_answer(status: int) -> None:
    with http_server(status, b"body") as address:
        assert asked(address) == (status, b"body")


def test_a_redirect_is_followed() -> None:
    with http_server(200, b"there") as there, raw_server(redirect_to(there)) as here:
        assert asked(here) == (200, b"there")


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_credentials_are_sent_and_not_passed_on_to_another_host() -> None:
    with recorder() as (there, heard_there), recorder(302, there) as (here, heard_here):
        url = here.replace("127.0.0.1", "localhost")
        with request("GET", url, timeout_s=5, credentials="ann:secret") as answer:
            assert answer.status == 200
    assert heard_here == [make_headers(basic_auth="ann:secret")["authorization"]]
    assert heard_there == [None]


@contextmanager
def recorder(status: int = 200, to: str = "") -> Iterator[tuple[str, list[str | None]]]:
    """A server that notes who asks; yield its address and its notes."""
    heard: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers["Authorization"])
            self.send_response(status)
            self.send_header("Location", to)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with serve(Handler) as address:
        yield address, heard


def test_a_server_that_is_silent_is_waited_for_as_long_as_told(silent: str) -> None:
    with pytest.raises(UnavailableError, match=r"^no answer in time$"):
        asked(silent, timeout_s=0.05)


def test_a_port_on_which_nothing_listens_is_said_in_two_words(nobody: str) -> None:
    with pytest.raises(UnavailableError, match=r"^Connection refused$"):
        asked(f"http://{nobody}")


@pytest.mark.parametrize("url", ["ftp://host/", "http://[x", "http://nowhere.invalid/"])
def test_an_address_that_leads_nowhere_is_no_answer(url: str) -> None:
    with pytest.raises(UnavailableError):
        asked(url)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "Remote end closed connection without response"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "SSH-2.0-OpenSSH_9.9"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nff", r"IncompleteRead\(2 bytes read.*"),
    ],
)
def test_an_answer_that_breaks_off_is_none(raw: bytes, reason: str) -> None:
    with raw_server(raw) as address, pytest.raises(UnavailableError, match=f"^{reason}$"):
        asked(address)


def test_the_proxy_of_the_environment_is_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    with http_server(200, b"by proxy") as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        assert asked("http://nowhere.invalid/") == (200, b"by proxy")


def test_a_host_that_needs_no_proxy_is_asked_itself(
    monkeypatch: pytest.MonkeyPatch, nobody: str
) -> None:
    monkeypatch.setenv("http_proxy", f"http://{nobody}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http_server(200, b"itself") as address:
        assert asked(address) == (200, b"itself")


def test_a_proxy_is_told_the_user_and_password_of_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "http://ann:secret@127.0.0.1:3128")
    made = connections("https://api.tvmaze.com")
    assert isinstance(made, urllib3.ProxyManager)
    assert made.proxy_headers == make_headers(proxy_basic_auth="ann:secret")
