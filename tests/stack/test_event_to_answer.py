"""From a user's rating to an answer that knows the user, through every server."""

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlproject.catalogue.files import bundled
from mlproject.core import columns as c
from tests.servers import answers, free_port, kill_all, wait_until
from tests.stack.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400, func_only=True)]

KNOWN_WITHIN_S = 10
"""By the stream alone: nothing is built meanwhile."""
NEWCOMER = 1_000_000_007


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def crime_dramas(count: int) -> list[int]:
    shows = bundled().read().frame
    chosen = shows[c.GENRES].str.contains("Crime") & shows[c.GENRES].str.contains("Drama")
    ids: list[int] = shows.loc[chosen, c.SHOW_ID].head(count).tolist()
    return ids


def serve(world: World, state: Path) -> str:
    """Start a service with a state folder of its own, wait for its model and return its address."""
    port = free_port()
    world.start(
        "service.log",
        *("bentoml", "serve", "bento/service.py:RecommendationsService"),
        *("--host", "127.0.0.1", "--port", str(port)),
        BENTOML_HOME=str(world.folder / "bentoml"),
        BENTOML_DO_NOT_TRACK="True",
        TVREC_STATE_DIR=str(state),
    )
    service = f"http://127.0.0.1:{port}"
    wait_until(lambda: answers(f"{service}/readyz"), 120, "a model in the service")
    return service


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
    service = serve(world, world.folder / "state")
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


def test_a_rating_through_one_service_counts_in_another(world: World, tmp_path: Path) -> None:
    """Two services that share Kafka alone; before and after the broker is stopped."""
    # Those that the first test has left running are no matter: each has its own state.
    states = [tmp_path / name for name in ("one", "other")]
    try:
        one, other = (serve(world, state) for state in states)
        seconds = [seconds_to(one, other, NEWCOMER + 1 + user) for user in range(20)]
        print(f"a rating counts in the other service after {np.median(seconds):.2f} s (median),")
        print(f"{np.quantile(seconds, 0.95):.2f} s (95 %)")
        with world.without("kafka"):
            asked = {"user_id": NEWCOMER + 1, "num_items": 10}
            assert post(f"{other}/recommend", asked)["source"] == "folded-in"
        world.wait_for("kafka")
        print(f"{seconds_to(one, other, NEWCOMER + 100):.2f} s after the broker's return")
    finally:
        for state in states:
            kill_all(state)


def seconds_to(one: str, other: str, user_id: int) -> float:
    """Rate a show through one service; return when the other knows of it."""
    asked = {"user_id": user_id, "num_items": 10}
    assert post(f"{other}/recommend", asked)["source"] == "popular"
    post(f"{one}/rate", {"user_id": user_id, "show_id": 1, "rating": 10})
    began = time.monotonic()
    wait_until(
        lambda: post(f"{other}/recommend", asked)["source"] == "folded-in",
        60,
        "the effect of a rating",
    )
    return time.monotonic() - began
