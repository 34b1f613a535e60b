"""The page at ``/``: what is sent for each of its files."""

import re
from importlib.resources import files

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from mlproject.serving.page import PAGE_FILES, page_routes

TEXT = {
    file.name: file.read_text("utf-8") for file in (files("mlproject.serving") / "page").iterdir()
}
NAMES = sorted(TEXT)
PATHS = ["/" if name == "index.html" else f"{PAGE_FILES}{name}" for name in NAMES]
TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
OTHER_HOST = re.compile(r"(?:https?:)?//[\w.-]+\.\w|@import|url\((?!#)")


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(Starlette(routes=page_routes()))


@pytest.mark.parametrize(("path", "name"), list(zip(PATHS, NAMES, strict=True)))
def test_each_file_is_sent_with_its_type_and_its_rules(
    client: TestClient, path: str, name: str
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.text) == (200, TEXT[name])
    assert answer.headers["content-type"] == TYPES[name.partition(".")[2]]
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", PATHS)
def test_a_browser_that_has_a_file_is_not_sent_it_again(client: TestClient, path: str) -> None:
    tag = client.get(path).headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        again = client.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_files_that_differ_have_tags_that_differ(client: TestClient) -> None:
    assert len({client.get(path).headers["etag"] for path in PATHS}) == len(PATHS)


def test_head_tells_what_get_does_without_the_content(client: TestClient) -> None:
    head, get = client.head("/"), client.get("/")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == get.headers


@pytest.mark.parametrize(
    "path", ["/page", "/page/", "/page/none.js", "/page/index.html", "/page/../page.py"]
)
def test_nothing_else_is_sent(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_page_names_no_other_host_and_has_nothing_in_its_markup_that_runs() -> None:
    for name, text in TEXT.items():
        bare = text.replace("http://www.w3.org/2000/svg", "")
        assert not OTHER_HOST.search(bare), name
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", TEXT["index.html"])


def test_data_never_become_markup() -> None:
    for name, text in TEXT.items():
        assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|\beval\b", text), name


def test_every_module_that_is_imported_is_there() -> None:
    for name, text in TEXT.items():
        asked = re.findall(r'(?:from "\./|(?:src|href)="page/)([^"]+)"', text)
        assert set(asked) <= set(NAMES), name
