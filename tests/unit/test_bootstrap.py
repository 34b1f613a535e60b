"""What the composition root makes of settings."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mlproject import config
from mlproject.batches.follow import BatchStream
from mlproject.batches.log import BatchRatingLog
from mlproject.batches.sink import BatchSink
from mlproject.bootstrap import TRAINERS, App
from mlproject.catalogue.files import FileCatalogue
from mlproject.catalogue.tvmaze import TvMazeCatalogue
from mlproject.core.cancel import Cancelled
from mlproject.core.errors import ConfigError, UnavailableError
from mlproject.histories.followed import FollowedHistories
from mlproject.kafka.follow import KafkaStream
from mlproject.objects.local import LocalStore
from mlproject.objects.s3 import S3Store
from mlproject.testing import MemoryStore
from tests.builders import event, model, ratings
from tests.registry_server import fake_registry
from tests.servers import environment


def test_a_folder_is_the_store_unless_a_bucket_is_named(tmp_path: Path) -> None:
    assert App(config.load(state_dir=tmp_path)).store == LocalStore(tmp_path / "store")
    with App(config.load(bucket="b", s3_endpoint_url="http://127.0.0.1:9")) as app:
        assert isinstance(app.store, S3Store)
        assert app.store.uri == "s3://b"


def test_a_file_comes_before_tvmaze_and_that_before_the_bundled_one(tmp_path: Path) -> None:
    file = tmp_path / "shows.csv"
    named = App(config.load(catalogue_file=file, catalogue_source="tvmaze")).catalogue_source
    assert isinstance(named, FileCatalogue)
    assert named.path == file
    with App(config.load(catalogue_source="tvmaze")) as app:
        assert isinstance(app.catalogue_source, TvMazeCatalogue)
    assert len(App(config.load()).catalogue_source.read()) >= 400


def test_ratings_go_into_batches_unless_kafka_is_named(tmp_path: Path) -> None:
    sink = App(config.load(state_dir=tmp_path)).open_rating_sink(threading.Event())
    assert isinstance(sink, BatchSink)
    with pytest.raises(ConfigError, match="SCHEMA_REGISTRY_URL"):
        App(config.load(kafka_bootstrap_servers="x:1")).open_rating_sink(threading.Event())


class EndsAtOnce(threading.Event):
    """Is set by whoever waits for it."""

    def wait(self, timeout: float | None = None) -> bool:
        self.set()
        return True


@pytest.mark.parametrize("kafka", ["", "127.0.0.1:9"])
def test_who_sends_ratings_waits_for_the_store(
    kafka: str, caplog: pytest.LogCaptureFixture
) -> None:
    with fake_registry() as registry:
        settings = config.load(
            bucket="ratings",
            s3_endpoint_url="http://127.0.0.1:9",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            kafka_bootstrap_servers=kafka,
            schema_registry_url=registry.url,
        )
        with App(settings) as app, pytest.raises(Cancelled):
            app.open_rating_sink(EndsAtOnce())
    assert "trying again" in caplog.text
    assert "s3://ratings" in caplog.text


def test_single_ratings_go_into_batches_unless_kafka_is_named(tmp_path: Path) -> None:
    with App(config.load(state_dir=tmp_path)) as app:
        assert isinstance(app.rating_log, BatchRatingLog)
    with pytest.raises(ConfigError, match="SCHEMA_REGISTRY_URL"):
        _ = App(config.load(kafka_bootstrap_servers="x:1")).rating_log


def test_an_adapter_is_made_once(tmp_path: Path) -> None:
    with App(config.load(state_dir=tmp_path)) as app:
        for name in ("store", "catalogue_source", "rating_log", "registry", "service"):
            assert getattr(app, name) is getattr(app, name), name


def test_what_is_open_is_closed_at_the_end(tmp_path: Path) -> None:
    with App(config.load(state_dir=tmp_path)) as app:
        log = app.rating_log
    with pytest.raises(UnavailableError, match="the service is stopping"):
        log.append(event())


def test_an_adapter_can_be_replaced_for_those_that_stand_on_it(tmp_path: Path) -> None:
    app = App(config.load(state_dir=tmp_path))
    app.store = MemoryStore()
    sink = app.open_rating_sink(threading.Event())
    sink.append(ratings(3))
    sink.flush()
    assert len(app.store.objects) == 1
    assert not list(tmp_path.iterdir())


def test_nothing_is_asked_of_servers_that_are_away_before_they_are_used() -> None:
    away = "http://127.0.0.1:9"
    settings = config.load(
        bucket="b",
        s3_endpoint_url=away,
        aws_access_key_id="a",
        aws_secret_access_key="b",
        kafka_bootstrap_servers="127.0.0.1:9",
        schema_registry_url=away,
        connect_url=away,
        mlflow_tracking_uri=away,
        catalogue_source="tvmaze",
        tvmaze_url=away,
    )
    with App(settings) as app:
        for name in ("store", "registry", "connect_client", "catalogue_source", "service"):
            assert getattr(app, name)
        assert app.model_watcher().current is None


def test_histories_follow_batches_unless_kafka_is_named(tmp_path: Path) -> None:
    kafka = {"kafka_bootstrap_servers": "127.0.0.1:1", "schema_registry_url": "http://127.0.0.1:1"}
    with App(config.load(state_dir=tmp_path)) as app:
        plain = app.user_histories
    with App(config.load(state_dir=tmp_path, **kafka)) as app:
        followed = app.user_histories
    assert isinstance(plain, FollowedHistories)
    assert isinstance(followed, FollowedHistories)
    assert isinstance(plain._stream, BatchStream)
    assert isinstance(followed._stream, KafkaStream)
    assert plain._copies.source != followed._copies.source, "their offsets differ"
    with pytest.raises(ConfigError, match="SCHEMA_REGISTRY_URL"):
        _ = App(config.load(kafka_bootstrap_servers="x:1")).user_histories


WITHOUT_PANDAS = """
import sys
sys.modules["pandas"] = sys.modules["pyarrow"] = sys.modules["scipy"] = None
from mlproject import config
from mlproject.bootstrap import TRAINERS, App
with App(config.load()) as app:
    app.model_watcher()
    assert "mlflow" not in sys.modules
    app.rating_log
    app.user_histories.start()
    while not app.user_histories.status.is_loaded: pass
assert "confluent_kafka" not in sys.modules
kafka = {"kafka_bootstrap_servers": "127.0.0.1:1", "schema_registry_url": "http://127.0.0.1:1"}
with App(config.load(**kafka)) as app:
    app.rating_log
    app.user_histories
"""


def test_a_service_does_without_pandas_and_without_kafka_if_that_is_not_named(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PANDAS],
        env=environment(TVREC_STATE_DIR=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def quarantined(state: Path, name: str) -> list[str]:
    lines = (state / "store/quarantine" / f"{name}.rejected.jsonl").read_text().splitlines()
    return [json.loads(line)["reason"] for line in lines]


def test_rows_that_are_no_ratings_are_kept_with_their_reason(tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text("user_id,show_id,rating\n1,1,9\n1,2,eleven\n1,-3,9\n1,4,8\n")
    source = App(config.load(state_dir=tmp_path, ratings_file=file)).rating_source
    assert len(source.read(0, 10)) == 2
    reasons = quarantined(tmp_path, "files/ratings.csv")
    assert sorted(reasons) == [
        "rating is not a number",
        "show_id is below 0",
    ]


def test_rows_that_are_no_shows_are_kept_with_their_reason(tmp_path: Path) -> None:
    file = tmp_path / "shows.csv"
    file.write_text("show_id,title\n1,a\n1,b\n2,\n3,c\n")
    source = App(config.load(state_dir=tmp_path, catalogue_file=file)).catalogue_source
    assert len(source.read()) == 2
    assert quarantined(tmp_path, "catalogue") == ["show_id occurs before", "there is no title"]


@pytest.mark.parametrize(
    ("promote", "production", "challenger"),
    [
        ("lightfm", ["lightfm"], ["linear"]),
        ("linear", ["linear"], ["lightfm"]),
        ("best", ["lightfm", "linear"], []),
    ],
)
def test_a_setting_says_whose_models_may_be_served(
    promote: str, production: list[str], challenger: list[str]
) -> None:
    competitors = App(config.load(promote=promote)).competitors
    assert {alias: [each.name for each in found] for alias, found in competitors.items()} == {
        "production": production,
        "challenger": challenger,
    }


@pytest.mark.parametrize(("shows", "indexed"), [(9_999, False), (10_000, True)])
def test_very_many_shows_are_put_into_an_index(shows: int, *, indexed: bool) -> None:
    made = App(config.load(index_shows=10_000)).recommender(7, model(range(shows)))
    assert (made.version, made.index is not None) == (7, indexed)


def test_every_trainer_is_made_by_its_name() -> None:
    app = App(config.load())
    assert [app.trainer(name).name for name in TRAINERS] == list(TRAINERS)
    with pytest.raises(ConfigError, match="no trainer 'als'; there are lightfm, linear"):
        app.trainer("als")
