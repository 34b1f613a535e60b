"""What the tests of several modules here stand on."""

import logging
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def on_warning() -> Iterator[Callable[[str, Callable[[], object]], None]]:
    """Do something at each warning of a logger."""
    handlers: list[tuple[logging.Logger, logging.Handler]] = []

    def register(name: str, action: Callable[[], object]) -> None:
        class Act(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                if record.name == name:
                    action()

        handlers.append((logging.getLogger(name), Act(logging.WARNING)))
        handlers[-1][0].addHandler(handlers[-1][1])

    yield register
    for logger, handler in handlers:
        logger.removeHandler(handler)
