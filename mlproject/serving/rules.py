"""Which requests are let in: checked before the body is read."""

import hashlib
import hmac
import math
from collections.abc import Mapping
from typing import Final

from starlette.responses import Response
from starlette.types import Scope

from mlproject.config import Settings
from mlproject.serving.answers import Headers
from mlproject.serving.limits import RateLimit
from mlproject.serving.page import PAGE_FILES
from mlproject.serving.problems import TooLargeError, refusal, response_to
from mlproject.serving.requests import LARGEST_BODY

INFRASTRUCTURE: Final = frozenset({"/livez", "/readyz", "/healthz", "/metrics"})
"""What BentoML answers; no token is asked for, since probes and Prometheus have none."""
OPEN: Final = frozenset({"/", "/docs.json", *INFRASTRUCTURE})
"""What anyone may see, and what the page is made of: nobody's data is in it."""

# Of two, one reader may take the first and the next the last.
_SINGLE: Final = (b"authorization", b"content-encoding", b"content-length", b"content-type")


class Rules:
    """Who may ask.

    Parameters
    ----------
    settings
        Whether a token is needed, and how much one client may ask.
    """

    def __init__(self, settings: Settings) -> None:
        token = settings.token_sha256
        self._token = bytes.fromhex(token) if token else None
        self._limit = RateLimit(settings.rate_limit) if settings.rate_limit else None

    @property
    def is_limited(self) -> bool:
        """Whether clients are counted."""
        return self._limit is not None

    def refusal(self, scope: Scope) -> Response | None:
        """Return the answer to a request that is not let in, None if it is."""
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        refused = None
        if len(headers) < len(scope["headers"]):
            refused = _of_doubled(scope["headers"])
        refused = refused or self._of_client(scope, headers)
        if refused is None and scope["method"] != "GET":
            refused = _of_body(headers)
        return refused

    def _of_client(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Response | None:
        path = scope["path"]
        if self._token and not _is_open(path) and not self._is_known(headers):
            return refusal(
                401,
                "a token is needed: send the header `Authorization: Bearer TOKEN`",
                {"WWW-Authenticate": "Bearer"},
            )
        # A browser asks for the files of the page all at once.
        if self._limit and path not in INFRASTRUCTURE and not path.startswith(PAGE_FILES):
            client = scope["client"][0] if scope.get("client") else ""
            wait = self._limit.seconds_to_wait(client)
            if wait:
                seconds = math.ceil(wait)
                said = f"too many requests; try again in {seconds} s"
                return refusal(429, said, {"Retry-After": str(seconds)})
        return None

    def _is_known(self, headers: Mapping[bytes, bytes]) -> bool:
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        digest = hashlib.sha256(token.strip()).digest()
        return scheme.lower() == b"bearer" and hmac.compare_digest(digest, self._token or b"")


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(PAGE_FILES)


def _of_doubled(headers: Headers) -> Response | None:
    names = [name for name, _ in headers]
    doubled = next((name for name in _SINGLE if names.count(name) > 1), None)
    if doubled is None:
        return None
    return refusal(400, f"the header {doubled.decode()} is given twice; leave one out")


def _of_body(headers: Mapping[bytes, bytes]) -> Response | None:
    """Refuse a body that is not what a route reads, before it is read."""
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != b"application/json":
        # Browsers send JSON to another site only if that site allows it, and we do not.
        return refusal(415, "send JSON, with the header `Content-Type: application/json`")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        said = "send the body as it is, without the header `Content-Encoding`"
        return refusal(415, said, {"Accept-Encoding": "identity"})
    if int(headers.get(b"content-length", b"0")) > LARGEST_BODY:
        return response_to(TooLargeError(LARGEST_BODY))
    return None
