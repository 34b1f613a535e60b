"""The composition root: the only place that chooses adapters by settings.

Adapters are imported where they are made, so that a process loads only what it uses and
a deployable installs only what it needs.
"""

from __future__ import annotations

import getpass
import json
import logging
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlproject import config
from mlproject.config import Settings
from mlproject.core.errors import ConfigError
from mlproject.core.topics import DEAD_LETTER_TOPIC, TOPIC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from mlproject.core.ports import CatalogueSource, ModelRegistry, ObjectStore, RatingSink
    from mlproject.core.rating_log import RatingLog
    from mlproject.events.replay import ReplaySource
    from mlproject.events.simulator import Simulator
    from mlproject.kafka.broker import Broker
    from mlproject.kafka.connect import ConnectClient
    from mlproject.kafka.topics import TopicSpec
    from mlproject.models.cache import ModelCache
    from mlproject.pipelines.train import TrainParams
    from mlproject.serving.watcher import ModelWatcher
    from mlproject.training.trainer import Trainer

# What MLflow is to do that its own defaults do not.
_MLFLOW: Final = {
    # Seven retries with back-off are minutes; the next cycle tries again anyway.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "true",
    "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL": "1",
    # The client's default is to go to the artifact store itself, where the server has S3. Ours go
    # through the server, which alone has to reach the store.
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "GIT_PYTHON_REFRESH": "quiet",
}


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        """Return the time now, in UTC."""
        return datetime.now(UTC)


def object_store(settings: Settings) -> ObjectStore:
    """Return the bucket if one is named, else the folder ``STATE_DIR/store``."""
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
    return S3Store(settings.bucket, client)


def alive_file(settings: Settings) -> Path:
    """Return the file by which a process without a port shows that it is alive."""
    return settings.state_dir / "alive"


def catalogue_source(settings: Settings) -> CatalogueSource:
    """Return the catalogue file if one is named, else TVMaze or the bundled catalogue."""
    store = object_store(settings)
    set_aside = _quarantine(store, "catalogue")
    if settings.catalogue_file is None and settings.catalogue_source == "tvmaze":
        from mlproject.catalogue.tvmaze import TvMazeCatalogue
        from mlproject.catalogue.tvmaze_client import TvMazeClient

        client = TvMazeClient(settings.tvmaze_url)
        return TvMazeCatalogue(client, store, SystemClock(), on_rejected=set_aside)
    from mlproject.catalogue.files import FileCatalogue, bundled

    file = settings.catalogue_file
    return FileCatalogue(file, set_aside) if file else bundled()


def _quarantine(store: ObjectStore, origin: str) -> Callable[[pd.DataFrame], None]:
    """Return what keeps rejected rows under ``quarantine/``."""
    from mlproject.batches.quarantine import keep_rejected

    return lambda rejected: keep_rejected(store, origin, rejected)


def rating_source(settings: Settings) -> ReplaySource | Simulator:
    """Return the replay of the ratings file if one is named, else the simulator."""
    if settings.ratings_file:
        from mlproject.events.replay import ReplaySource

        return ReplaySource.open(
            settings.ratings_file,
            backlog_share=settings.replay_backlog,
            seed=settings.seed,
            on_rejected=_quarantine(object_store(settings), f"files/{settings.ratings_file.name}"),
        )
    from mlproject.events.simulator import Simulator

    return Simulator(
        catalogue_source(settings).read(),
        users=settings.seed_users,
        ratings=settings.seed_ratings,
        seed=settings.seed,
        now=SystemClock().now,
    )


def rating_sink(settings: Settings, stop: threading.Event) -> RatingSink:
    """Return the sink of ratings: Kafka if it is named, else batch objects.

    Waits for the store, Kafka and its Schema Registry until ``stop`` is set.

    Raises
    ------
    Cancelled
        If ``stop`` was set.
    """
    from mlproject.core.retry import until_available

    store = object_store(settings)
    if settings.kafka_bootstrap_servers is None:
        from mlproject.batches.sink import BatchSink

        batches = BatchSink(
            store, batch_rows=settings.batch_records, batch_seconds=settings.batch_seconds
        )
        until_available(lambda: batches.position, stop)
        return batches

    from mlproject.batches.position import PositionedSink, read_position
    from mlproject.events.schema import schema_text
    from mlproject.kafka.producer import ProducerOptions
    from mlproject.kafka.schema_registry import register
    from mlproject.kafka.sink import KafkaRatingSink

    registry_url = schema_registry_url(settings)
    schema_id = until_available(
        lambda: register(registry_url, f"{TOPIC}-value", schema_text()), stop
    )
    start = until_available(lambda: read_position(store), stop)
    sink = KafkaRatingSink(
        settings.kafka_bootstrap_servers,
        TOPIC,
        schema_id,
        start_position=start,
        options=ProducerOptions(properties=kafka_properties(settings)),
        stop=stop,
    )
    until_available(sink.ping, stop)
    return PositionedSink(sink, store)


def rating_log(settings: Settings) -> RatingLog:
    """Return where single ratings are made durable: Kafka if it is named, else batch objects.

    Nothing is waited for: while Kafka is away, it refuses.

    Raises
    ------
    ConfigError
        If Kafka is named and the registry is not.
    """
    if settings.kafka_bootstrap_servers is None:
        from mlproject.batches.log import BatchRatingLog

        return BatchRatingLog(object_store(settings))

    from mlproject.events.schema import schema_text
    from mlproject.kafka.log import INTERACTIVE, KafkaRatingLog
    from mlproject.kafka.schema_registry import register

    registry_url = schema_registry_url(settings)
    return KafkaRatingLog(
        settings.kafka_bootstrap_servers,
        TOPIC,
        lambda: register(registry_url, f"{TOPIC}-value", schema_text()),
        replace(INTERACTIVE, properties=kafka_properties(settings)),
    )


def schema_registry_url(settings: Settings) -> str:
    """Return where the Schema Registry is.

    Raises
    ------
    ConfigError
        If Kafka is named and the registry is not.
    """
    if settings.schema_registry_url is None:
        raise ConfigError("KAFKA_BOOTSTRAP_SERVERS is set, and SCHEMA_REGISTRY_URL is not")
    return settings.schema_registry_url


def kafka_properties(settings: Settings) -> dict[str, Any]:
    """Return the further librdkafka properties."""
    secret = settings.kafka_properties
    properties: dict[str, Any] = json.loads(secret.get_secret_value()) if secret else {}
    return properties


def broker(settings: Settings) -> Broker:
    """Return the administration of Kafka.

    Raises
    ------
    ConfigError
        If Kafka is not named, or librdkafka refuses the further properties.
    """
    if settings.kafka_bootstrap_servers is None:
        raise ConfigError("KAFKA_BOOTSTRAP_SERVERS is not set: it says where Kafka is")
    from mlproject.kafka.broker import Broker

    return Broker(settings.kafka_bootstrap_servers, kafka_properties(settings))


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """Return what the topic of ratings and its dead-letter topic should be like."""
    from mlproject.kafka.topics import TopicSpec

    # One partition serves dead letters; it is also what Connect would create.
    partitions = {TOPIC: settings.topic_partitions, DEAD_LETTER_TOPIC: 1}
    return [
        TopicSpec(name, count, settings.topic_replication, settings.topic_retention_days)
        for name, count in partitions.items()
    ]


def connect_client(settings: Settings) -> ConnectClient:
    """Return the REST API of Kafka Connect.

    Raises
    ------
    ConfigError
        If it is not named, or its address is none.
    """
    if settings.connect_url is None:
        raise ConfigError("TVREC_CONNECT_URL is not set: it says where Kafka Connect is")
    from mlproject.kafka.connect import ConnectClient

    return ConnectClient(settings.connect_url.get_secret_value())


def connector_config(settings: Settings) -> dict[str, str]:
    """Return what the connector should be told.

    Raises
    ------
    ConfigError
        If the bucket or the Schema Registry is not named, or not as a connector needs it.
    """
    if settings.bucket is None:
        raise ConfigError("TVREC_BUCKET is not set: the connector writes into a bucket")
    from mlproject.kafka.connector import SinkSpec, registry_address, sink_config

    return sink_config(
        SinkSpec(
            topic=TOPIC,
            dead_letter_topic=DEAD_LETTER_TOPIC,
            replication=settings.topic_replication,
            tasks=settings.connect_tasks,
            registry_url=registry_address(
                settings.schema_registry_url, settings.connect_registry_url
            ),
            bucket=settings.bucket,
            endpoint_url=settings.s3_endpoint_url,
            region=settings.aws_region,
            keys_from_environment=settings.aws_access_key_id is not None,
            batch_records=settings.batch_records,
            batch_ms=round(settings.batch_seconds * 1000),
        )
    )


def event_tail(
    settings: Settings, stop: threading.Event, *, from_start: bool
) -> Iterator[dict[str, Any]]:
    """Yield events as they arrive: from Kafka if it is named, else from the batch objects."""
    if settings.kafka_bootstrap_servers is not None:
        from mlproject.kafka.tail import tail_topic

        yield from tail_topic(
            settings.kafka_bootstrap_servers,
            TOPIC,
            schema_registry_url(settings),
            stop,
            from_start=from_start,
            properties=kafka_properties(settings),
        )
        return
    from mlproject.batches.tail import tail_batches

    for ratings in tail_batches(object_store(settings), stop, from_start=from_start):
        yield from ratings.records()


def registry(settings: Settings) -> ModelRegistry:
    """Return the MLflow registry."""
    config.set_defaults(_MLFLOW)
    from mlproject.registry.mlflow_registry import MlflowRegistry

    return MlflowRegistry(
        settings.tracking_uri,
        experiment=settings.experiment,
        model=settings.registered_model,
        k=settings.k,
        inside_run=settings.mlflow_run_id is not None,
    )


def model_cache(settings: Settings, owner: str) -> ModelCache:
    """Return the folder in which a process keeps the versions it has loaded."""
    from mlproject.models.cache import ModelCache

    return ModelCache(settings.state_dir / "models" / owner, registry(settings).download)


def model_watcher(
    settings: Settings, on_swap: Callable[[int], object] = lambda _: None
) -> ModelWatcher:
    """Return what keeps the service on the production version."""
    from mlproject.serving.watcher import ModelWatcher

    cache = model_cache(settings, "service")
    return ModelWatcher(
        registry(settings).production, cache.load, cache.last, settings.poll_seconds, on_swap
    )


def trainer(settings: Settings) -> Trainer:
    """Return the trainer that is named."""
    if settings.trainer == "popularity":
        from mlproject.training.popularity import PopularityTrainer

        return PopularityTrainer(settings.popularity_half_life)
    from mlproject.training.lightfm import LightFMTrainer

    return LightFMTrainer(
        dimensions=settings.dimensions,
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        max_sampled=settings.max_sampled,
        threads=settings.threads,
        seed=settings.seed,
    )


def train_params(settings: Settings) -> TrainParams:
    """Return what a training is told."""
    from mlproject.pipelines.train import TrainParams
    from mlproject.registry.gate import Rules

    return TrainParams(
        seed=settings.seed,
        half_life_days=settings.popularity_half_life,
        feature_weight=settings.feature_weight,
        holdout=settings.holdout,
        split=settings.split,
        k=settings.k,
        rules=Rules(margin=settings.margin),
    )


def run_tags(settings: Settings) -> dict[str, str]:
    """Return what is noted of a run beside its parameters."""
    commit = settings.git_commit or _git_commit()
    # The key is MLflow's own; its pages show it as the run's source version.
    return {"mlflow.source.git.commit": commit} if commit else {}


def user_name() -> str:
    """Return who works here, for the record of a promotion."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's numeric user has no name
        return "unknown"


def set_up_logging(settings: Settings) -> None:
    """Log to standard error, a line an event."""
    logging.basicConfig(
        level=settings.log_level,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%H:%M:%S",
        force=True,
    )
    for chatty in ("botocore", "httpx", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # urllib3 warns of what is tried again, and is reported by us if that fails too;
    # apscheduler of a job that is left out since the last one still runs.
    for anxious in ("apscheduler", "urllib3"):
        logging.getLogger(anxious).setLevel(logging.ERROR)


def _git_commit() -> str:
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - the user's git
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip()
