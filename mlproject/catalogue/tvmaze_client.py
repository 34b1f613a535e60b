"""The TVMaze API over HTTP: paced, retried and bounded; it knows nothing of shows.

Documentation of the API: https://www.tvmaze.com/api
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

import urllib3

from mlproject.catalogue.tvmaze_pacing import Pace, retry_after_s
from mlproject.core.errors import ConfigError, UnavailableError
from mlproject.http_client import USER_AGENT

log = logging.getLogger(__name__)

ADDRESS: Final = "https://api.tvmaze.com"
BACKOFF_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
LONGEST_WAIT_S: Final = 300.0
LARGEST_ANSWER: Final = 32 * 2**20
"""Bytes after decompression; a page of 250 shows has less than one million."""

_CHUNK: Final = 2**16
_TIMEOUT: Final = urllib3.Timeout(connect=10.0, read=30.0)
_OK, _NOT_MODIFIED, _NOT_FOUND, _FAULTS = 200, 304, 404, 500
_TRY_AGAIN: Final = (408, 429)

T = TypeVar("T")


class Since(StrEnum):
    """How far back a list of updates can reach."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Outcome(StrEnum):
    """What the server said of a thing that was asked for."""

    FOUND = "found"
    UNCHANGED = "unchanged"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """An answer: its content if FOUND, else None, and the tag of this content."""

    outcome: Outcome
    content: T | None = None
    etag: str = ""


class _PassingFaultError(Exception):
    """A fault that may be gone when the call is made again."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class TvMazeClient:
    """The three calls of https://www.tvmaze.com/api that a copy of its shows needs.

    Building one connects to nothing. A call that is refused for the moment (408, 429,
    5xx), cut off, or answered with something malformed is made again: after
    ``Retry-After`` if the server says it, else after 1, 2, 4, 8 and 16 seconds.

    Parameters
    ----------
    address
        Where the API is, without a slash at the end.
    pace
        Keeps to the rate that the API allows: 20 calls in 10 seconds.
    http
        Makes the connections, such as :func:`mlproject.http_client.connections` returns.

    Raises
    ------
    ConfigError
        If the address is not one of HTTP.
    """

    address: str = ADDRESS
    pace: Pace = field(default_factory=Pace)
    http: urllib3.PoolManager = field(default_factory=urllib3.PoolManager, repr=False)

    def __post_init__(self) -> None:
        if not self.address.startswith(("http://", "https://")):
            raise ConfigError(
                f"the address of TVMaze must begin with http:// or https://, not {self.address!r}"
            )

    def page(self, number: int, etag: str = "") -> Reply[list[Any]]:
        """Ask for the shows with the ids ``250 * number`` to ``250 * number + 249``.

        MISSING is the end of the index. The index is cached by the server for up to 24
        hours (https://www.tvmaze.com/api#show-index).

        Parameters
        ----------
        number
            From 0.
        etag
            The tag of the content that is known: the answer may then be UNCHANGED.

        Raises
        ------
        UnavailableError
            If there is no usable answer after all tries.
        """
        return self._get(f"/shows?page={number}", _records, etag)

    def show(self, show_id: int) -> Reply[bytes]:
        """Ask for one show, as undecoded JSON; MISSING if it was deleted.

        Raises
        ------
        UnavailableError
            If there is no usable answer after all tries.
        """
        return self._get(f"/shows/{show_id}", bytes)

    def updates(self, since: Since) -> Mapping[int, int]:
        """Ask which shows changed, and when (seconds since 1970).

        See https://www.tvmaze.com/api#show-updates. Entries that are no id and time
        are left out.

        Raises
        ------
        UnavailableError
            If there is no usable answer after all tries.
        """
        path = f"/updates/shows?since={since}"
        reply = self._get(path, _stamps)
        if reply.content is None:
            raise self._unavailable(path, "HTTP status 404")
        return reply.content

    def _get(self, path: str, decode: Callable[[bytes], T], etag: str = "") -> Reply[T]:
        for backoff_s in BACKOFF_S:
            try:
                return self._get_once(path, decode, etag)
            except _PassingFaultError as fault:
                wait_s = backoff_s if fault.retry_after_s is None else fault.retry_after_s
                if wait_s > LONGEST_WAIT_S:
                    reason = f"{fault}, which asks for a pause of {wait_s:.0f} s"
                    raise self._unavailable(path, reason) from fault
                log.info("%s%s: %s; again in %.0f s", self.address, path, fault, wait_s)
                self.pace.sleep(wait_s)
        try:
            return self._get_once(path, decode, etag)
        except _PassingFaultError as fault:
            reason = f"{fault}, after {len(BACKOFF_S) + 1} tries"
            raise self._unavailable(path, reason) from fault

    def _get_once(self, path: str, decode: Callable[[bytes], T], etag: str) -> Reply[T]:
        self.pace.wait()
        response, content = self._receive(path, etag)
        status = response.status
        if status == _OK:
            try:
                return Reply(Outcome.FOUND, decode(content), response.headers.get("ETag", ""))
            except (ValueError, RecursionError) as error:
                raise _PassingFaultError(f"a malformed answer ({error})") from error
        if status == _NOT_FOUND:
            return Reply(Outcome.MISSING)
        if status == _NOT_MODIFIED and etag:
            return Reply(Outcome.UNCHANGED, etag=etag)
        if status in _TRY_AGAIN or status >= _FAULTS:
            raise _PassingFaultError(f"HTTP status {status}", retry_after_s(response.headers))
        raise self._unavailable(path, f"HTTP status {status}")

    def _receive(self, path: str, etag: str) -> tuple[urllib3.BaseHTTPResponse, bytes]:
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": USER_AGENT,
        }
        if etag:
            headers["If-None-Match"] = etag
        try:
            # urllib3's own Retry is off: it cannot bound Retry-After, retries no body that
            # was cut off, and sleeps by a clock of its own.
            response = self.http.request(
                "GET",
                self.address + path,
                headers=headers,
                preload_content=False,
                retries=False,
                timeout=_TIMEOUT,
            )
            try:
                return response, self._body(path, response)
            finally:
                # Read to its end, the connection is back in the pool and stays open.
                response.close()
        except urllib3.exceptions.HTTPError as error:
            raise _PassingFaultError(f"{type(error).__name__}: {error}") from error

    def _body(self, path: str, response: urllib3.BaseHTTPResponse) -> bytes:
        body = bytearray()
        for chunk in response.stream(_CHUNK, decode_content=True):
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise self._unavailable(path, f"an answer of more than {LARGEST_ANSWER} bytes")
        return bytes(body)

    def _unavailable(self, path: str, reason: str) -> UnavailableError:
        return UnavailableError(
            f"TVMaze gives no usable answer at {self.address}{path}: {reason}; check the "
            "network and the address, then read again: what was fetched so far is kept"
        )


def _records(content: bytes) -> list[Any]:
    """Decode a page; its records are judged one by one later.

    Raises
    ------
    ValueError
        If this is no list in JSON.
    """
    decoded = json.loads(content)
    if not isinstance(decoded, list):
        raise ValueError("not a list")  # noqa: TRY004 -- one error for all that is malformed
    return decoded


def _stamps(content: bytes) -> dict[int, int]:
    """Decode a list of updates, ``{"id": seconds}``.

    Raises
    ------
    ValueError
        If this is no object in JSON.
    """
    decoded = json.loads(content)
    # A server in PHP may write an empty object as an empty list.
    if decoded == []:
        return {}
    if not isinstance(decoded, dict):
        raise ValueError("not an object")  # noqa: TRY004 -- one error for all that is malformed
    return {
        int(show_id): stamp
        for show_id, stamp in decoded.items()
        if show_id.isascii() and show_id.isdigit() and type(stamp) is int
    }
