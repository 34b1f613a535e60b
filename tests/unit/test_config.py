"""The environment becomes settings, or one error that names every mistake."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from mlproject import config
from mlproject.config import Settings
from mlproject.core.errors import ConfigError

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


def test_the_secret_is_not_shown(setenv: SetEnv) -> None:
    setenv("AWS_SECRET_ACCESS_KEY", "hush")
    settings = config.load()
    assert settings.aws_secret_access_key is not None
    assert settings.aws_secret_access_key.get_secret_value() == "hush"
    assert "hush" not in repr(settings) + str(settings) + settings.model_dump_json()


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


def test_a_default_yields_to_what_the_user_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SET", "by the user")
    monkeypatch.setenv("TEST_UNSET", "so that it is removed in the end")
    monkeypatch.delenv("TEST_UNSET")
    config.set_defaults({"TEST_SET": "default", "TEST_UNSET": "default"})
    environment = config.child_environment({"TEST_MORE": "1"})
    assert {name: environment[name] for name in ("TEST_SET", "TEST_UNSET", "TEST_MORE")} == {
        "TEST_SET": "by the user",
        "TEST_UNSET": "default",
        "TEST_MORE": "1",
    }
    assert "TEST_MORE" not in os.environ


def test_loopback_is_spared_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://user:secret@127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "internal, localhost")
    config.spare_loopback_the_proxy("10.1.2.3")
    spared = "internal,localhost,127.0.0.1,::1,10.1.2.3"
    assert config.child_environment({})["no_proxy"] == spared
    assert config.child_environment({})["NO_PROXY"] == spared
    for host in ("127.0.0.1", "localhost", "10.1.2.3", "internal"):
        assert config.through_proxy(f"http://{host}:5000") == ""


def test_a_proxy_in_the_way_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://user:secret@proxy.example:3128")
    said = config.through_proxy("http://mlflow.example:5000")
    assert "through the proxy proxy.example:3128, which http_proxy names" in said
    assert "add mlflow.example to no_proxy" in said
    assert "secret" not in said
    assert config.through_proxy("https://mlflow.example") == ""
