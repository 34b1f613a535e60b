"""Turns the failure of a task into the error it would be in this process."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from mlproject.core import errors
from mlproject.core.errors import SparkFailedError, TvrecError

JVM_ERRORS: Final = (Py4JError, ConnectionError)
"""What a call of the JVM raises: that it fails there, or that the JVM has ended."""

# The last line of a Python traceback in the text of Spark's error.
_JAVAS: Final = re.compile(r"^: .+", re.MULTILINE)
_FIRST: Final = re.compile(r".+")
_OURS: Final = re.compile(r"mlproject\.core\.errors\.(\w+): (.+)")


@contextmanager
def told() -> Iterator[None]:
    """Turn errors of Spark into ours.

    Raises
    ------
    TvrecError
        The one that a task raised, if it did.
    SparkFailedError
        For any other.
    """
    try:
        yield
    except (PySparkException, *JVM_ERRORS) as error:
        found = _OURS.search(str(error))
        kind = getattr(errors, found[1], None) if found else None
        if found and isinstance(kind, type) and issubclass(kind, TvrecError):
            raise kind(found[2]) from error
        raise SparkFailedError(f"a job failed on Spark: {said_by(error)}") from error


def said_by(error: Exception) -> str:
    """Return the first line that Spark itself says; before it Py4J names what was called."""
    text = str(error).strip()
    return (_JAVAS.search(text) or _FIRST.match(text) or [""])[0].removeprefix(": ")
