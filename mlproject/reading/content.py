"""From a file to its text in UTF-8: compression by what is in it, encodings without a guess."""

import bz2
import codecs
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyarrow as pa
from charset_normalizer import from_bytes

from mlproject.core.errors import DataError

PARQUET: Final = b"PAR1"

_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"
_TAR_MARK: Final = slice(257, 262)
# A tar in a gzip is two layers.
_MOST_LAYERS: Final = 3
_DAMAGE: Final = (
    OSError,
    EOFError,
    RuntimeError,  # an encrypted archive
    ValueError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    pa.ArrowException,
)

_NO_TABLES: Final = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook; save its sheet as CSV (UTF-8)",
    b"SQLite format 3": "an SQLite database; export its table as CSV",
    b"%PDF": "a PDF",
    b"\x89HDF": "an HDF5 file; export its table as CSV",
    b"7z\xbc\xaf": "a 7-zip archive; unpack it and name the file in it",
    b"Rar!": "a RAR archive; unpack it and name the file in it",
    b"version https://git-lfs": "a pointer of Git LFS; fetch the file with `git lfs pull`",
    b"<!doctype html": "a web page; the download gave a page and no file",
    b"<html": "a web page; the download gave a page and no file",
    b"<?xml": "an XML file; export its table as CSV",
}
"""What a file begins with, in lower case for texts, and what it is then."""

_BOMS: Final = (
    # UTF-32 first, since its mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GUESSED: Final = ["cp1252", "cp1250", "cp1251", "cp1253", "cp932", "gb18030", "big5", "euc_kr"]
_NAMES: Final = 24
_SAMPLE: Final = 1 << 20
# The letters and signs of Western Europe above ASCII.
_WESTERN: Final = re.compile(
    # Quotation marks and dashes by number, as they look like others.
    r"[\x00-\x7fÀ-ÖØ-öø-ÿŒœŠšŽžŸ\u2013\u2014\u2018-\u201a\u201c-\u201e…•·°½¡¿«»®©™€£§\xb4\xa0\xad]*"
)


def read_content(path: Path, error: type[DataError]) -> bytes:
    """Return what is in a file, unpacked whatever its name says.

    Parameters
    ----------
    path
        The file: plain, or compressed by gzip, bzip2, xz, zstd, or a zip or tar of one file.
    error
        What to raise.

    Raises
    ------
    DataError
        Of the given kind: if the file is missing, empty, damaged, or of a kind that is no
        table; the text says what to do.
    """
    try:
        content = path.read_bytes()
        for _ in range(_MOST_LAYERS):
            if (inner := _unpacked(content)) is None:
                break
            content = inner
    except FileNotFoundError:
        raise error(f"there is no file {path}") from None
    except _NoSingleFileError as cause:
        raise error(f"{path} {cause}") from None
    except _DAMAGE as cause:
        raise error(f"{path} cannot be read as a table: {cause}") from cause
    if not content.strip():
        raise error(f"{path} is empty")
    start = content[:64].lstrip().lower()
    for mark, what in _NO_TABLES.items():
        if start.startswith(mark.lower()):
            raise error(f"{path} is {what}")
    return content


def to_utf8(content: bytes, path: Path, error: type[DataError], *, letters: bool) -> bytes:
    """Return a text in UTF-8, without a byte order mark.

    Parameters
    ----------
    content
        The text in UTF-8, in UTF-16 or UTF-32, or in a code page.
    path, error
        For the error.
    letters
        Whether the letters beyond ASCII matter; if not, any code page will do.

    Raises
    ------
    DataError
        If the encoding is in doubt, or the content is no text.
    """
    name = next((encoding for mark, encoding in _BOMS if content.startswith(mark)), None)
    if name is None:
        name = _wide(content) or ("utf-8" if _is_utf8(content) else None)
    if name == "utf-8":
        return content
    if name is None:
        name = _code_page(content, path, error) if letters else "latin-1"
    try:
        return content.decode(name).encode()
    except UnicodeDecodeError as cause:
        raise error(f"{path} cannot be read as a table: it is no text in {name}") from cause


def _zstd(content: bytes) -> bytes:
    unpacked: bytes = pa.input_stream(pa.py_buffer(content), compression="zstd").read()
    return unpacked


_COMPRESSIONS: Final[dict[bytes, Callable[[bytes], bytes]]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ\x00": lzma.decompress,
    b"\x28\xb5\x2f\xfd": _zstd,
}


class _NoSingleFileError(Exception):
    """An archive has no file in it, or several."""


def _unpacked(content: bytes) -> bytes | None:
    """Take off one layer of compression; None if there is none."""
    for mark, unpack in _COMPRESSIONS.items():
        if content.startswith(mark):
            return unpack(content)
    if content.startswith((_ZIP, _EMPTY_ZIP)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
            if any(name.startswith("xl/") for name in names):
                raise _NoSingleFileError("is an Excel workbook; save its sheet as CSV (UTF-8)")
            return archive.read(_only(names))
    if content[_TAR_MARK] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            names = [member.name for member in tar.getmembers() if member.isfile()]
            file = tar.extractfile(_only(names))
            return file.read() if file else b""
    return None


def _only(names: list[str]) -> str:
    """Return the one name, apart from what macOS adds."""
    named = [n for n in names if "__MACOSX" not in n and not Path(n).name.startswith(".")]
    if len(named) != 1:
        found = ", ".join(named[:5]) or "no file"
        raise _NoSingleFileError(
            f"is an archive of {len(named)} files ({found}); unpack it and name one of them"
        )
    return named[0]


def _wide(content: bytes) -> str | None:
    """Tell UTF-16 without its mark: names in ASCII then have a zero in every other byte."""
    head = content[:_NAMES]
    evens, odds = head[::2], head[1::2]
    if odds and odds.count(0) > 0.9 * len(odds) and not evens.count(0):
        return "utf-16-le"
    if evens and evens.count(0) > 0.9 * len(evens) and not odds.count(0):
        return "utf-16-be"
    return None


def _is_utf8(content: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(content)
    try:
        for start in range(0, len(content), _SAMPLE):
            decoder.decode(view[start : start + _SAMPLE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _code_page(content: bytes, path: Path, error: type[DataError]) -> str:
    """Tell the code page of a text: what is not plain Western is only taken without a rival.

    charset-normalizer alone takes "Señora" for Polish, so where Windows-1252 reads a text
    as one of Western Europe it is preferred, and of other code pages none may compete.
    """
    # Lines in ASCII say nothing of it.
    odd = b"\n".join(line for line in content.splitlines() if not line.isascii())[:_SAMPLE]
    found = list(from_bytes(odd, cp_isolation=_GUESSED))
    try:
        western = odd.decode("cp1252")
    except UnicodeDecodeError:
        western = None
    if western is not None and _WESTERN.fullmatch(western):
        for match in found:
            if match.encoding == "cp1252" or odd.decode(match.encoding, "replace") == western:
                return "cp1252"
    if len(found) == 1:
        return found[0].encoding
    rivals = ", ".join(match.encoding for match in found[:3]) or "no encoding that is known"
    raise error(
        f"{path} cannot be read as a table: its text is not UTF-8, and it may be {rivals}; "
        "save it as UTF-8"
    )
