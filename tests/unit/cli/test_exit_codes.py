"""How a command ends: a code from the table, a sentence, no stack trace."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from mlproject.cli import EXIT_CODES
from mlproject.core import errors
from mlproject.core.errors import TvrecError
from mlproject.objects.locks import hold
from mlproject.testing import MemoryRegistry
from tests.builders import http_server
from tests.servers import environment

Run = Callable[..., Result]

DOCUMENTED = {
    errors.TvrecError: 1,
    errors.RequestError: 2,
    errors.ConfigError: 3,
    errors.DataError: 4,
    errors.RatingsFileError: 4,
    errors.CatalogueError: 4,
    errors.BatchError: 4,
    errors.NotEnoughDataError: 4,
    errors.UnavailableError: 5,
    errors.StoreUnavailableError: 5,
    errors.TrackingUnavailableError: 5,
    errors.ConnectorFailedError: 5,
    errors.SparkFailedError: 5,
    errors.ModelError: 6,
    errors.ArtifactError: 6,
    errors.TrainingError: 6,
    errors.VersionNotFoundError: 6,
    errors.DecisionError: 6,
    errors.AlreadyRunningError: 7,
}


def tree(root: type[TvrecError]) -> set[type[TvrecError]]:
    return {root}.union(*(tree(kind) for kind in root.__subclasses__()))


def is_one_sentence(result: Result, sentence: str) -> bool:
    return result.stderr == f"Error: {sentence}\n" and result.stdout == ""


def test_every_error_has_its_code_here() -> None:
    assert {kind for kind in tree(TvrecError) if kind.__module__ == errors.__name__} == set(
        DOCUMENTED
    )


@pytest.mark.parametrize("kind", DOCUMENTED, ids=lambda kind: kind.__name__)
def test_an_error_ends_with_its_code_and_its_sentence(
    run: Run, registry: MemoryRegistry, kind: type[TvrecError]
) -> None:
    registry.failure = kind("what is wrong, and what to do")
    result = run("runs")
    assert result.exit_code == DOCUMENTED[kind]
    assert is_one_sentence(result, "what is wrong, and what to do")


def test_the_help_names_every_code(run: Run) -> None:
    (told,) = re.findall(r"Exit codes: (.*?)\n\n", run("--help").output, re.DOTALL)
    codes = {int(code) for code in re.findall(r"\b\d+\b", told)}
    assert codes == {0, 1, 2, 130, *EXIT_CODES.values()}


def test_well_is_0(run: Run) -> None:
    assert run("runs").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["runs", "--no-such-option"],
        ["runs", "--limit", "0"],
        ["recommend"],
        ["recommend", "--user", "-1"],
        ["recommend", "--user", "ann"],
        ["promote", "--version", "1", "--run", "a"],
        ["promote", "--challenger", "--run", "a"],
        ["promote", "--force"],
        ["promote", "--for", "soon"],
        ["rollback", "--for", "0h"],
        ["compare", "1"],
        ["train", "--epochs", "many"],
        ["data", "fetch", "no such"],
        ["up", "--procfile", "no such file"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage: tvrec" in result.stderr


def test_an_unknown_setting_is_3_and_gets_a_hint(run: Run) -> None:
    result = run("runs", TVREC_EPOCH="3")
    assert result.exit_code == 3
    assert is_one_sentence(result, "TVREC_EPOCH is not a setting, did you mean TVREC_EPOCHS?")


def test_a_malformed_setting_is_3(run: Run) -> None:
    result = run("runs", TVREC_EPOCHS="many")
    assert result.exit_code == 3
    assert "TVREC_EPOCHS: " in result.stderr
    assert "got 'many'" in result.stderr


def test_an_option_out_of_range_is_3_by_the_settings_name(run: Run) -> None:
    result = run("train", "--epochs", "0")
    assert result.exit_code == 3
    assert "TVREC_EPOCHS: " in result.stderr


def test_no_data_is_4(run: Run) -> None:
    result = run("train")
    assert result.exit_code == 4
    assert "`tvrec export-shows` puts one there" in result.stderr


def test_a_missing_file_is_4(run: Run, tmp_path: Path) -> None:
    missing = tmp_path / "missing.csv"
    result = run("export-shows", "--catalogue", missing)
    assert result.exit_code == 4
    assert is_one_sentence(result, f"there is no file {missing}")


def test_a_store_that_cannot_be_written_is_5(run: Run, state: Path) -> None:
    state.touch()
    result = run("export-shows")
    assert result.exit_code == 5
    assert "cannot write" in result.stderr
    assert "Traceback" not in result.output


def test_no_version_is_6(run: Run) -> None:
    for command in (["recommend", "--user", 1], ["promote"], ["promote", "--version", 9]):
        assert run(*command).exit_code == 6


def test_a_rating_that_the_service_refuses_is_2(run: Run) -> None:
    with http_server(400, b'{"error": "rating must be a whole number"}') as address:
        port = address.rpartition(":")[2]
        command = ("rate", "--user", 1, "--show", 2, "--rating", 8)
        result = run(*command, TVREC_SERVICE_PORT=port)
    assert result.exit_code == 2
    assert is_one_sentence(result, "rating must be a whole number")


def test_a_second_generator_is_7(run: Run, state: Path) -> None:
    with hold(state / "generator.lock", "this test"):
        result = run("generate-ratings", "--once")
    assert result.exit_code == 7
    assert "another `tvrec generate-ratings` works on" in result.stderr


def test_interrupted_is_130(run: Run, registry: MemoryRegistry) -> None:
    registry.failure = KeyboardInterrupt()
    assert run("runs").exit_code == 130


def test_a_surprise_is_not_hidden(run: Run, registry: MemoryRegistry) -> None:
    registry.failure = ZeroDivisionError()
    result = run("runs")
    assert result.exit_code == 1
    assert isinstance(result.exception, ZeroDivisionError)


def test_the_real_command_does_so_too(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "mlproject", "train"],
        env=environment(TVREC_EPOCH="1"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 3
    assert ended.stderr == "Error: TVREC_EPOCH is not a setting, did you mean TVREC_EPOCHS?\n"
    assert ended.stdout == ""
