"""Where the catalogue is in the store.

::

    catalogue/shows.parquet                      the catalogue
    catalogue/history/2026-11-22/shows.parquet   as it was that day
"""

from datetime import date
from typing import Final

CATALOGUE: Final = "catalogue/shows.parquet"


def catalogue_of(day: date) -> str:
    """Return the key of the catalogue as it was at the end of a day."""
    return f"catalogue/history/{day.isoformat()}/shows.parquet"
