"""Spans: how long a piece of work takes, told to whoever listens; unless asked for, nobody."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol

Value = str | int | float | bool
Tell = Callable[[Mapping[str, Value]], None]
"""Tells more of a span while it is open."""


class Span(Protocol):
    """Makes a span of a ``with`` block, below the one that is open."""

    def __call__(
        self, name: str, attributes: Mapping[str, Value] | None = None, /
    ) -> AbstractContextManager[Tell]:
        """Return what is entered; ``attributes`` are what is known before."""
        ...


def unseen(_: str, __: Mapping[str, Value] | None = None, /) -> AbstractContextManager[Tell]:
    """Make no span.

    Examples
    --------
    >>> with unseen("load") as tell:
    ...     tell({"tvrec.snapshot": 3})
    """
    return _NOBODY


def _untold(_: Mapping[str, Value]) -> None: ...


_NOBODY: Final = nullcontext(_untold)
