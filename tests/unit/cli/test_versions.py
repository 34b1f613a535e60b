"""The commands that show versions: what each does, prints for people, and prints for programs."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from click.testing import Result

from mlproject.provenance import user_name
from mlproject.testing import MemoryRegistry

Run = Callable[..., Result]


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
    (counted,) = [line for line in text.splitlines() if "cold_users" in line]
    assert ".0" not in counted, "people are counted in whole numbers"


def test_compare_wants_what_can_be_measured(run: Run, three: MemoryRegistry) -> None:
    assert run("export-shows").exit_code == 0
    assert run("compare", 1, 2).exit_code == 4
    assert run("generate-ratings", "--once", "--users", 50, "--ratings", 1000).exit_code == 0
    assert run("dataset", "rebuild").exit_code == 0
    result = run("compare", 1, 2)
    assert result.exit_code == 6
    assert result.stderr == "Error: version 1 does not tell what it has trained on\n"
