"""What was logged by whom a test is about, whoever else logs meanwhile."""

import logging
import threading

import pytest


def records(caplog: pytest.LogCaptureFixture, logger: str = "") -> list[logging.LogRecord]:
    """Return the records of a logger; without its name, those of the thread that asks."""
    if logger:
        return [record for record in caplog.records if record.name == logger]
    return [record for record in caplog.records if record.thread == threading.get_ident()]


def messages(caplog: pytest.LogCaptureFixture, logger: str = "") -> list[str]:
    """Return the texts of these records."""
    return [record.getMessage() for record in records(caplog, logger)]
