"""The environment becomes settings, or one error that names every mistake."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlproject import config
from mlproject.config import Settings
from mlproject.core.errors import ConfigError

SetEnv = Callable[[str, str], None]


OPTIONAL = [name for name, field in Settings.model_fields.items() if field.default is None]


@pytest.fixture
def setenv(monkeypatch: pytest.MonkeyPatch) -> SetEnv:
    return monkeypatch.setenv


def test_settings_come_from_the_environment(setenv: SetEnv) -> None:
    setenv("TVREC_EPOCHS", "3")
    setenv("TVREC_RATINGS_FILE", "ratings.csv")
    setenv("S3_ENDPOINT_URL", "http://minio:9000")
    setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    settings = config.load()
    assert settings.epochs == 3
    assert settings.ratings_file == Path("ratings.csv")
    assert settings.s3_endpoint_url == "http://minio:9000"
    assert settings.tracking_uri == "http://mlflow:5000"


def test_a_mistake_is_told_in_our_own_words(setenv: SetEnv) -> None:
    setenv("MLFLOW_TRACKING_URI", "nonsense")
    with pytest.raises(ConfigError) as caught:
        config.load()
    assert str(caught.value) == (
        "MLFLOW_TRACKING_URI: should be the address of a server, such as http://127.0.0.1:5000, "
        "got 'nonsense'"
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("TVREC_EPOCH", ", did you mean TVREC_EPOCHS?"),
        ("TVREC_S3_ENDPOINT_URL", ", did you mean S3_ENDPOINT_URL?"),
        ("TVREC_" + 60 * "X", ""),
    ],
)
def test_an_unknown_name_is_an_error_with_a_suggestion(
    setenv: SetEnv, name: str, hint: str
) -> None:
    setenv(name, "1")
    with pytest.raises(ConfigError) as caught:
        config.load()
    assert str(caught.value) == f"{name} is not a setting{hint}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TVREC_EPOCHS", "many"),
        ("TVREC_EPOCHS", "0"),
        ("TVREC_EPOCHS", ""),
        ("TVREC_HOLDOUT", "1"),
        ("TVREC_MLFLOW_PORT", "65536"),
        ("TVREC_LOG_LEVEL", "LOUD"),
        ("TVREC_EVENT_RATE", "nan"),
    ],
)
def test_a_malformed_value_is_named_by_its_variable(setenv: SetEnv, name: str, value: str) -> None:
    setenv(name, value)
    with pytest.raises(ConfigError, match=f"^{name}: .*, got '{value}'$"):
        config.load()


def test_every_mistake_is_in_the_one_error(setenv: SetEnv) -> None:
    setenv("TVREC_EPOCH", "3")
    setenv("TVREC_SEED", "x")
    with pytest.raises(ConfigError) as caught:
        config.load(epochs=0)
    mistakes = str(caught.value).split("; ")
    assert sorted(mistake.split()[0] for mistake in mistakes) == [
        "TVREC_EPOCH",
        "TVREC_EPOCHS:",
        "TVREC_SEED:",
    ]


@pytest.mark.parametrize("field", OPTIONAL)
def test_an_empty_variable_of_an_optional_setting_is_not_set(setenv: SetEnv, field: str) -> None:
    setenv(config.variable(field), "")
    assert getattr(config.load(), field) is None


@pytest.mark.parametrize("secret", ["hush", '"hush"', "[1]"])
def test_a_malformed_secret_is_not_shown(setenv: SetEnv, secret: str) -> None:
    setenv("TVREC_KAFKA_PROPERTIES", secret)
    with pytest.raises(ConfigError, match=r"^TVREC_KAFKA_PROPERTIES: .*JSON object$"):
        config.load()


def test_what_is_given_comes_before_the_environment(setenv: SetEnv) -> None:
    """Under both kinds of names; None is not given."""
    setenv("TVREC_EPOCHS", "3")
    setenv("TVREC_SEED", "4")
    setenv("S3_ENDPOINT_URL", "http://env")
    settings = config.load(epochs=7, seed=None, s3_endpoint_url="http://given")
    assert (settings.epochs, settings.seed) == (7, 4)
    assert settings.s3_endpoint_url == "http://given"


def test_what_is_given_must_be_a_setting() -> None:
    with pytest.raises(ConfigError, match=r"^nonsense: "):
        config.load(nonsense=1)
