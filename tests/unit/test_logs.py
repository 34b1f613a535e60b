"""What is logged, in which form, and where to."""

import json
import logging
import os
import subprocess
import sys
from typing import Any

import pytest

from mlproject import config
from mlproject.logs import noting, set_up_logging

PLANTED = 'se"cret\\42'
KAFKA = json.dumps({"sasl.username": "ann", "sasl.password": PLANTED, "linger.ms": 5})

log = logging.getLogger("mlproject.any")


def as_json(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_event_is_a_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(config.load())
    log.info("it is %s", "so", extra={"more": 1})
    log.debug("not asked for")
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert line.endswith(" INFO it is so")


def test_as_json_a_line_has_fields(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(config.load(log_format="json"))
    log.info("it is %s", "so", extra={"more": 1})
    (line,) = as_json(capsys)
    assert line.pop("timestamp").endswith("+00:00")
    assert line == {"event": "it is so", "level": "info", "logger": log.name, "more": 1}


def test_what_is_noted_is_in_each_line_of_the_block(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(config.load(log_format="json"))
    with noting(cycle="c1"):
        log.info("inside")
    log.info("outside")
    assert [line.get("cycle") for line in as_json(capsys)] == ["c1", None]


def test_what_bentoml_has_given_a_handler_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(logging.StreamHandler(sys.stderr))
    set_up_logging(config.load())
    logger.warning("no request")
    logger.error("it failed")
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_stack_trace_belongs_to_its_line(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(config.load(log_format=form))
    log.error("it failed", exc_info=ValueError("a surprise"))
    told = capsys.readouterr().err
    assert told.count("ValueError: a surprise") == 1
    if form == "json":
        assert json.loads(told)["exception"].endswith("ValueError: a surprise")


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("field", ["aws_secret_access_key", "connect_url"])
def test_a_secret_is_nowhere(form: str, field: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(
        config.load(log_format=form, **{field: PLANTED, "kafka_properties": KAFKA})  # type: ignore[arg-type]
    )
    log.info("in the text: %s, %s", PLANTED, KAFKA)
    log.info("in fields", extra={"one": PLANTED, "deep": {"er": [PLANTED]}})
    with noting(bound=PLANTED):
        log.info("bound")
    log.error("in a trace", exc_info=ValueError(PLANTED))
    log.warning("of an address: http://ann:letmein@host/")
    told = capsys.readouterr().err
    assert len(told.splitlines()) >= 5
    for planted in (PLANTED, json.dumps(PLANTED)[1:-1], "letmein"):
        assert planted not in told


def test_the_sentence_of_an_error_has_no_password() -> None:
    """The program as a whole, since an error's last way out is not the log."""
    uri = "http://ann:letmein@127.0.0.1:9"
    done = subprocess.run(
        [sys.executable, "-m", "mlproject", "runs"],
        env={**os.environ, "MLFLOW_TRACKING_URI": uri, "AWS_SECRET_ACCESS_KEY": PLANTED},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5, done.stderr
    assert "127.0.0.1:9" in done.stderr
    assert "letmein" not in done.stdout + done.stderr


def test_the_level_is_a_setting(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(config.load(log_level="ERROR"))
    log.warning("not asked for")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["botocore.hooks", "urllib3.connectionpool", "uvicorn.access"])
def test_libraries_do_not_tell_of_each_call(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(config.load())
    logging.getLogger(name).info("a call")
    assert capsys.readouterr().err == ""
