"""The REST service's application: a status and a JSON object for every request."""

import importlib.util
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from starlette.testclient import TestClient

from mlproject.core import columns as c
from mlproject.serving.recommender import Recommender
from mlproject.serving.requests import LARGEST_BODY
from tests.builders import model

SERVICE = Path(__file__).parents[2] / "bento" / "service.py"
TOO_LARGE = f"the body is larger than {LARGEST_BODY} bytes"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """bento/service.py, imported from its file: bento/ is no package."""
    with pytest.MonkeyPatch.context() as environment, warnings.catch_warnings():
        environment.setenv("BENTOML_HOME", str(tmp_path_factory.mktemp("bentoml")))
        environment.setenv("BENTOML_DO_NOT_TRACK", "True")
        # BentoML 1.4 uses, while it is imported, what pathspec and pydantic have deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        spec = importlib.util.spec_from_file_location("bento_service", SERVICE)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def watcher(service: ModuleType) -> SimpleNamespace:
    """What the service believes to be its watcher, with a model."""
    fake = SimpleNamespace(current=Recommender(3, model()))
    service.app.state.watcher, service.app.state.max_items = fake, 50
    return fake


@pytest.fixture
def client(service: ModuleType, watcher: SimpleNamespace) -> Iterator[TestClient]:
    assert watcher.current
    with TestClient(service.app) as made:
        yield made


def test_a_user_gets_shows(client: TestClient) -> None:
    answer = client.post("/recommend", json={"user_id": 2, "num_items": 2})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert (told["user_id"], told["model_version"], told["source"]) == (2, 3, "personalized")
    assert [item[c.SHOW_ID] for item in told["items"]] == [40, 30]


def test_the_number_of_shows_may_be_left_out_and_the_type_too(client: TestClient) -> None:
    answer = client.post("/recommend", content=b'{"user_id": 99}')
    assert answer.status_code == 200
    assert answer.json()["source"] == "popular"


def test_titles_keep_their_letters(client: TestClient, watcher: SimpleNamespace) -> None:
    cards = tuple({c.SHOW_ID: row, c.TITLE: "日本 ünï"} for row in (10, 20, 30, 40))
    watcher.current = Recommender(1, model(cards=cards))
    answer = client.post("/recommend", json={"user_id": 1})
    assert answer.json()["items"][0][c.TITLE] == "日本 ünï"
    assert "日本" in answer.content.decode()


def test_the_next_answer_is_by_the_new_version(
    client: TestClient, watcher: SimpleNamespace
) -> None:
    watcher.current = Recommender(4, model())
    assert client.post("/recommend", json={"user_id": 1}).json()["model_version"] == 4


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "the body is not JSON"),
        ("user_id=1", "the body is not JSON"),
        ("[1]", "the body is not a JSON object"),
        ("{}", "user_id is missing"),
        ('{"user_id": "ann"}', "user_id must be a whole number from 0 to 9223372036854775807"),
        ('{"user_id": 1, "num_items": 51}', "num_items must be a whole number from 1 to 50"),
        ('{"user_id": 1, "items": 5}', "'items' is no field of this request"),
    ],
)
def test_a_bad_body_is_400_with_a_sentence(client: TestClient, body: str, sentence: str) -> None:
    answer = client.post("/recommend", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(sentence)


def test_bytes_that_are_no_text_are_400(client: TestClient) -> None:
    answer = client.post("/recommend", content=b'{"user_id": "\xff\xfe"}')
    assert answer.status_code == 400
    assert "error" in answer.json()


@pytest.mark.parametrize("path", ["/", "/recommendations", "/recommend/1", "/docs"])
def test_another_path_is_404(client: TestClient, path: str) -> None:
    answer = client.post(path, json={"user_id": 1})
    assert answer.status_code == 404
    assert answer.json() == {"error": f"there is no POST {path}; there is POST /recommend"}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_405(client: TestClient, method: str) -> None:
    answer = client.request(method, "/recommend")
    assert answer.status_code == 405
    assert answer.json() == {"error": f"there is no {method} /recommend; there is POST /recommend"}


def test_405_names_the_method_that_is_allowed(client: TestClient) -> None:
    """As RFC 9110, section 15.5.6, asks for."""
    assert client.get("/recommend").headers["allow"] == "POST"


def test_a_large_body_is_413(client: TestClient) -> None:
    answer = client.post("/recommend", content=b" " * (LARGEST_BODY + 1))
    assert answer.status_code == 413
    assert answer.json() == {"error": TOO_LARGE}


def test_a_large_body_of_unknown_length_is_413_before_it_ends(client: TestClient) -> None:
    sent: list[int] = []

    def body() -> Iterator[bytes]:
        for _ in range(100):
            sent.append(1)
            yield b" " * 1000

    answer = client.post("/recommend", content=body())
    assert "content-length" not in answer.request.headers
    assert answer.status_code == 413
    assert answer.json() == {"error": TOO_LARGE}


def test_the_largest_body_is_read(client: TestClient) -> None:
    body = json.dumps({"user_id": 1}).ljust(LARGEST_BODY)
    assert client.post("/recommend", content=body).status_code == 200


def test_without_a_model_it_is_503(client: TestClient, watcher: SimpleNamespace) -> None:
    watcher.current = None
    answer = client.post("/recommend", json={"user_id": 1})
    assert answer.status_code == 503
    assert answer.json() == {"error": "no model is in production yet; try again in a minute"}
    assert client.get("/recommend").status_code == 405


def test_a_surprise_is_500_and_json(
    service: ModuleType, watcher: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recommender, "recommend", lambda *_: 1 / 0)
    assert watcher.current
    with TestClient(service.app, raise_server_exceptions=False) as client:
        answer = client.post("/recommend", json={"user_id": 1})
    assert answer.status_code == 500
    assert "error" in answer.json()
