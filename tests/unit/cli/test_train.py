"""The commands that train: once, again and again, and in search of settings."""

import json
import re
import threading
from collections.abc import Callable

import pytest
from click.testing import Result

from mlproject import scheduling
from mlproject.pipelines import train as train_module
from mlproject.provenance import user_name
from mlproject.registry.gate import Outcome, Verdict
from mlproject.testing import MemoryRegistry

Run = Callable[..., Result]

SMALL = ("--dimensions", 4, "--epochs", 2, "--threads", 1)


@pytest.fixture
def winner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every model win."""
    verdict = Verdict(Outcome.PROMOTE, "it wins")
    monkeypatch.setattr(train_module, "judge", lambda *_, **__: verdict)


@pytest.mark.usefixtures("winner")
def test_train_promotes_a_winner(filled: Run, registry: MemoryRegistry) -> None:
    result = filled("train", *SMALL)
    assert result.exit_code == 0
    (kept,) = registry.runs(9)
    assert result.stdout.splitlines()[0] == f"run {kept.run_id}: it wins"
    assert re.fullmatch(
        r"held out: [0-9,]+ of [0-9,]+ ratings, time from 20\S+Z to 20\S+Z",
        result.stdout.splitlines()[1],
    )
    assert "precision_at_10" in result.stdout
    assert result.stdout.splitlines()[-1] == "version 1 is in production"
    assert kept.params["dimensions"] == "4"
    assert kept.tags["trained_by"] == user_name()


@pytest.mark.usefixtures("winner")
def test_train_prints_json(filled: Run, registry: MemoryRegistry) -> None:
    told = json.loads(filled("train", *SMALL, "--json").stdout)
    assert told["promoted"] is True
    assert told["version"] == 1
    assert told["reason"] == "it wins"
    assert told["split"] == registry.runs(1)[0].tags["split"]
    assert 0 <= told["metrics"]["precision_at_10"] <= 1


@pytest.mark.usefixtures("winner")
def test_train_promotes_nothing_when_told(filled: Run, registry: MemoryRegistry) -> None:
    told = json.loads(filled("train", *SMALL, "--no-promote", "--json").stdout)
    assert (told["promoted"], told["version"]) == (False, None)
    text = filled("train", *SMALL, "--no-promote").stdout
    assert f"not promoted, as asked; `tvrec promote --run {registry.runs(1)[0].run_id}`" in text
    assert registry.production() is None


def test_train_says_how_to_promote_a_loser(
    filled: Run, registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = Verdict(Outcome.KEEP, "it loses")
    monkeypatch.setattr(train_module, "judge", lambda *_, **__: verdict)
    lines = filled("train", *SMALL).stdout.splitlines()
    run_id = registry.runs(1)[0].run_id
    assert lines[0] == f"run {run_id}: it loses"
    assert lines[-1] == f"not promoted; `tvrec promote --run {run_id}` does it all the same"
    # Whatever two epochs have made of it.
    told = filled("promote", "--run", run_id, "--force", "--reason", "to see").stdout
    assert "version 1 is in production\n" in told
    assert "its model is the measured one, which has not learned what was held out\n" in told


def test_promote_says_that_a_winner_has_learned_everything(
    filled: Run, registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = Verdict(Outcome.PROMOTE, "it wins")
    monkeypatch.setattr(train_module, "judge", lambda *_, **__: verdict)
    filled("train", *SMALL, "--no-promote")
    given = ("promote", "--run", registry.runs(1)[0].run_id, "--force", "--reason", "to see")
    assert (
        "its model was fitted again on everything, the holdout included\n" in filled(*given).stdout
    )
    assert json.loads(filled(*given, "--json").stdout)["served"].startswith("fitted again")


@pytest.mark.usefixtures("winner")
def test_build_comes_back_with_the_settings_of_the_builder(
    filled: Run, registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_every(seconds: float, job: Callable[[], object], _: threading.Event) -> None:
        assert seconds == 7
        job()
        job()

    monkeypatch.setattr(scheduling, "run_every", run_every)
    result = filled(
        "build",
        TVREC_BUILD_INTERVAL="7",
        TVREC_EPOCHS="1",
        TVREC_DIMENSIONS="2",
        TVREC_THREADS="1",
    )
    assert result.exit_code == 0
    linear, lightfm = registry.runs(9)
    assert (lightfm.params["dimensions"], lightfm.tags["trained_by"]) == ("2", "model-builder")
    assert linear.params["trainer"] == "linear"
    assert "nothing new to train on" in result.stderr


def test_tune_shows_the_best_trials_and_how_to_train_with_them(filled: Run) -> None:
    told = filled("tune", "--trainer", "linear", "--trials", 2)
    assert told.exit_code == 0, told.output
    assert "The best of 2 trials, 2 of them now" in told.output
    assert re.search(r"^export TVREC_RIDGE=[0-9.]+$", told.output, re.MULTILINE)
    again = filled("tune", "--trainer", "linear", "--trials", 1, "--json")
    found = json.loads(again.stdout)
    assert (len(found["trials"]), found["now"]) == (3, 1)
    assert found["trials"][0]["precision"] >= found["trials"][-1]["precision"]
    assert set(found["trials"][0]["settings"]) == {
        "neighbours",
        "ridge",
        "dropout",
        "fewest_raters",
    }


def test_tune_takes_no_trainer_without_settings(run: Run) -> None:
    told = run("tune", "--trainer", "popularity")
    assert told.exit_code == 2
    assert "'popularity' is not one of 'lightfm', 'linear'" in told.output
