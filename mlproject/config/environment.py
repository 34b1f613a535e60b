"""Variables that are no settings: those of child processes, of libraries, of proxies."""

import os
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a process that we start."""
    return {**os.environ, **extra}


def path_with(folder: Path) -> str:
    """Return the search path for programs, with a folder before the others."""
    return os.pathsep.join([str(folder), os.environ.get("PATH", os.defpath)])


def spare_loopback_the_proxy(host: str) -> None:
    """Let nothing that stays on this machine go through a proxy of the environment.

    Parameters
    ----------
    host
        The address that our servers bind to.
    """
    for name in ("no_proxy", "NO_PROXY"):
        # Libraries read either of them.
        given = os.environ.get(name) or os.environ.get(name.swapcase(), "")
        hosts = [one.strip() for one in given.split(",") if one.strip()]
        os.environ[name] = ",".join(dict.fromkeys([*hosts, *LOOPBACK, host]))


def through_proxy(url: str) -> str:
    """Say through which proxy an address is reached; nothing if it is reached directly.

    Examples
    --------
    >>> through_proxy("http://127.0.0.1:5000")
    ''
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # no address at all, as "http://[x"
        return ""
    proxy = urllib.request.getproxies().get(parts.scheme)
    host = parts.hostname or ""
    if not proxy or host in LOOPBACK or urllib.request.proxy_bypass(host):
        return ""
    found = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    # Without its user and password.
    where = f"{found.hostname}:{found.port}" if found.port else f"{found.hostname}"
    return (
        f" (through the proxy {where}, which {parts.scheme}_proxy names; if it does not lead "
        f"there, add {host} to no_proxy)"
    )


def forget(name: str) -> None:
    """Take a variable away, for libraries that are loaded later."""
    os.environ.pop(name, None)


def set_defaults(values: Mapping[str, str]) -> None:
    """Set variables that libraries read, where the user has not."""
    for name, value in values.items():
        os.environ.setdefault(name, value)
