"""The commands on versions: what each does, prints for people, and prints for programs."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from click.testing import Result

from mlproject.pipelines.decide import put_into_production
from mlproject.provenance import user_name
from mlproject.testing import MemoryRegistry
from tests.builders import promote_one

Run = Callable[..., Result]


@pytest.fixture
def three(registry: MemoryRegistry) -> MemoryRegistry:
    for _ in range(3):
        promote_one(registry)
    return registry


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


def test_versions_lists_them_with_aliases_and_what_is_held(run: Run, three: MemoryRegistry) -> None:
    text = run("versions").stdout
    assert "Versions of tv-show-recommender; production is not held" in text
    (line,) = [line for line in text.splitlines() if "production " in line and "0.2500" in line]
    assert "it is good" in line
    run("rollback", "--reason", "odd lists")
    told = json.loads(run("versions", "--limit", 2, "--json").stdout)
    assert [one["version"] for one in told["versions"]] == [3, 2]
    assert told["versions"][1]["aliases"] == ["production"]
    assert told["versions"][0]["precision_at_10"] == 0.25
    assert "odd lists" in told["held"]


def test_history_tells_who_when_why_and_from_what(run: Run, three: MemoryRegistry) -> None:
    run("rollback", "--reason", "odd lists")
    run("release")
    told = json.loads(run("history", "--json").stdout)
    assert [(one["action"], one["version"], one["before"]) for one in told] == [
        ("promote", 1, None),
        ("promote", 2, 1),
        ("promote", 3, 2),
        ("rollback", 2, 3),
        ("release", None, 2),
    ]
    assert (told[3]["by"], told[3]["reason"]) == (user_name(), "odd lists")
    text = run("history", "--limit", 2).stdout
    assert "odd lists" in text
    assert "released" in text
    assert "it is good" not in text


def test_compare_shows_who_gains_and_who_loses(run: Run, registry: MemoryRegistry) -> None:
    assert run("export-shows").exit_code == 0
    assert run("generate-ratings", "--once", "--users", 100, "--ratings", 3000).exit_code == 0
    small = ("--dimensions", 4, "--epochs", 2, "--threads", 1, "--no-promote")
    for trainer in ("linear", "popularity"):
        assert run("train", "--trainer", trainer, *small).exit_code == 0
    for info in registry.runs(2)[::-1]:
        registry.register(info.run_id)
    told = json.loads(run("compare", 1, 2, "--json").stdout)
    same = json.loads(run("compare", 1, 1, "--json").stdout)
    first, second = told["metrics"]["precision_at_10"]
    assert told["difference"]["mean"] == pytest.approx(second - first)
    assert told["gain"] + told["lose"] <= told["difference"]["users"]
    assert told["changed"] > 0
    assert (same["gain"], same["lose"], same["changed"], same["examples"]) == (0, 0, 0, [])
    users = [group["users"] for group in told["groups"]]
    assert sum(users) == told["difference"]["users"]
    weighted = np.average([group["second"] for group in told["groups"]], weights=users)
    assert weighted == pytest.approx(second)
    text = run("compare", 1, 2).stdout
    assert "precision@10, 2 minus 1: " in text
    assert "Who gains and who loses most" in text


def test_compare_wants_what_can_be_measured(run: Run, three: MemoryRegistry) -> None:
    assert run("export-shows").exit_code == 0
    assert run("compare", 1, 2).exit_code == 4
    assert run("generate-ratings", "--once", "--users", 50, "--ratings", 1000).exit_code == 0
    assert run("dataset", "rebuild").exit_code == 0
    result = run("compare", 1, 2)
    assert result.exit_code == 6
    assert result.stderr == "Error: version 1 does not tell what it has trained on\n"
