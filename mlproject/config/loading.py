"""From the environment to the settings, with a sentence for each mistake."""

import difflib
import os
from typing import Any

from pydantic import AliasChoices, ValidationError

from mlproject.config.settings import PREFIX, Settings
from mlproject.core.errors import ConfigError


def load(**given: Any) -> Settings:
    """Read the environment.

    Parameters
    ----------
    **given
        Settings that come before the environment's, by field name.

    Raises
    ------
    ConfigError
        If a setting is malformed or a ``TVREC_`` variable is none of ours.
    """
    known = known_names()
    ours = [name for name in os.environ if name.startswith(PREFIX)]
    problems = [_unknown(name, known) for name in ours if name not in known]
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            field = str(detail["loc"][0])
            got = "" if _is_secret(field) else f", got {detail['input']!r}"
            # Of our own validators, which pydantic announces.
            said = detail["msg"].removeprefix("Value error, ")
            problems.append(f"{variable(field)}: {said}{got}")
        raise ConfigError("; ".join(problems)) from None
    if problems:
        raise ConfigError("; ".join(problems))
    return settings


def variable(field: str) -> str:
    """Return the environment variable of a field.

    Examples
    --------
    >>> variable("epochs"), variable("bucket"), variable("s3_endpoint_url")
    ('TVREC_EPOCHS', 'TVREC_BUCKET', 'S3_ENDPOINT_URL')
    """
    info = Settings.model_fields.get(field)
    if info is not None and isinstance(info.validation_alias, AliasChoices):
        return str(info.validation_alias.choices[0])
    return field if info is None else f"{PREFIX}{field.upper()}"


def known_names() -> set[str]:
    """Return the environment variables that are settings."""
    return {variable(field) for field in Settings.model_fields}


def _is_secret(field: str) -> bool:
    info = Settings.model_fields.get(field)
    return info is not None and "SecretStr" in str(info.annotation)


def _unknown(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    hint = f", did you mean {close[0]}?" if close else ""
    return f"{name} is not a setting{hint}"
