"""What the composition root makes of settings."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mlproject import bootstrap, config
from mlproject.batches.log import BatchRatingLog
from mlproject.batches.sink import BatchSink
from mlproject.catalogue.files import FileCatalogue
from mlproject.catalogue.tvmaze import TvMazeCatalogue
from mlproject.core.cancel import Cancelled
from mlproject.core.errors import ConfigError
from mlproject.objects.local import LocalStore
from mlproject.objects.s3 import S3Store
from tests.registry_server import fake_registry
from tests.servers import environment


def test_a_folder_is_the_store_unless_a_bucket_is_named(tmp_path: Path) -> None:
    assert bootstrap.object_store(config.load(state_dir=tmp_path)) == LocalStore(tmp_path / "store")
    store = bootstrap.object_store(config.load(bucket="b", s3_endpoint_url="http://127.0.0.1:9"))
    assert isinstance(store, S3Store)
    assert store.uri == "s3://b"


def test_a_file_comes_before_tvmaze_and_that_before_the_bundled_one(tmp_path: Path) -> None:
    file = tmp_path / "shows.csv"
    named = bootstrap.catalogue_source(config.load(catalogue_file=file, catalogue_source="tvmaze"))
    assert isinstance(named, FileCatalogue)
    assert named.path == file
    tvmaze = bootstrap.catalogue_source(config.load(catalogue_source="tvmaze"))
    assert isinstance(tvmaze, TvMazeCatalogue)
    assert len(bootstrap.catalogue_source(config.load()).read()) >= 400


def test_ratings_go_into_batches_unless_kafka_is_named(tmp_path: Path) -> None:
    sink = bootstrap.rating_sink(config.load(state_dir=tmp_path), threading.Event())
    assert isinstance(sink, BatchSink)
    with pytest.raises(ConfigError, match="SCHEMA_REGISTRY_URL"):
        bootstrap.rating_sink(config.load(kafka_bootstrap_servers="x:1"), threading.Event())


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
        with pytest.raises(Cancelled):
            bootstrap.rating_sink(settings, EndsAtOnce())
    assert "trying again" in caplog.text
    assert "s3://ratings" in caplog.text


def test_single_ratings_go_into_batches_unless_kafka_is_named(tmp_path: Path) -> None:
    log = bootstrap.rating_log(config.load(state_dir=tmp_path))
    assert isinstance(log, BatchRatingLog)
    log.close()
    with pytest.raises(ConfigError, match="SCHEMA_REGISTRY_URL"):
        bootstrap.rating_log(config.load(kafka_bootstrap_servers="x:1"))


WITHOUT_PANDAS = """
import sys
sys.modules["pandas"] = sys.modules["pyarrow"] = sys.modules["scipy"] = None
from mlproject import bootstrap, config
bootstrap.model_watcher(config.load())
bootstrap.rating_log(config.load()).close()
assert "confluent_kafka" not in sys.modules
kafka = {"kafka_bootstrap_servers": "127.0.0.1:1", "schema_registry_url": "http://127.0.0.1:1"}
bootstrap.rating_log(config.load(**kafka)).close()
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
    file.write_text("user_id,show_id,rating\n1,1,9\n1,2,eleven\n1,-3,9\n")
    source = bootstrap.rating_source(config.load(state_dir=tmp_path, ratings_file=file))
    assert len(source.read(0, 10)) == 1
    reasons = quarantined(tmp_path, "files/ratings.csv")
    assert sorted(reasons) == [
        "rating is not a number",
        "show_id is not a whole number of at least 0",
    ]


def test_rows_that_are_no_shows_are_kept_with_their_reason(tmp_path: Path) -> None:
    file = tmp_path / "shows.csv"
    file.write_text("show_id,title\n1,a\n1,b\n2,\n")
    source = bootstrap.catalogue_source(config.load(state_dir=tmp_path, catalogue_file=file))
    assert len(source.read()) == 1
    assert quarantined(tmp_path, "catalogue") == ["show_id occurs before", "no title"]
