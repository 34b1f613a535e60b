"""The command line in this process: a state folder and a registry of its own."""

import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mlproject import bootstrap
from mlproject.cli import tvrec
from mlproject.testing import MemoryRegistry

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _process_is_left_as_it_was() -> Iterator[None]:
    """Undo what a command does to its process: its logging, its signals."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    names = ("apscheduler", "botocore", "uvicorn.access", "urllib3")
    levels = {name: logging.getLogger(name).level for name in names}
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    for number, handler in signals.items():
        signal.signal(number, handler)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryRegistry:
    made = MemoryRegistry(tmp_path / "registry")
    monkeypatch.setattr(bootstrap, "registry", lambda _: made)
    return made


@pytest.fixture
def run(state: Path, registry: MemoryRegistry) -> Run:
    """Run ``tvrec`` with these arguments, and settings by keyword."""
    assert registry.folder.name == "registry"

    def invoke(*arguments: object, **settings: str) -> Result:
        return CliRunner().invoke(
            tvrec,
            [str(argument) for argument in arguments],
            prog_name="tvrec",
            env={"TVREC_STATE_DIR": str(state), **settings},
        )

    return invoke
