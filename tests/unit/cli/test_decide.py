"""The commands by which a person decides."""

import json
from collections.abc import Callable

from click.testing import Result

from mlproject.catalogue.keys import CATALOGUE
from mlproject.core import columns as c
from mlproject.objects.local import LocalStore
from mlproject.pipelines.decide import put_into_production
from mlproject.provenance import user_name
from mlproject.testing import MemoryRegistry
from tests.builders import promote_one, put_catalogue, shows

Run = Callable[..., Result]


def production(registry: MemoryRegistry) -> int:
    found = registry.production()
    assert found is not None
    return found.number


def test_promote_says_what_is_held_and_how_to_end_it(run: Run, three: MemoryRegistry) -> None:
    first, second = run("promote", "--version", 1).stdout.splitlines()
    assert first == "version 1 is in production"
    assert second.startswith(f"held by {user_name()} since ")
    assert second.endswith("until it is released (by hand); `tvrec release` ends it")
    assert production(three) == 1


def test_promote_takes_the_newest_a_run_and_the_challenger(run: Run, three: MemoryRegistry) -> None:
    for arguments in (["--run", "run2"], ["--version", "newest"]):
        assert run("promote", *arguments, "--reason", "to see").exit_code == 0
    assert production(three) == 3
    assert run("promote", "--challenger").exit_code == 6
    three.point("challenger", 2)
    told = json.loads(run("promote", "--challenger", "--json").stdout)
    assert (told["version"], told["run_id"], told["promoted_from"]) == (2, "run2", "3")
    assert told["held"].startswith("held by")


def test_an_empty_run_is_not_the_newest_version(run: Run, three: MemoryRegistry) -> None:
    put_into_production(three, 1, by="ann", reason="to see")
    result = run("promote", "--run", "")
    assert result.exit_code == 2
    assert "`tvrec runs` lists them" in result.stderr
    assert production(three) == 1


def test_promote_holds_for_a_time(run: Run, three: MemoryRegistry) -> None:
    text = run("promote", "--version", 2, "--for", "90m", "--reason", "demo").stdout
    assert "until it is released" not in text
    assert "(demo); `tvrec release` ends it" in text


def test_what_cannot_be_loaded_is_6_and_nothing_changes(run: Run, three: MemoryRegistry) -> None:
    path = three.folder / "run1" / "popularity.npy"
    path.write_bytes(path.read_bytes()[:-1])
    result = run("promote", "--version", 1, "--force", "--reason", "sure")
    assert result.exit_code == 6
    assert "version 1 cannot be loaded, so it is not promoted: " in result.stderr
    assert production(three) == 3


def test_rollback_goes_further_back_each_time(run: Run, three: MemoryRegistry) -> None:
    assert "version 2 is in production\n" in run("rollback").stdout
    assert json.loads(run("rollback", "--json").stdout)["version"] == 1
    result = run("rollback")
    assert result.exit_code == 6
    assert "no version to go back to" in result.stderr


def test_release_ends_what_is_held(run: Run, three: MemoryRegistry) -> None:
    assert run("release").stdout == "nothing was held\n"
    assert run("rollback").exit_code == 0
    assert put_into_production(three, 3, by="builder", reason="better") is None
    assert json.loads(run("release", "--json").stdout) == {"released": True}
    assert put_into_production(three, 3, by="builder", reason="better") is not None


def test_cards_of_other_shows_are_not_promoted(
    run: Run, registry: MemoryRegistry, local_store: LocalStore
) -> None:
    put_catalogue(local_store, shows(50))
    titles = {10: "Show 20", 20: "Show 10", 30: "Show 30", 40: "Show 40"}
    cards = tuple({c.SHOW_ID: n, c.TITLE: title, c.GENRES: []} for n, title in titles.items())
    promote_one(registry)
    promote_one(registry, cards=cards)
    assert run("promote", "--version", 1).exit_code == 0
    result = run("promote", "--version", 2)
    assert result.exit_code == 6
    assert "2 of 4 cards have the title of another show" in result.stderr
    assert production(registry) == 1
    local_store.put(CATALOGUE, b"no Parquet")
    assert run("promote", "--version", 2).exit_code == 0, "nobody knows better"
