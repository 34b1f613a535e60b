"""From a user's rating to an answer that knows the user, through every server."""

import json
import time
import urllib.request
from typing import Any

import pytest

from mlproject.catalogue.files import bundled
from mlproject.core import columns as c
from tests.servers import answers, free_port, wait_until
from tests.stack.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400, func_only=True)]

KNOWN_WITHIN_S = 10
"""By the stream alone: nothing is built meanwhile."""
NEWCOMER = 1_000_000_007


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def crime_dramas(count: int) -> list[int]:
    shows = bundled().read().frame
    chosen = shows[c.GENRES].str.contains("Crime") & shows[c.GENRES].str.contains("Drama")
    ids: list[int] = shows.loc[chosen, c.SHOW_ID].head(count).tolist()
    return ids


def test_a_newcomer_who_rates_five_shows_is_known_without_a_build(world: World) -> None:
    world.good("export-shows")
    world.good("generate-ratings", "--once", "--users", "300", "--ratings", "15000")
    world.wait_until_written(60)
    world.start(
        "builder.log",
        *("tvrec", "build"),
        TVREC_BUILD_INTERVAL="3600",
        TVREC_DIMENSIONS="16",
        TVREC_EPOCHS="5",
    )
    port = free_port()
    service = f"http://127.0.0.1:{port}"
    world.start(
        "service.log",
        *("bentoml", "serve", "bento/service.py:RecommendationsService"),
        *("--host", "127.0.0.1", "--port", str(port)),
        BENTOML_HOME=str(world.folder / "bentoml"),
        BENTOML_DO_NOT_TRACK="True",
    )
    wait_until(lambda: answers(f"{service}/readyz"), 120, "a model in the service")
    asked = {"user_id": NEWCOMER, "num_items": 10}
    before = post(f"{service}/recommend", asked)
    assert before["source"] == "popular"

    shows = crime_dramas(5)
    began = time.monotonic()
    for show in shows:
        post(f"{service}/rate", {"user_id": NEWCOMER, "show_id": show, "rating": 10})

    def answer() -> dict[str, Any]:
        return post(f"{service}/recommend", asked)

    def offered() -> set[int]:
        return {item[c.SHOW_ID] for item in answer()["items"]}

    wait_until(
        lambda: answer()["source"] == "personalized" and not offered() & set(shows),
        KNOWN_WITHIN_S,
        f"an answer for the newcomer; the service: {world.said('service.log')}",
    )
    seconds = time.monotonic() - began
    after = answer()
    assert after["model_version"] == before["model_version"]
    print(f"from the first rating to an answer that knows the user: {seconds:.1f} s")
    for item in after["items"]:
        print(f"  {item[c.TITLE]} ({', '.join(item[c.GENRES])})")
