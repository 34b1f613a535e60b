"""Waiting for what will be there."""

import threading

import pytest

from mlproject.core.cancel import Cancelled
from mlproject.core.errors import ConfigError, UnavailableError
from mlproject.core.retry import until_available
from tests.logged import messages


def test_it_calls_until_there_is_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    answers = [UnavailableError("the server is down"), UnavailableError("the server is down"), 7]

    def call() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert until_available(call, threading.Event(), first_delay_seconds=0.001) == 7
    assert messages(caplog) == [
        "the server is down; trying again in 0.001 s",
        "the server is down; trying again in 0.002 s",
    ]


def test_a_stop_ends_the_waiting() -> None:
    stop = threading.Event()

    def call() -> None:
        stop.set()
        raise UnavailableError("down")

    with pytest.raises(Cancelled):
        until_available(call, stop, first_delay_seconds=60)


def test_another_error_passes() -> None:
    def call() -> None:
        raise ConfigError("wrong")

    with pytest.raises(ConfigError):
        until_available(call, threading.Event())
