"""The commands: what each does, prints for people, and prints for programs."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import Result

from mlproject import config, launch, scheduling, signals
from mlproject.batches.sink import BatchSink
from mlproject.catalogue.files import bundled
from mlproject.catalogue.stored import read_catalogue
from mlproject.cli import tvrec
from mlproject.core import columns as c
from mlproject.objects.local import LocalStore
from mlproject.pipelines import fetch_data
from mlproject.pipelines import train as train_module
from mlproject.provenance import user_name
from mlproject.registry.gate import Outcome, Verdict
from mlproject.snapshot.ingest import ingest
from mlproject.testing import MemoryRegistry
from tests.builders import http_server, promote_one, ratings, written
from tests.servers import free_port

Run = Callable[..., Result]

SMALL = ("--dimensions", 4, "--epochs", 2, "--threads", 1)


def commands(group: click.Group, path: str) -> Iterator[str]:
    """Yield every command's path, groups left out."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}"


COMMANDS = list(commands(tvrec, "tvrec"))


def store_of(state: Path) -> LocalStore:
    return LocalStore(state / "store")


@pytest.fixture
def filled(run: Run) -> Run:
    """The command line, after an export and some ratings."""
    assert run("export-shows").exit_code == 0
    assert run("generate-ratings", "--once", "--users", 100, "--ratings", 2000).exit_code == 0
    return run


@pytest.fixture
def winner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every model win."""
    verdict = Verdict(Outcome.PROMOTE, "it wins")
    monkeypatch.setattr(train_module, "judge", lambda *_, **__: verdict)


@pytest.mark.parametrize("path", COMMANDS)
def test_the_help_of_a_command_says_what_it_does(run: Run, path: str) -> None:
    result = run(*path.split()[1:], "--help")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: {path} ")
    assert "\b" not in result.output
    assert "\\b" not in result.output
    assert run(*path.split()[1:], "-h").output == result.output


@pytest.mark.parametrize("path", COMMANDS)
def test_the_help_of_a_command_shows_an_example(run: Run, path: str) -> None:
    lines = run(*path.split()[1:], "--help").output.splitlines()[1:]
    assert [line for line in lines if line.startswith(f"  {path}")]


def test_the_help_and_the_version_of_all(run: Run) -> None:
    assert "tvrec recommend --user 1" in run("--help").output
    assert run("--version").exit_code == 0
    assert run().exit_code == 2, "no command is wrong usage, and shows the help"
    assert "Usage: tvrec" in run().output


def test_export_shows_puts_the_bundled_catalogue_there(run: Run, state: Path) -> None:
    count = len(bundled().read())
    uri = store_of(state).uri
    assert f"exported {count} shows in {uri}" in run("export-shows").stderr
    assert f"unchanged: {count} shows in {uri}" in run("export-shows").stderr
    assert len(read_catalogue(store_of(state))) == count


def test_export_shows_takes_a_file_and_force(run: Run, state: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("show_id,title\n1,One\n2,Two\n")
    run("export-shows")
    refused = run("export-shows", "--catalogue", own)
    assert refused.exit_code == 4
    assert "Use --force if that is right" in refused.stderr
    assert run("export-shows", "--catalogue", own, "--force").exit_code == 0
    assert len(read_catalogue(store_of(state))) == 2


def test_export_shows_comes_back(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def run_every(seconds: float, job: Callable[[], None], _: threading.Event) -> None:
        asked.append(seconds)
        job()

    monkeypatch.setattr(scheduling, "run_every", run_every)
    result = run("export-shows", "--loop", TVREC_EXPORT_INTERVAL="60")
    assert asked == [60]
    assert "exported" in result.stderr


def test_generate_ratings_sends_the_backlog_once(run: Run, state: Path) -> None:
    run("export-shows")
    arguments = ("generate-ratings", "--once", "--users", 20, "--ratings", 300)
    assert "sent 300 ratings, 300 in all" in run(*arguments).stderr
    assert "sent 0 ratings, 300 in all" in run(*arguments).stderr
    assert len(written(store_of(state))) == 300


def test_simulated_users_rate_what_was_exported(run: Run, state: Path, tmp_path: Path) -> None:
    """Not a source of their own, whatever the settings name."""
    refused = run("generate-ratings", "--once")
    assert refused.exit_code == 4
    assert "`tvrec export-shows` puts one there" in refused.stderr
    own = tmp_path / "own.csv"
    own.write_text("show_id,title\n901,One\n902,Two\n")
    run("export-shows", "--catalogue", own)
    run("generate-ratings", "--once", "--users", 20, "--ratings", 20)
    assert set(written(store_of(state)).frame[c.SHOW_ID]) <= {901, 902}


def test_the_ratings_of_another_source_or_seed_are_refused(
    run: Run, state: Path, tmp_path: Path
) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text("user_id,show_id,rating\n1,1,9\n1,2,8\n")
    run("export-shows")
    run("generate-ratings", "--once", "--users", 20, "--ratings", 20)
    other = run("generate-ratings", "--once", "--replay", file)
    assert other.exit_code == 3
    assert "holds simulated ratings; ratings of two sources must not be mixed" in other.stderr
    seed = run("generate-ratings", "--once", "--seed", 7)
    assert seed.exit_code == 3
    assert "were begun with TVREC_SEED=42, and it is 7 now" in seed.stderr
    assert len(written(store_of(state))) == 20


def test_a_grown_file_is_sent_to_its_end(run: Run, state: Path, tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    lines = [f"{row % 40},{row // 40},{row % 10 + 1}" for row in range(1000)]
    for end in (600, 800, 1000):
        file.write_text("\n".join(["user_id,show_id,rating", *lines[:end]]))
        done = run("generate-ratings", "--replay", file, "--once", TVREC_REPLAY_BACKLOG="1")
        assert done.exit_code == 0
    sent = written(store_of(state)).frame
    assert len(sent) == len(sent.drop_duplicates([c.USER_ID, c.SHOW_ID])) == 1000
    assert sent[c.EVENT_ID].is_unique
    file.write_text("\n".join(["user_id,show_id,rating", *lines[1:]]))
    refused = run("generate-ratings", "--replay", file, "--once")
    assert refused.exit_code == 4
    assert "a file may grow at its end and change in no other way" in refused.stderr


def test_a_scale_is_told_and_what_was_found_is_said(run: Run, state: Path, tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text("user_id,show_id,rating\n1,1,4\n1,2,0\n")
    doubt = run("generate-ratings", "--replay", file, "--once")
    assert doubt.exit_code == 4
    assert "--unrated 0" in doubt.stderr
    assert len(written(store_of(state))) == 0
    arguments = ("--scale", "1-5", "--unrated", 0)
    done = run("generate-ratings", "--replay", file, "--once", *arguments, TVREC_REPLAY_BACKLOG="1")
    assert "ratings 4 to 4 in steps of 1: five stars, doubled, 1 watched and not" in done.stderr
    assert sorted(written(store_of(state)).frame[c.RATING].fillna(0)) == [0, 8]
    assert run("generate-ratings", "--replay", file, "--scale", "5-1").exit_code == 3


def test_generate_ratings_replays_a_file(run: Run, state: Path, tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    lines = [f"{user},{user + 1},4.5,{1_700_000_000 + user}" for user in range(20)]
    file.write_text("\n".join(["userId,movieId,rating,timestamp", *lines]))
    result = run("generate-ratings", "--replay", file, "--once", TVREC_REPLAY_BACKLOG="0.5")
    assert result.exit_code == 0
    found = written(store_of(state)).frame
    assert found[c.USER_ID].tolist() == list(range(10))
    assert set(found[c.RATING]) == {9}


def test_data_fetch_says_how_to_use_it(
    run: Run, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(folder: Path, **_: object) -> tuple[Path, Path]:
        return folder / "anime.csv", folder / "rating.csv"

    monkeypatch.setattr(fetch_data, "fetch_anime", fetch)
    folder = state / "data" / "anime"
    assert run("data", "fetch", "anime").stdout == (
        f"make run STATE=var-anime RATINGS={folder}/rating.csv CATALOGUE={folder}/anime.csv\n"
    )


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


def test_runs_shows_a_table(run: Run, registry: MemoryRegistry) -> None:
    assert run("runs").exit_code == 0, "an empty one too"
    promote_one(registry)
    with pytest.raises(ZeroDivisionError), registry.run("fails"):
        raise ZeroDivisionError
    text = run("runs").stdout
    assert "Runs of tv-show-recommender at http://127.0.0.1:5000" in text
    (good,) = [line for line in text.splitlines() if "run1" in line]
    (failed,) = [line for line in text.splitlines() if "run2" in line]
    for word in ("production", "0.2500", "0.1250", "it is good"):
        assert word in good
    assert "failed" in failed
    assert "run1" not in run("runs", "--limit", 1).stdout


def test_runs_fits_a_terminal_of_80_columns(
    run: Run, registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote_one(registry)
    monkeypatch.setattr("mlproject.cli.runs.width", lambda: 80)
    monkeypatch.setattr("mlproject.cli.output.width", lambda: 80)
    text = run("runs").stdout
    assert max(map(len, text.splitlines())) <= 80
    for word in ("run1", "p@10", "popular", "prod.", "0.2500", "0.1250", "version 1"):
        assert word in text, "and nothing is cut"


def test_runs_prints_json(run: Run, registry: MemoryRegistry) -> None:
    assert json.loads(run("runs", "--json").stdout) == []
    promote_one(registry)
    (told,) = json.loads(run("runs", "--json").stdout)
    assert told["run_id"] == "run1"
    assert told["status"] == "FINISHED"
    assert told["version"] == 1
    assert told["aliases"] == ["production"]
    assert told["reason"] == "it is good"
    assert told["metrics"]["precision_at_10"] == 0.25
    assert told["params"] == {"dimensions": "4"}


def test_recommend_shows_a_table(run: Run, registry: MemoryRegistry, state: Path) -> None:
    """By what the user has rated in the snapshot."""
    promote_one(registry)
    sink = BatchSink(store_of(state))
    sink.append(ratings(1, **{c.USER_ID: 1, c.SHOW_ID: 10, c.RATING: 10}))
    sink.flush()
    ingest(store_of(state))
    lines = run("recommend", "--user", 1).stdout.splitlines()
    assert lines[0].strip() == "For user 1: folded-in, by version 1"
    shown = [line for line in lines if "Show " in line]
    assert [title in line for title, line in zip(("20", "30", "40"), shown, strict=True)]
    assert f"{14 / np.sqrt(2):.3f}" in shown[0]


def test_recommend_prints_json(run: Run, registry: MemoryRegistry) -> None:
    promote_one(registry)
    told = json.loads(run("recommend", "--user", 99, "-n", 2, "--json").stdout)
    assert told["source"] == "popular"
    assert [item[c.SHOW_ID] for item in told["items"]] == [30, 10]


def test_recommend_takes_any_id_and_any_version(run: Run, registry: MemoryRegistry) -> None:
    promote_one(registry)
    promote_one(registry, popularity=np.array([9, 1, 1, 1], np.float32))
    for version, best in ((1, 30), (2, 10)):
        told = run("recommend", "--user", 2**70, "--version", version, "--json").stdout
        assert json.loads(told)["items"][0][c.SHOW_ID] == best
    assert run("recommend", "--user", 1, "--version", 3).exit_code == 6


@pytest.mark.parametrize("title", ["日本 ünï", "[REC]", "x" * 500, "two\nlines", "\x1b[31m"])
def test_a_table_shows_any_title(run: Run, registry: MemoryRegistry, title: str) -> None:
    cards = tuple({c.SHOW_ID: row, c.TITLE: title, c.GENRES: []} for row in (10, 20, 30, 40))
    promote_one(registry, cards=cards)
    result = run("recommend", "--user", 1, "-n", 1)
    assert result.exit_code == 0
    assert title[0] in result.stdout


@pytest.mark.parametrize("title", ["[title of show]", "[/b]"])
def test_a_table_shows_brackets(run: Run, registry: MemoryRegistry, title: str) -> None:
    cards = tuple({c.SHOW_ID: row, c.TITLE: title, c.GENRES: []} for row in (10, 20, 30, 40))
    promote_one(registry, cards=cards)
    assert title in run("recommend", "--user", 1, "-n", 1).stdout


def test_doctor_says_what_is_wrong_and_ends_with_5(run: Run) -> None:
    result = run("doctor", TVREC_SERVICE_PORT=str(free_port()))
    assert result.exit_code == 5
    assert "`tvrec export-shows` puts one there" in result.stdout
    told = json.loads(run("doctor", "--json").stdout)
    assert {"part": "catalogue", "ok": False}.items() <= told[1].items()


def test_doctor_ends_with_0_when_all_is_well(filled: Run, registry: MemoryRegistry) -> None:
    promote_one(registry)
    with http_server(200) as service:
        port = service.rpartition(":")[2]
        assert filled("doctor", TVREC_SERVICE_PORT=port).exit_code == 0
        told = json.loads(filled("doctor", "--json", TVREC_SERVICE_PORT=port).stdout)
    assert all(finding["ok"] for finding in told)


def test_up_ends_as_what_it_starts(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Procfile").touch()
    started: list[Path] = []

    def up(settings: config.Settings, procfile: Path) -> int:
        started.extend([settings.state_dir, procfile])
        return 7

    monkeypatch.setattr(launch, "up", up)
    result = run("up", "--procfile", tmp_path / "Procfile", TVREC_STATE_DIR=str(tmp_path))
    assert result.exit_code == 7
    assert started == [tmp_path, tmp_path / "Procfile"]


class Once(threading.Event):
    """Ends a loop when it waits for the first time."""

    def wait(self, timeout: float | None = None) -> bool:
        self.set()
        return True


def test_guide_says_what_has_come_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "stop_on_signals", Once)
    with http_server(200, b'{"version": 1, "reason": "it is good"}') as service:
        result = run("guide", TVREC_SERVICE_PORT=service.rpartition(":")[2])
    assert result.exit_code == 0
    assert "version 1 answers: it is good" in result.stdout
    assert f"{service}/recommend" in result.stdout


@contextmanager
def service_that_takes(
    title: str | None, status: int = 201
) -> Iterator[tuple[dict[str, object], str]]:
    """A service that takes every rating; yield its answer and its port."""
    told = {"event_id": "e", "topic": "ratings", "partition": 1000, "offset": 7, "title": title}
    with http_server(status, json.dumps(told).encode()) as address:
        yield told, address.rpartition(":")[2]


RATE = ("rate", "--user", 1, "--show", 2, "--rating", 8)


def test_rate_says_what_was_rated_and_where_the_event_is(run: Run) -> None:
    with service_that_takes("Lost") as (told, port):
        text = run(*RATE, TVREC_SERVICE_PORT=port).stdout
        as_json = run(*RATE, "--json", TVREC_SERVICE_PORT=port).stdout
    assert text == "user 1 rated show Lost: 8\nevent e, partition 1000, offset 7\n"
    assert json.loads(as_json) == told


def test_rate_says_that_the_model_does_not_know_the_show(run: Run) -> None:
    with service_that_takes(None) as (_, port):
        text = run(*RATE, TVREC_SERVICE_PORT=port).stdout
    assert "rated show 2, which the model does not know: 8" in text


def test_rate_takes_no_rating_that_is_off_the_scale(run: Run) -> None:
    assert run(*RATE[:-1], 11).exit_code == 2


def test_rate_takes_a_rating_back(run: Run) -> None:
    with service_that_takes(None, status=200) as (_, port):
        text = run(*RATE[:-2], "--take-back", TVREC_SERVICE_PORT=port).stdout
    assert text == ("user 1 took the rating of show 2 back\nevent e, partition 1000, offset 7\n")


@pytest.mark.parametrize("said", [(), ("--rating", 8, "--take-back")])
def test_rate_wants_a_rating_or_none_at_all(run: Run, said: tuple[object, ...]) -> None:
    done = run(*RATE[:-2], *said)
    assert done.exit_code == 2
    assert "say either --rating or --take-back" in done.stderr


def test_rate_without_a_service_is_5(run: Run) -> None:
    port = str(free_port())
    done = run(*RATE, TVREC_SERVICE_PORT=port)
    assert done.exit_code == 5
    assert "`make run` starts it" in done.stderr


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
