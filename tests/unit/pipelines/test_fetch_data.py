"""The download of a public data set, against servers on this machine."""

import io
import zipfile
from pathlib import Path

import pytest

from mlproject.core.errors import UnavailableError
from mlproject.pipelines.fetch_data import FILES, fetch_anime
from tests.builders import http_server, raw_server

CONTENT = "anime_id,name\n" + "".join(f"{number},Show {number}\n" for number in range(1000))


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, CONTENT)
    return buffer.getvalue()


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_files_of_the_zip_are_there_after(tmp_path: Path) -> None:
    body, told = zipped(*FILES, "README.md"), []
    with http_server(200, body) as address:
        paths = fetch_anime(
            tmp_path / "new" / "anime",
            url=address,
            on_progress=lambda done, total: told.append((done, total)),
        )
    assert [path.name for path in paths] == list(FILES)
    assert [path.read_text() for path in paths] == [CONTENT, CONTENT]
    assert left_in(tmp_path / "new" / "anime") == sorted(FILES), "and nothing else"
    assert told[-1] == (len(body), len(body))


def test_the_second_time_nothing_is_downloaded(tmp_path: Path, nobody: str) -> None:
    with http_server(200, zipped(*FILES)) as address:
        first = fetch_anime(tmp_path, url=address)
    assert fetch_anime(tmp_path, url=f"http://{nobody}") == first


def test_with_one_file_missing_both_are_fetched(tmp_path: Path) -> None:
    (tmp_path / FILES[0]).write_text("half of an older download")
    with http_server(200, zipped(*FILES)) as address:
        paths = fetch_anime(tmp_path, url=address)
    assert [path.read_text() for path in paths] == [CONTENT, CONTENT]


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (200, b"<html>please log in</html>", "is not the data set: File is not a zip file"),
        (200, zipped(*FILES)[:500], "is not the data set"),
        (200, zipped("other.csv"), "is not the data set"),
        (200, zipped(FILES[0]), "is not the data set"),
        (200, b"", "is not the data set"),
        (404, b"", "HTTP status 404. Without a network, download it in a browser"),
        (503, b"", "HTTP status 503"),
    ],
    ids=["html", "cut off", "other files", "one file", "empty", "404", "503"],
)
def test_what_is_not_the_data_set_is_said_and_leaves_nothing(
    tmp_path: Path, status: int, body: bytes, sentence: str
) -> None:
    with http_server(status, body) as address:
        with pytest.raises(UnavailableError) as caught:
            fetch_anime(tmp_path, url=address)
        assert address in str(caught.value)
    assert sentence in str(caught.value)
    assert left_in(tmp_path) == []


def test_a_server_that_is_down_is_said_with_the_way_round(tmp_path: Path, nobody: str) -> None:
    with pytest.raises(UnavailableError) as caught:
        fetch_anime(tmp_path, url=f"http://{nobody}")
    assert "Connection refused" in str(caught.value)
    assert f"put anime.csv and rating.csv into {tmp_path}" in str(caught.value)


def damaged() -> bytes:
    body = bytearray(zipped(*FILES))
    body[body.index(b"anime.csv") + len("anime.csv")] ^= 0xFF
    return bytes(body)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.9\r\n", id="BadStatusLine"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nPK",
            id="IncompleteRead",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + damaged(), id="zlib.error"),
    ],
)
def test_a_broken_answer_is_an_error_of_ours(tmp_path: Path, answer: bytes) -> None:
    with raw_server(answer) as address, pytest.raises(UnavailableError):
        fetch_anime(tmp_path, url=address)


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with http_server(200, zipped(*FILES)) as address, pytest.raises(UnavailableError):
        fetch_anime(tmp_path / "file" / "anime", url=address)
