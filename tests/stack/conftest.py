"""The real servers, once a session."""

from collections.abc import Iterator

import pytest

from stack.install import missing_tools
from stack.servers import Stack
from stack.temporary import temporary_stack
from tests.stack.world import World


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The servers, without our own parts."""
    if missing := missing_tools():
        pytest.skip(f"this machine lacks {'; '.join(missing)}")
    with temporary_stack() as made:
        yield made


@pytest.fixture(scope="module")
def world(
    stack: Stack, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Empty topics and an empty bucket for the tests of a file."""
    name = request.module.__name__.rpartition("test_")[2].replace("_", "-")
    made = World.of(stack, name, tmp_path_factory.mktemp(name))
    try:
        made.clear()
        yield made
    finally:
        made.end()
