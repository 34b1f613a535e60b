"""The command line in this process: a state folder and a registry of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mlproject.bootstrap import App
from mlproject.cli import tvrec
from mlproject.config import Settings
from mlproject.objects.local import LocalStore
from mlproject.testing import MemoryRegistry
from tests.builders import promote_one

Run = Callable[..., Result]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def local_store(state: Path) -> LocalStore:
    """The store of the state folder, which the commands fill."""
    return LocalStore(state / "store")


@pytest.fixture
def registry(tmp_path: Path) -> MemoryRegistry:
    return MemoryRegistry(tmp_path / "registry")


@pytest.fixture
def three(registry: MemoryRegistry) -> MemoryRegistry:
    """The registry, with three versions."""
    for _ in range(3):
        promote_one(registry)
    return registry


@pytest.fixture
def run(state: Path, registry: MemoryRegistry) -> Run:
    """Run ``tvrec`` with these arguments, and settings by keyword."""

    def make_app(settings: Settings) -> App:
        app = App(settings)
        app.registry = registry
        return app

    def invoke(*arguments: object, **settings: str) -> Result:
        return CliRunner().invoke(
            tvrec,
            [str(argument) for argument in arguments],
            prog_name="tvrec",
            env={"TVREC_STATE_DIR": str(state), **settings},
            obj=make_app,
        )

    return invoke


@pytest.fixture
def filled(run: Run) -> Run:
    """The command line, after an export and some ratings."""
    assert run("export-shows").exit_code == 0
    assert run("generate-ratings", "--once", "--users", 100, "--ratings", 2000).exit_code == 0
    return run
