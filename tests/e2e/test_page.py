"""The page at ``/`` in a real browser, answered by a real service."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from mlproject.catalogue.files import bundled
from mlproject.core import columns as c
from mlproject.core.ids import IdMap
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.dataset.cards import cards
from mlproject.models.files import save_model
from mlproject.models.linear import Linear
from tests.browser import Page, browser_page, chromium
from tests.servers import bento_service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

VERSION = 7
TOKEN = "a token for this service"
MARKUP = "<img src=x onerror=alert(1)> & Sons"
LONG = "Donaudampfschifffahrt" * 10
DARK, WIRE = "Dark", "The Wire"
FIRST = "document.querySelector('#items h3')?.textContent"
HAS_ROWS = "document.querySelectorAll('#items h3').length === 10"
HAS_CHIPS = "document.querySelectorAll('#popular button').length > 0"
UNBOUND = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
FOCUSED = "document.activeElement.outerHTML"


def by_genres() -> TrainedModel:
    """A linear model of the bundled catalogue: shows speak for what shares their genres."""
    catalogue = bundled().read()
    known = cards(catalogue)
    known[-1][c.TITLE] = MARKUP
    known[-2][c.TITLE] = LONG
    names = sorted({genre for card in known for genre in card[c.GENRES]})
    held = np.array([[name in card[c.GENRES] for name in names] for card in known], dtype=float)
    shared = held @ held.T
    likeness = shared / (held.sum(axis=1)[:, None] + held.sum(axis=1) - shared)
    np.fill_diagonal(likeness, 0)
    places = [np.flatnonzero(row) for row in likeness]
    popularity = np.linspace(1, 0.5, len(known), dtype=np.float32)
    return TrainedModel(
        shows=IdMap.of([card[c.SHOW_ID] for card in known]),
        model=Linear(
            indptr=np.cumsum([0, *map(len, places)]),
            columns=np.concatenate(places).astype(np.int32),
            values=likeness[likeness > 0].astype(np.float16),
            prior=popularity / 10,
        ),
        popularity=popularity,
        history_weights=history_weights(),
        cards=known,
    )


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with the version that it kept from its last life."""
    chromium()  # before anything is started for a test that will be skipped
    state = tmp_path_factory.mktemp("page") / "var"
    version = state / "models" / "service" / f"{VERSION}-run"
    version.mkdir(parents=True)
    save_model(by_genres(), version)
    note = {"version": VERSION, "folder": version.name}
    (version.parent / "current.json").write_text(json.dumps(note))
    with bento_service(state) as (url, _):
        yield url


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser_page(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture
def page(service: str, browser: Page) -> Page:
    """The page as a visitor finds it."""
    browser.requests.clear()
    browser.troubles.clear()
    browser.resize(1400, 900)
    browser.prefer(reduced_motion="reduce")  # so that what is clicked stands still
    browser.open(f"{service}/")
    browser.wait(HAS_ROWS)
    browser.wait(HAS_CHIPS)
    return browser


def find(page: Page, text: str) -> None:
    """Type into the search, which has the focus."""
    page.type(text)
    page.wait("!document.getElementById('found').hidden")


def pick(page: Page, title: str) -> None:
    page.click("#search")
    find(page, title)
    page.press("Enter")
    page.wait(f"{reasons_with(title)} > 0")


def reasons_with(title: str) -> str:
    return (
        "[...document.querySelectorAll('#items .reason')]"
        f".filter((each) => each.textContent.includes({json.dumps(title)})).length"
    )


def test_recommendations_follow_each_click_and_say_why(page: Page) -> None:
    popular = page.texts("#items h3")
    pick(page, DARK)
    assert set(page.texts("#items .reason")) == {f"because you watched {DARK}"}
    assert "From 1 show of yours, by version 7" in page.texts("#source")
    of_dark = page.texts("#items h3")
    assert of_dark != popular
    assert DARK not in of_dark

    seen = of_dark[2]
    page.click("#items > li:nth-child(3) .seen")
    page.wait(f"![...document.querySelectorAll('#items h3')].some(e => e.textContent === {seen!r})")
    assert page.texts("#picks .title") == [seen, DARK]
    assert "From 2 shows of yours, by version 7" in page.texts("#source")

    page.click("#picks li:nth-child(2) .remove")
    page.wait(f"{reasons_with(DARK)} === 0")
    assert page.texts("#picks .title") == [seen]


def test_a_bad_rating_speaks_for_nothing(page: Page) -> None:
    pick(page, DARK)
    pick(page, WIRE)
    page.value("document.querySelector('#picks li:nth-child(1) input').focus()")
    page.press("ArrowRight")
    page.wait(f"{reasons_with(WIRE)} === 0")
    assert page.texts("#picks .value") == ["1/10", "watched"]


def test_genres_filter_and_similar_shows_open(page: Page) -> None:
    page.click("#genres button:nth-child(2)")
    (genre,) = page.texts("#genres [aria-pressed=true]")
    page.wait(
        "[...document.querySelectorAll('#items .facts')]"
        f".every((each) => each.textContent.includes({genre!r}))"
    )
    assert len(page.texts("#items h3")) == 10
    page.click("#items h3 button")
    page.wait("document.querySelectorAll('#items .similar .chip').length === 6")
    wanted = page.texts("#items .similar .chip")[0]
    page.click("#items .similar .chip")
    page.wait(f"{reasons_with(wanted)} > 0")
    assert page.texts("#picks .title") == [wanted]


def test_a_known_user_is_recommended_to(page: Page) -> None:
    page.click(".who label:nth-of-type(2)")
    page.wait("document.getElementById('user-note').textContent !== ''")
    assert "Nothing is known of user 1" in page.texts("#user-note")[0]
    page.wait("document.querySelectorAll('#items .seen').length === 0")
    assert len(page.texts("#items h3")) == 10


def test_ratings_that_a_proxy_keeps_to_itself_are_done_without(page: Page) -> None:
    page.value(
        """
        const real = window.fetch;
        window.fetch = (path, rest) => path.startsWith("users/")
          ? Promise.resolve(new Response("<h1>404 Not Found</h1>", {status: 404}))
          : real(path, rest);
        0
        """
    )
    page.click(".who label:nth-of-type(2)")
    page.wait("document.getElementById('user-note').textContent !== ''")
    assert "is not shown here" in page.texts("#user-note")[0]
    page.wait("document.querySelectorAll('#items .seen').length === 0")
    assert len(page.texts("#items h3")) == 10
    assert page.value("document.getElementById('trouble').hidden")


def test_it_tells_which_version_answers(page: Page) -> None:
    page.wait("document.querySelector('#model strong') !== null")
    assert page.texts("#model strong") == [f"Version {VERSION}"]
    assert page.texts("#model .version span") == ["Sparse linear"]


def test_the_keyboard_is_enough_and_the_focus_is_always_seen(page: Page) -> None:
    def focus(selector: str, key: str = "Tab") -> None:
        for _ in range(60):
            page.press(key)
            assert page.value(
                "(({outlineStyle, outlineWidth}) => outlineStyle !== 'none' && outlineWidth)("
                "getComputedStyle(document.activeElement.matches('[name=who]')"
                " ? document.activeElement.nextElementSibling : document.activeElement))"
            ), page.value(FOCUSED)
            if page.value(f"document.activeElement.matches({selector!r})"):
                return
        pytest.fail(f"Tab does not lead to {selector}")

    focus("#search")
    find(page, "da")
    first = page.value("document.querySelector('[aria-selected=true] .title').textContent")
    page.press("ArrowDown")
    second = page.value("document.querySelector('[aria-selected=true] .title').textContent")
    assert first != second
    assert page.value(
        "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"
        ".getAttribute('aria-selected')"
    )
    page.press("Enter")
    page.wait(f"{reasons_with(second)} > 0")
    focus("#picks input")
    page.press(*["ArrowRight"] * 9)
    page.wait("document.querySelector('#picks .value').textContent === '9/10'")
    page.wait(f"document.querySelector('#said').textContent.includes('rated {second}')")
    focus("#items h3 button")
    page.press("ArrowDown", "Enter")
    page.wait("document.querySelectorAll('#items li:nth-child(2) .similar .chip').length > 0")
    focus("#items .seen")
    seen = page.value("document.activeElement.closest('li').querySelector('h3').textContent")
    page.press("Enter")
    page.wait(f"document.querySelector('#picks .title').textContent === {seen!r}")
    page.wait(f"![...document.querySelectorAll('#items h3')].some(e => e.textContent === {seen!r})")
    assert page.value("document.activeElement.matches('#items .seen')"), page.value(FOCUSED)
    focus("#picks .remove", "Shift+Tab")
    page.press("Enter", "Enter")
    page.wait("document.querySelectorAll('#picks li').length === 0")
    assert page.value("document.activeElement.id") == "search"
    find(page, "dark")
    page.press("Escape")
    assert page.value("document.getElementById('found').hidden")


def test_nothing_is_asked_of_another_host(page: Page, service: str) -> None:
    pick(page, DARK)
    page.click("#items h3 button")
    page.wait("document.querySelectorAll('#items .similar .chip').length > 0")
    hosts = {urlsplit(url).netloc for url in page.requests}
    assert hosts == {urlsplit(service).netloc}
    assert page.troubles == []


@pytest.mark.parametrize("width", [360, 780, 1000, 1400])
def test_no_width_scrolls_sideways(page: Page, width: int) -> None:
    page.resize(width, 740)
    pick(page, DARK)
    page.value("document.querySelector('#search').focus()")
    find(page, LONG[:30])
    page.press("Enter")
    page.wait(f"{reasons_with(LONG)} > 0")
    page.click("#items h3 button")
    page.wait("document.querySelectorAll('#items .similar .chip').length > 0")
    page.click("#search")
    find(page, LONG[:30])
    assert page.value(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )


def test_a_title_is_a_text_whatever_is_in_it(page: Page) -> None:
    page.click("#search")
    find(page, "onerror")
    assert page.texts("#found .title") == [MARKUP]
    page.press("Enter")
    page.wait("document.querySelectorAll('#picks li').length === 1")
    assert page.texts("#picks .title") == [MARKUP]
    assert page.value("document.querySelectorAll('main img').length") == 0


def test_a_late_answer_never_replaces_a_newer_one(page: Page) -> None:
    # The first question is answered last, even though it has been given up.
    page.value(
        """
        const real = window.fetch;
        window.held = [];
        window.fetch = (path, {signal, ...rest}) => {
          if (path !== "recommend" || window.held.length) return real(path, {signal, ...rest});
          return new Promise((give) => window.held.push(() => real(path, rest).then(give)));
        };
        """
    )
    page.click("#genres button:nth-child(1)")
    page.wait("window.held.length === 1")
    page.click("#genres button:nth-child(1)")
    page.click("#genres button:nth-child(2)")
    (genre,) = page.texts("#genres [aria-pressed=true]")
    shown = (
        "[...document.querySelectorAll('#items .facts')]"
        f".every((each) => each.textContent.includes({genre!r}))"
    )
    page.wait(shown)
    page.value("window.held[0]().then(() => setTimeout(() => { window.came = true }, 300)); 0")
    page.wait("window.came")
    assert page.value(shown)


def test_a_service_that_does_not_answer_is_said_and_asked_again(page: Page) -> None:
    page.call("Network.emulateNetworkConditions", offline=True, **UNBOUND)
    page.click("#genres button:nth-child(1)")
    page.wait("!document.getElementById('trouble').hidden")
    assert "The service does not answer." in page.texts("#trouble p")[0]
    assert len(page.texts("#items h3")) == 10
    page.value("document.querySelector('#trouble button').focus()")
    page.call("Network.emulateNetworkConditions", offline=False, **UNBOUND)
    page.wait("document.getElementById('trouble').hidden")
    assert page.value("document.activeElement.id") == "recommendations"


def test_it_asks_for_the_token_and_says_that_there_is_no_model(
    browser: Page, tmp_path: Path
) -> None:
    known = hashlib.sha256(TOKEN.encode()).hexdigest()
    with bento_service(tmp_path / "var", TVREC_TOKEN_SHA256=known) as (url, _):
        browser.open(f"{url}/")
        browser.wait("document.getElementById('ask-token')?.hidden === false")
        assert "token" in browser.texts("#trouble p")[0]
        browser.click("#token")
        browser.type(TOKEN)
        browser.press("Enter")
        browser.wait("document.querySelector('#trouble p').textContent.includes('production yet')")
        assert browser.value("document.getElementById('ask-token').hidden")
        assert browser.texts("#items li") == []
        browser.open("about:blank")
