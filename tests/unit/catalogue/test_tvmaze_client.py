"""The calls to TVMaze: paced, retried, bounded."""

import pytest

from mlproject import __version__
from mlproject.catalogue import tvmaze_client
from mlproject.catalogue.tvmaze import TvMazeCatalogue
from mlproject.catalogue.tvmaze_client import BACKOFF_S, TvMazeClient
from mlproject.core.errors import ConfigError, UnavailableError

from .tvmaze_bench import Bench
from .tvmaze_server import DAY_S, Fault, TvMazeServer, serve


def test_requests_name_the_project_and_share_one_connection(bench: Bench) -> None:
    # The API asks for a User-Agent that tells who calls; the answers are read to their end.
    bench.source.read()
    assert {request.user_agent for request in bench.server.requests} == {f"tvrec/{__version__}"}
    assert bench.server.connections == 1


def test_compressed_answers_are_read(bench: Bench) -> None:
    # The real server compresses.
    bench.server.compressed = True
    assert len(bench.source.read()) == 6


def test_calls_keep_to_twenty_in_ten_seconds(bench: Bench) -> None:
    # The 21st call waits until the first is ten seconds old.
    bench.client.show(1)
    bench.time.seconds += 4
    for _ in range(19):
        bench.client.show(1)
    assert bench.time.sleeps == []
    bench.client.show(1)
    assert bench.time.sleeps == [6.0]
    bench.client.show(1)
    assert bench.time.sleeps == [6.0, 4.0]


def test_429_waits_as_long_as_retry_after_says(bench: Bench) -> None:
    # In seconds, or as a date by the server's own clock.
    in_9_s = "Mon, 06 Jan 2025 12:00:09 GMT"
    bench.server.faults["/shows?page=0"] = [
        Fault(429, {"Retry-After": "7"}),
        Fault(429, {"Retry-After": in_9_s}),
    ]
    assert len(bench.source.read()) == 6
    assert bench.time.sleeps == [7.0, 9.0]


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}])
def test_429_without_retry_after_backs_off(bench: Bench, headers: dict[str, str]) -> None:
    # Without a usable word from the server, each pause is twice the last.
    bench.server.faults["/shows?page=0"] = [Fault(429, headers)] * 3
    assert len(bench.source.read()) == 6
    assert bench.time.sleeps == [1.0, 2.0, 4.0]


def test_too_long_a_pause_is_left_to_the_next_read(bench: Bench) -> None:
    # A job that sleeps for an hour looks dead; it says so instead.
    bench.server.faults["/shows?page=1"] = [Fault(429, {"Retry-After": "3600"})]
    with pytest.raises(UnavailableError, match="a pause of 3600 s"):
        bench.source.read()
    assert bench.time.sleeps == []


def test_a_body_that_is_cut_off_is_fetched_again(bench: Bench) -> None:
    # Half a page is no page.
    bench.server.faults["/shows?page=1"] = [Fault(cut=True), Fault(cut=True)]
    assert len(bench.source.read()) == 6
    assert bench.time.sleeps == [1.0, 2.0]


def test_errors_of_the_server_are_retried(bench: Bench) -> None:
    # 500 and 503 pass.
    bench.server.faults["/shows?page=1"] = [Fault(500), Fault(503, {"Retry-After": "3"})]
    assert len(bench.source.read()) == 6
    assert bench.time.sleeps == [1.0, 3.0]


def test_retries_are_bounded(bench: Bench) -> None:
    # Six tries, then a sentence that names the address and what to do.
    bench.server.faults["/shows?page=1"] = [Fault(500)] * 99
    with pytest.raises(UnavailableError) as raised:
        bench.source.read()
    assert bench.server.paths.count("/shows?page=1") == 6
    assert tuple(bench.time.sleeps) == BACKOFF_S
    assert f"{bench.server.address}/shows?page=1" in str(raised.value)
    assert "HTTP status 500, after 6 tries; check the network" in str(raised.value)


def test_server_down_is_unavailable_with_its_address(bench: Bench) -> None:
    # Nobody listens there: no vendor error comes through.
    with serve(TvMazeServer()) as stopped:
        address = stopped.address
    source = TvMazeCatalogue(
        TvMazeClient(address, bench.client.pace, bench.client.http), bench.store, bench.time
    )
    with pytest.raises(UnavailableError, match=address):
        source.read()
    assert len(bench.time.sleeps) == len(BACKOFF_S)


@pytest.mark.parametrize("body", [b"<html>", b'{"a": 1}', b"\xff", b"", b"[" * 100_000])
def test_a_malformed_page_is_retried_then_unavailable(bench: Bench, body: bytes) -> None:
    # What is no list in JSON is no page, whatever its status.
    bench.server.faults["/shows?page=0"] = [Fault(body=body)]
    assert len(bench.source.read()) == 6
    bench.later(40 * DAY_S)
    bench.server.faults["/shows?page=0"] = [Fault(body=body)] * 6
    with pytest.raises(UnavailableError, match="malformed"):
        bench.source.read()


@pytest.mark.parametrize("status", [302, 400, 403])
def test_a_refusal_is_not_retried(bench: Bench, status: int) -> None:
    # Asking again would change nothing; a redirect is not followed to where it points.
    bench.server.faults["/shows?page=0"] = [Fault(status, {"Location": "/shows?page=9"})]
    with pytest.raises(UnavailableError, match=f"HTTP status {status}"):
        bench.source.read()
    assert len(bench.server.requests) == 1


def test_the_size_of_an_answer_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    # Counted after decompression, so that a small answer cannot fill the memory.
    monkeypatch.setattr(tvmaze_client, "LARGEST_ANSWER", 1_000)
    bench.server.compressed = True
    bench.server.add(1, summary="x" * 10_000)
    with pytest.raises(UnavailableError, match="more than 1000 bytes"):
        bench.source.read()


def test_an_address_without_http_is_a_configuration_error() -> None:
    # Found when the program starts, not at the first export.
    with pytest.raises(ConfigError, match=r"not 'api\.tvmaze\.com'"):
        TvMazeClient("api.tvmaze.com")
