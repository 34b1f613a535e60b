"""Turns the failure of a task into the error it would be in this process."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from mlproject.core import errors
from mlproject.core.errors import SparkFailedError, TvrecError

# The last line of a Python traceback in the text of Spark's error.
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
    except (PySparkException, Py4JError) as error:
        found = _OURS.search(str(error))
        kind = getattr(errors, found[1], None) if found else None
        if found and isinstance(kind, type) and issubclass(kind, TvrecError):
            raise kind(found[2]) from error
        first = str(error).strip().partition("\n")[0]
        raise SparkFailedError(f"a job failed on Spark: {first}") from error
