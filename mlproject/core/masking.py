"""Secrets out of texts that people will read."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

MASK: Final = "***"
# From the scheme to the last @ before the path: a password may hold an @ of its own.
_USER_OF_URL: Final = re.compile(r"(?<=://)[^\s/?#'\"]+(?=@)")


def mask(value: Any, secrets: Collection[str] = ()) -> Any:
    """Replace secrets, and user and password of addresses, wherever they stand in a value.

    Parameters
    ----------
    value
        A text, or mappings and sequences of texts; anything else is returned as it is if its
        own text holds no secret.
    secrets
        The texts that must not be read; empty ones are passed over.

    Examples
    --------
    >>> mask("no answer from http://ann:pw@host:9000/x", ["hidden"])
    'no answer from http://***@host:9000/x'
    >>> mask({"told": ["it is hidden", 7]}, ["hidden"])
    {'told': ['it is ***', 7]}
    """
    match value:
        case str():
            for secret in sorted(filter(None, secrets), key=len, reverse=True):
                value = value.replace(secret, MASK)
            return _USER_OF_URL.sub(MASK, value)
        case Mapping():
            return {name: mask(one, secrets) for name, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [mask(one, secrets) for one in value]
        case None | bool() | int() | float():
            return value
    text = str(value)
    masked = mask(text, secrets)
    return value if masked == text else masked
