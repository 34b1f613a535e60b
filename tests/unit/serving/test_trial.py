"""Two versions at once: who sees both, what is noted, and what production never notices."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from mlproject.core.exposures import Exposure
from mlproject.core.user_histories import History, Position
from mlproject.serving import contract
from mlproject.serving.application import serving
from mlproject.serving.interleaved import interleaved
from mlproject.serving.recommender import Recommender, Wish
from mlproject.serving.shadow import Shadow, Shown, answered
from mlproject.serving.trial import Shares, Trial
from tests.builders import model, rated
from tests.unit.serving.conftest import FakeWatcher

HISTORY = History(rated((10, 9)), Position(2, {0: 5}))
PRODUCTION = Recommender(3, model(range(1, 31)))
CHALLENGER = Recommender(
    4, replace(model(range(3, 33)), popularity=np.arange(30, 0, -1, dtype=np.float32))
)


@dataclass
class Noted:
    """A log of exposures in a list."""

    exposures: list[Exposure] = field(default_factory=list)
    lost: int = 0

    def start(self) -> None:
        pass

    def append(self, exposure: Exposure) -> None:
        self.exposures.append(exposure)

    def close(self) -> None:
        pass


class Offered(Shadow):
    """A shadow that only notes what it is offered."""

    def __init__(self) -> None:
        self.offers: list[Shown] = []

    def offer(self, shown: Shown) -> None:
        self.offers.append(shown)

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass


def trial(challenger: Recommender | None = CHALLENGER, **shares: float) -> Trial:
    return Trial(Shares(**shares), FakeWatcher(challenger), Offered(), Noted())


def answer(trial: Trial, user: int = 1, **wish: Any) -> dict[str, Any]:
    body = trial.answer(PRODUCTION, user, HISTORY, Wish(**{"num_items": 6, **wish})).body
    told: dict[str, Any] = json.loads(body)
    return told


def noted(trial: Trial) -> list[Exposure]:
    assert isinstance(trial.exposures, Noted)
    return trial.exposures.exposures


def offered(trial: Trial) -> list[Shown]:
    assert isinstance(trial.shadow, Offered)
    return trial.shadow.offers


def shows(told: dict[str, Any]) -> list[int]:
    return [item["show_id"] for item in told["items"]]


PLAIN = json.loads(PRODUCTION.answer(1, HISTORY.ratings, Wish(6), HISTORY.position.record()).body)


@pytest.mark.parametrize("shares", [{}, {"shadow": 1.0}, {"expose": 1.0}])
def test_what_is_not_interleaved_is_productions_answer(shares: dict[str, float]) -> None:
    assert answer(trial(**shares)) == PLAIN


@pytest.mark.parametrize("challenger", [None, replace(CHALLENGER, version=3)])
def test_without_another_version_nobody_takes_turns(challenger: Recommender | None) -> None:
    beside = trial(challenger, interleave=1.0, shadow=1.0)
    assert answer(beside) == PLAIN
    assert noted(beside) == []
    assert offered(beside) == []


def test_an_interleaved_answer_has_shows_of_both() -> None:
    beside = trial(interleave=1.0)
    told = answer(beside)
    assert (told["model_version"], told["challenger_version"]) == (3, 4)
    assert [item["rank"] for item in told["items"]] == [1, 2, 3, 4, 5, 6]
    assert told["position"] == HISTORY.position.record()
    theirs = [
        CHALLENGER.model.shows.ids[row]
        for row in CHALLENGER.rank(CHALLENGER.model.history(HISTORY.ratings), 6)[0]
    ]
    assert set(shows(told)) <= {*shows(PLAIN), *theirs}
    assert set(shows(told)) - set(shows(PLAIN))
    assert shows(told) == shows(answer(beside)), "a user sees the same again"
    assert any(shows(answer(beside, user)) != shows(told) for user in range(20))


def test_each_show_has_productions_card_score_and_reason() -> None:
    told = answer(trial(interleave=1.0), explain=True)
    scores = PRODUCTION.model.scores(PRODUCTION.model.history(HISTORY.ratings))[0]
    for item in told["items"]:
        row = PRODUCTION.model.shows.row(item["show_id"])
        assert item["title"] == f"Show {item['show_id']}"
        assert item["score"] == pytest.approx(float(scores[row]), abs=1e-4)
        assert "reason" in item


def test_an_interleaved_answer_is_always_noted() -> None:
    beside = trial(interleave=1.0)
    told = answer(beside)
    (exposure,) = noted(beside)
    assert exposure.shows == shows(told)
    assert (exposure.user_id, exposure.version, exposure.challenger) == (1, 3, 4)
    assert abs(exposure.teams.count("p") - exposure.teams.count("c")) <= 1
    assert exposure.position == told["position"]


def test_a_plain_answer_is_noted_for_a_share_of_the_users() -> None:
    beside = trial(expose=0.3)
    for user in range(200):
        answer(beside, user)
        answer(beside, user)
    users = [exposure.user_id for exposure in noted(beside)]
    assert users[::2] == users[1::2], "all answers of a user, or none"
    assert 40 < len(set(users)) < 80
    assert {(exposure.challenger, exposure.teams) for exposure in noted(beside)} == {(0, "")}
    assert noted(beside)[0].shows == shows(PLAIN)


def test_a_genre_that_only_production_has_is_answered_by_production() -> None:
    cards = tuple({**card, "genres": ["Comedy"]} for card in CHALLENGER.model.cards)
    other = Recommender(4, replace(CHALLENGER.model, cards=cards))
    told = answer(trial(other, interleave=1.0), genres=("Drama",))
    assert "challenger_version" not in told


def test_the_shadow_is_offered_what_was_shown() -> None:
    beside = trial(shadow=1.0)
    told = answer(beside)
    (offer,) = offered(beside)
    assert offer.shows == set(shows(told))
    assert offer.challenger is CHALLENGER


def test_a_version_agrees_with_itself_and_not_with_its_reverse() -> None:
    shown = Shown(PRODUCTION, HISTORY.ratings, Wish(6), frozenset(shows(PLAIN)))
    agreement, seconds = answered(shown)
    assert agreement == 1.0
    assert seconds > 0
    assert answered(replace(shown, challenger=CHALLENGER))[0] < 1.0


def test_the_shadow_answers_beside_and_outlives_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[float] = []

    def observe(agreement: float, _: float) -> None:
        seen.append(agreement)
        if len(seen) == 1:
            raise RuntimeError("a failure")

    shadow = Shadow(observe)
    shadow.start()
    shown = Shown(PRODUCTION, HISTORY.ratings, Wish(6), frozenset(shows(PLAIN)))
    shadow.offer(shown)
    shadow.offer(shown)
    shadow.stop()
    assert seen == [1.0, 1.0]
    assert "the challenger, version 3, failed" in caplog.text


def test_a_busy_shadow_passes_answers_over() -> None:
    shadow = Shadow(lambda *_: None)
    shown = Shown(PRODUCTION, HISTORY.ratings, Wish(6), frozenset())
    for _ in range(1000):
        shadow.offer(shown)  # it is not started, and nobody waits
    shadow.start()
    shadow.stop()


def test_an_answer_can_be_made_again() -> None:
    told = answer(trial(interleave=1.0))
    pair = PRODUCTION, CHALLENGER
    again = interleaved(pair, 1, HISTORY.ratings, Wish(6), told["position"])
    assert json.loads(again.body) == told


def test_the_service_takes_turns_for_known_users_only(client: TestClient, app: FastAPI) -> None:
    now = serving(app)
    now.watcher.current = PRODUCTION  # type: ignore[misc]  # the fake's can be set
    now.trial = trial(interleave=1.0)
    known = client.post("/recommend", json={"user_id": 1, "num_items": 6})
    assert known.json()["challenger_version"] == 4
    contract.Recommendations.model_validate(known.json())
    brought = client.post("/recommend", json={"history": [{"show_id": 10}], "num_items": 6})
    assert "challenger_version" not in brought.json()
    assert len(noted(now.trial)) == 1
