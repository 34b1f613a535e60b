"""What is logged, in which form, and where to.

Modules log by the standard library; ``extra={...}`` becomes fields of the line. structlog's
formatter adds what is bound to the context (:func:`noting`), masks secrets and writes the line.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from mlproject.config import Settings
from mlproject.core.masking import mask

if TYPE_CHECKING:
    # It takes a third of the start of a command, most of which log nothing.
    from structlog.stdlib import ProcessorFormatter
    from structlog.typing import EventDict, Processor, WrappedLogger

# Names in librdkafka's properties whose values are secrets.
_SECRET_NAMES: Final = ("password", "secret", "key", "token", "jaas")


def set_up_logging(settings: Settings) -> None:
    """Log to standard error, one line per event, without the secrets of the settings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(settings))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for chatty in ("botocore", "faiss", "httpx", "py4j", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # urllib3 and OpenTelemetry warn of what is tried again, and tell if that fails too;
    # apscheduler of a job that is left out since the last one still runs.
    # uvicorn of requests that are none, which their answers say.
    for anxious in ("apscheduler", "opentelemetry", "urllib3", "uvicorn.error"):
        logging.getLogger(anxious).setLevel(logging.ERROR)
    # BentoML has given these handlers of their own, by which all would be said twice.
    for doubled in ("bentoml", "circus", "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(doubled)
        logger.handlers.clear()
        logger.propagate = True


@contextmanager
def noting(**fields: object) -> Iterator[None]:
    """Add fields to each line that this thread logs inside the ``with`` block."""
    from structlog.contextvars import bound_contextvars  # noqa: PLC0415

    with bound_contextvars(**fields):
        yield


def secrets_of(settings: Settings) -> frozenset[str]:
    """Return every text in the settings that must not be read."""
    found: set[str] = set()
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            found |= _texts(value.get_secret_value())
    return frozenset(found)


def _texts(secret: str) -> set[str]:
    """Return a secret, and of a JSON object the values that name one."""
    try:
        parsed = json.loads(secret)
    except ValueError:
        return {secret}
    if not isinstance(parsed, dict):
        return {secret}
    return {secret} | {
        str(value)
        for name, value in parsed.items()
        if any(word in name.lower() for word in _SECRET_NAMES)
    }


class _Formatter(logging.Formatter):
    """structlog's formatter, made for the first line."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings

    def format(self, record: logging.LogRecord) -> str:
        return self._formatter.format(record)

    @cached_property
    def _formatter(self) -> ProcessorFormatter:
        return _formatter(self._settings)


def _formatter(settings: Settings) -> ProcessorFormatter:
    import structlog  # noqa: PLC0415
    from structlog.contextvars import merge_contextvars  # noqa: PLC0415
    from structlog.stdlib import (  # noqa: PLC0415
        ExtraAdder,
        ProcessorFormatter,
        add_log_level,
        add_logger_name,
    )

    render: Processor
    if settings.log_format == "json":
        render = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        render = _as_text
    return ProcessorFormatter(
        foreign_pre_chain=[merge_contextvars, add_log_level, add_logger_name, ExtraAdder()],
        processors=[
            _timestamp,
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _masked(secrets_of(settings)),
            render,
        ],
    )


def _timestamp(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Take the time at which it happened, not that at which it is written."""
    created = event["_record"].created
    event["timestamp"] = datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds")
    return event


def _masked(secrets: Collection[str]) -> Processor:
    def masked(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {name: mask(value, secrets) for name, value in event.items()}

    return masked


def _as_text(_: WrappedLogger, __: str, event: EventDict) -> str:
    """Write a line for people, whose sentence has what they want to know of the fields."""
    when = datetime.fromisoformat(event["timestamp"]).astimezone()
    line = f"{when:%H:%M:%S} {event['level'].upper()} {event['event']}"
    return f"{line}\n{event['exception']}" if event.get("exception") else line
