"""The command that shows runs: for people, and for programs."""

import json
from collections.abc import Callable

import pytest
from click.testing import Result

from mlproject.testing import MemoryRegistry
from tests.builders import promote_one

Run = Callable[..., Result]


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
