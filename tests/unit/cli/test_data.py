"""The commands that bring data: shows, ratings, public files."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from mlproject import scheduling
from mlproject.catalogue.files import bundled
from mlproject.catalogue.stored import read_catalogue
from mlproject.core import columns as c
from mlproject.objects.local import LocalStore
from mlproject.pipelines import fetch_data
from tests.builders import written

Run = Callable[..., Result]


def test_export_shows_puts_the_bundled_catalogue_there(run: Run, local_store: LocalStore) -> None:
    count = len(bundled().read())
    uri = local_store.uri
    assert f"exported {count} shows in {uri}" in run("export-shows").stderr
    assert f"unchanged: {count} shows in {uri}" in run("export-shows").stderr
    assert len(read_catalogue(local_store)) == count


def test_export_shows_takes_a_file_and_force(
    run: Run, local_store: LocalStore, tmp_path: Path
) -> None:
    own = tmp_path / "own.csv"
    own.write_text("show_id,title\n1,One\n2,Two\n")
    run("export-shows")
    refused = run("export-shows", "--catalogue", own)
    assert refused.exit_code == 4
    assert "Use --force if that is right" in refused.stderr
    assert run("export-shows", "--catalogue", own, "--force").exit_code == 0
    assert len(read_catalogue(local_store)) == 2


def test_export_shows_comes_back(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def run_every(seconds: float, job: Callable[[], None], _: threading.Event) -> None:
        asked.append(seconds)
        job()

    monkeypatch.setattr(scheduling, "run_every", run_every)
    result = run("export-shows", "--loop", TVREC_EXPORT_INTERVAL="60")
    assert asked == [60]
    assert "exported" in result.stderr


def test_generate_ratings_sends_the_backlog_once(run: Run, local_store: LocalStore) -> None:
    run("export-shows")
    arguments = ("generate-ratings", "--once", "--users", 20, "--ratings", 300)
    assert "sent 300 ratings, 300 in all" in run(*arguments).stderr
    assert "sent 0 ratings, 300 in all" in run(*arguments).stderr
    assert len(written(local_store)) == 300


def test_simulated_users_rate_what_was_exported(
    run: Run, local_store: LocalStore, tmp_path: Path
) -> None:
    """Not a source of their own, whatever the settings name."""
    refused = run("generate-ratings", "--once")
    assert refused.exit_code == 4
    assert "`tvrec export-shows` puts one there" in refused.stderr
    own = tmp_path / "own.csv"
    own.write_text("show_id,title\n901,One\n902,Two\n")
    run("export-shows", "--catalogue", own)
    run("generate-ratings", "--once", "--users", 20, "--ratings", 20)
    assert set(written(local_store).frame[c.SHOW_ID]) <= {901, 902}


def test_the_ratings_of_another_source_or_seed_are_refused(
    run: Run, local_store: LocalStore, tmp_path: Path
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
    assert len(written(local_store)) == 20


def test_a_grown_file_is_sent_to_its_end(run: Run, local_store: LocalStore, tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    lines = [f"{row % 40},{row // 40},{row % 10 + 1}" for row in range(1000)]
    for end in (600, 800, 1000):
        file.write_text("\n".join(["user_id,show_id,rating", *lines[:end]]))
        done = run("generate-ratings", "--replay", file, "--once", TVREC_REPLAY_BACKLOG="1")
        assert done.exit_code == 0
    sent = written(local_store).frame
    assert len(sent) == len(sent.drop_duplicates([c.USER_ID, c.SHOW_ID])) == 1000
    assert sent[c.EVENT_ID].is_unique
    file.write_text("\n".join(["user_id,show_id,rating", *lines[1:]]))
    refused = run("generate-ratings", "--replay", file, "--once")
    assert refused.exit_code == 4
    assert "a file may grow at its end and change in no other way" in refused.stderr


def test_a_scale_is_told_and_what_was_found_is_said(
    run: Run, local_store: LocalStore, tmp_path: Path
) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text("user_id,show_id,rating\n1,1,4\n1,2,0\n")
    doubt = run("generate-ratings", "--replay", file, "--once")
    assert doubt.exit_code == 4
    assert "--unrated 0" in doubt.stderr
    assert len(written(local_store)) == 0
    arguments = ("--scale", "1-5", "--unrated", 0)
    done = run("generate-ratings", "--replay", file, "--once", *arguments, TVREC_REPLAY_BACKLOG="1")
    assert "ratings 4 to 4 in steps of 1: five stars, doubled, 1 watched and not" in done.stderr
    assert sorted(written(local_store).frame[c.RATING].fillna(0)) == [0, 8]
    assert run("generate-ratings", "--replay", file, "--scale", "5-1").exit_code == 3


def test_generate_ratings_replays_a_file(run: Run, local_store: LocalStore, tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    lines = [f"{user},{user + 1},4.5,{1_700_000_000 + user}" for user in range(20)]
    file.write_text("\n".join(["userId,movieId,rating,timestamp", *lines]))
    result = run("generate-ratings", "--replay", file, "--once", TVREC_REPLAY_BACKLOG="0.5")
    assert result.exit_code == 0
    found = written(local_store).frame
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
