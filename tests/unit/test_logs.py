"""What is logged, and where to."""

import logging

import pytest

from mlproject import config
from mlproject.logs import set_up_logging

pytestmark = pytest.mark.usefixtures("logging_kept")


def test_an_event_is_a_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(config.load())
    logging.getLogger("mlproject.any").info("it is %s", "so")
    logging.getLogger("mlproject.any").debug("not asked for")
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert line.endswith(" INFO it is so")


def test_the_level_is_a_setting(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(config.load(log_level="ERROR"))
    logging.getLogger("mlproject.any").warning("not asked for")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["botocore.hooks", "urllib3.connectionpool", "uvicorn.access"])
def test_libraries_do_not_tell_of_each_call(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(config.load())
    logging.getLogger(name).info("a call")
    assert capsys.readouterr().err == ""
