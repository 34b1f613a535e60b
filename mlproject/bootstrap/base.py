"""What every part of the composition root needs."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from mlproject.config import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr

    from mlproject.core.ports import Clock, ObjectStore
    from mlproject.tracing import Tracing


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        """Return the time now, in UTC."""
        return datetime.now(UTC)


def properties_in(secret: SecretStr | None) -> dict[str, Any]:
    """Return the properties that a setting gives as a JSON object; none if it is unset."""
    found: dict[str, Any] = json.loads(secret.get_secret_value()) if secret else {}
    return found


class Base:
    """The settings of a process, its time and its store.

    Parameters
    ----------
    settings
        The settings of the process.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @cached_property
    def clock(self) -> Clock:
        """The time."""
        return SystemClock()

    def tracing(self, part: str) -> Tracing | None:
        """Return what makes the spans of a part; None = they are not wanted."""
        if self.settings.trace is None:
            return None
        from mlproject.tracing import Tracing

        tracing = Tracing.to(self.settings.trace, part)
        return self._open.enter_context(closing(tracing))

    @property
    def alive_file(self) -> Path:
        """The file by which a process without a port shows that it is alive."""
        return self.settings.state_dir / "alive"

    @cached_property
    def store(self) -> ObjectStore:
        """The bucket if one is named, else the folder ``STATE_DIR/store``."""
        settings = self.settings
        if settings.bucket is None:
            from mlproject.objects.local import LocalStore

            return LocalStore(settings.state_dir / "store")
        from mlproject.objects.s3 import S3Store, s3_client

        secret = settings.aws_secret_access_key
        client = s3_client(
            settings.s3_endpoint_url,
            settings.aws_access_key_id,
            secret.get_secret_value() if secret else None,
            settings.aws_region,
        )
        self._open.enter_context(closing(client))
        return S3Store(settings.bucket, client)
