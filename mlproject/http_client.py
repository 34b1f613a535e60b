"""HTTP for our small needs, by the one library that every deployable has: urllib3."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, ProtocolError
from urllib3.exceptions import TimeoutError as TimedOut
from urllib3.util import Retry, make_headers, parse_url

from mlproject import __version__, config
from mlproject.core.errors import UnavailableError

USER_AGENT: Final = f"tvrec/{__version__}"

# Redirects are followed; whether to try again is for the caller to say.
_RETRIES: Final = Retry(total=None, connect=False, read=False, other=0, redirect=10)


@contextmanager
def request(
    method: str,
    url: str,
    *,
    timeout_s: float,
    json: Mapping[str, Any] | None = None,
    credentials: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Iterator[urllib3.BaseHTTPResponse]:
    """Send a request and yield the answer, whatever its status, its body not yet read.

    Parameters
    ----------
    method, url
        What to ask, and where.
    timeout_s
        Seconds to wait for the connection, and for each piece of the answer.
    json
        Sent as the body.
    credentials
        ``user:password``; they do not follow a redirect to another host.
    headers
        Further ones; ``Authorization`` does not follow a redirect either.

    Raises
    ------
    UnavailableError
        If there is no answer, or its body breaks off while the block reads it. Its text is
        the reason alone, such as "Connection refused".
    """
    try:
        with (
            connections(url) as pool,
            pool.request(
                method,
                url,
                json=json,
                headers={
                    **make_headers(user_agent=USER_AGENT, basic_auth=credentials),
                    **(headers or {}),
                },
                preload_content=False,
                retries=_RETRIES,
                timeout=timeout_s,
            ) as answer,
        ):
            yield answer
    except HTTPError as error:
        raise UnavailableError(_reason(error) + config.through_proxy(url)) from error


def connections(url: str, **options: Any) -> urllib3.PoolManager:
    """Return what makes the connections to an address.

    They go through the proxy that the environment names (``https_proxy``, ``no_proxy`` and so
    on), as those of most programs do. Nothing connects before the first request.

    Parameters
    ----------
    url
        The address.
    **options
        Of urllib3's pools, such as those of TLS.
    """
    target = parse_url(url)
    proxy = getproxies().get(target.scheme or "")
    if not proxy or proxy_bypass(target.host or ""):
        return urllib3.PoolManager(**options)
    credentials = parse_url(proxy).auth
    return urllib3.ProxyManager(
        proxy,
        proxy_headers=make_headers(proxy_basic_auth=credentials) if credentials else None,
        **options,
    )


def _reason(error: HTTPError) -> str:
    """Return what went wrong, without the names of classes and pools."""
    if isinstance(error, NewConnectionError):
        return str(getattr(error.__cause__, "strerror", error))
    if isinstance(error, TimedOut):
        return "no answer in time"
    if isinstance(error, ProtocolError):
        return str(error.args[-1]).strip()
    if isinstance(error, MaxRetryError):
        return str(error.reason)
    return str(error)
