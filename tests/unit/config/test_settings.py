"""What a setting is: named, described, frozen, and secret where it must be."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from mlproject import config
from mlproject.config import Settings

SetEnv = Callable[[str, str], None]


OPTIONAL = [name for name, field in Settings.model_fields.items() if field.default is None]


@pytest.fixture
def setenv(monkeypatch: pytest.MonkeyPatch) -> SetEnv:
    return monkeypatch.setenv


def test_nothing_needs_to_be_set() -> None:
    settings = config.load()
    assert settings.state_dir == Path("var")
    assert settings.tracking_uri == "http://127.0.0.1:5000"
    assert settings.service_url == "http://127.0.0.1:3000"
    assert {name: getattr(settings, name) for name in OPTIONAL} == dict.fromkeys(OPTIONAL)


def test_the_secret_is_not_shown(setenv: SetEnv) -> None:
    setenv("AWS_SECRET_ACCESS_KEY", "hush")
    settings = config.load()
    assert settings.aws_secret_access_key is not None
    assert settings.aws_secret_access_key.get_secret_value() == "hush"
    assert "hush" not in repr(settings) + str(settings) + settings.model_dump_json()


@pytest.mark.parametrize("field", Settings.model_fields)
def test_a_field_has_a_description_and_a_name(field: str) -> None:
    assert Settings.model_fields[field].description
    assert config.variable(field) in config.known_names()


def test_two_fields_never_share_a_name() -> None:
    assert len(config.known_names()) == len(Settings.model_fields)


def test_settings_are_frozen() -> None:
    settings = config.load()
    with pytest.raises(ValidationError, match="frozen"):
        settings.epochs = 1
