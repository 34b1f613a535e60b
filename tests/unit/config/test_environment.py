"""Variables of child processes, of libraries and of proxies."""

import os

import pytest

from mlproject import config


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
    monkeypatch.setenv("no_proxy", "so that it is as before in the end")
    monkeypatch.delenv("no_proxy")
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
