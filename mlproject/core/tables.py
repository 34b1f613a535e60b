"""Files of rows, whatever is in them."""

import lzma
import tarfile
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any, Final

import pandas as pd

from mlproject.core.errors import DataError

try:
    from compression.zstd import ZstdError  # type: ignore[import-not-found]  # Python 3.14
except ImportError:
    ZstdError = OSError

_UNREADABLE: Final = (
    OSError,
    EOFError,
    ImportError,  # a compression whose library is not here
    OverflowError,
    RuntimeError,  # an encrypted archive
    ValueError,  # pandas' own errors and those of text decoding
    pd.errors.ParserWarning,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    ZstdError,
)


def read_table(path: Path, error: type[DataError], **options: Any) -> pd.DataFrame:
    """Read a CSV or, by its name, JSON-lines file, compressed or not.

    Parameters
    ----------
    path
        The file.
    error
        What to raise.
    **options
        Of ``pandas.read_csv``.

    Raises
    ------
    DataError
        Of the given kind, naming the file, if it is missing, empty or not a table.
    """
    try:
        if ".jsonl" in path.suffixes:
            return pd.read_json(path, lines=True)
        csv = {"index_col": False, "keep_default_na": False, "na_values": [""]}
        if "engine" not in options:
            csv["low_memory"] = False
        with warnings.catch_warnings():
            # Rows that are longer than the header would be cut.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table: pd.DataFrame = pd.read_csv(path, **{**csv, **options})
        return table  # noqa: TRY300 - the other way out is above
    except FileNotFoundError:
        raise error(f"there is no file {path}") from None
    except pd.errors.EmptyDataError:
        raise error(f"{path} is empty") from None
    except _UNREADABLE as cause:
        raise error(f"{path} cannot be read as a table: {cause}") from cause
