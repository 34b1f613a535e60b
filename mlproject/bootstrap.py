"""The composition root: the only place that chooses adapters by settings."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final, Self

from mlproject import config
from mlproject.config import Settings
from mlproject.core.aliases import CHALLENGER
from mlproject.core.errors import ConfigError
from mlproject.core.topics import DEAD_LETTER_TOPIC, TOPIC

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    import pandas as pd
    from pyspark.sql import SparkSession

    from mlproject.core.ports import (
        CatalogueSource,
        Clock,
        ModelRegistry,
        ObjectStore,
        RatingSink,
    )
    from mlproject.core.rating_log import RatingLog
    from mlproject.core.user_histories import UserHistories
    from mlproject.events.replay import ReplaySource
    from mlproject.events.simulator import Simulator
    from mlproject.histories.copies import Copies
    from mlproject.histories.stream import RatingStream
    from mlproject.kafka.broker import Broker
    from mlproject.kafka.connect import ConnectClient
    from mlproject.kafka.topics import TopicSpec
    from mlproject.models.cache import ModelCache
    from mlproject.pipelines.build import Competitors
    from mlproject.pipelines.dataset import Dataset
    from mlproject.pipelines.retain import Keep
    from mlproject.pipelines.train import TrainParams
    from mlproject.reading.ratings import Told
    from mlproject.serving.client import ServiceClient
    from mlproject.serving.metrics import ServiceMetrics
    from mlproject.serving.trial import Trial
    from mlproject.serving.watcher import ModelWatcher
    from mlproject.spark.reading import OpenStore
    from mlproject.spark.training_data import TrainingData
    from mlproject.training.trainer import Trainer

# What MLflow is to do that its own defaults do not.
_MLFLOW: Final = {
    # Seven retries with back-off are minutes; the next cycle tries again anyway. Commands ask
    # first whether the server answers, and do not come to this if it hangs.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
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


@contextmanager
def opened_store(settings: Settings) -> Iterator[ObjectStore]:
    """Open the store of some settings, as the tasks of a Spark job do on their machines."""
    with App(settings) as app:
        yield app.store


# For so long, what was deleted in MLflow by mistake can be restored there.
_RESTORABLE: Final = "7d"

TRAINERS: Final = ("lightfm", "linear", "popularity")
SPARK_TRAINERS: Final = ("als", "linear")


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        """Return the time now, in UTC."""
        return datetime.now(UTC)


class App:
    """The adapters of one process, as its settings choose them.

    Each is made when it is first asked for, once, and imported then: a process loads only
    what it uses, and a deployable installs only what it needs. Nothing connects before it is
    used, but for :meth:`open_rating_sink`, which waits for its servers. What holds something
    open is closed at the end of the ``with`` block, the latest first.

    An adapter can be replaced before it is used, by a fake for instance.

    Parameters
    ----------
    settings
        The settings of the process.

    Examples
    --------
    >>> from mlproject.testing import MemoryStore
    >>> with App(config.Settings()) as app:
    ...     app.store = MemoryStore()
    ...     len(app.catalogue_source.read()) >= 400
    True
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    # The world around

    @cached_property
    def clock(self) -> Clock:
        """The time."""
        return SystemClock()

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

    # Shows and ratings

    @cached_property
    def catalogue_source(self) -> CatalogueSource:
        """The catalogue file if one is named, else TVMaze or the bundled catalogue."""
        settings = self.settings
        if settings.catalogue_file is None and settings.catalogue_source == "tvmaze":
            from mlproject.catalogue.tvmaze import TvMazeCatalogue
            from mlproject.catalogue.tvmaze_client import TvMazeClient
            from mlproject.http_client import connections

            http = self._open.enter_context(connections(settings.tvmaze_url))
            client = TvMazeClient(settings.tvmaze_url, http=http)
            return TvMazeCatalogue(
                client, self.store, self.clock, on_rejected=self._quarantine("catalogue")
            )
        from mlproject.catalogue.files import FileCatalogue, bundled

        file = settings.catalogue_file
        set_aside = self._quarantine("catalogue")
        return FileCatalogue(file, set_aside, settings.max_rejected) if file else bundled()

    @cached_property
    def rating_source(self) -> ReplaySource | Simulator:
        """The replay of the ratings file if one is named, else the simulator.

        The simulator reads the exported catalogue when it is made: its users rate what is there.

        Raises
        ------
        ConfigError, RatingsFileError
            If the scale is none, or the file cannot be used.
        CatalogueError
            If nothing has been exported yet.
        """
        settings = self.settings
        if settings.ratings_file:
            from mlproject.batches.keys import FILES
            from mlproject.events.replay import ReplaySource

            return ReplaySource.open(
                settings.ratings_file,
                backlog_share=settings.replay_backlog,
                seed=settings.seed,
                told=self.told,
                on_rejected=self._quarantine(f"{FILES}{settings.ratings_file.name}"),
            )
        from mlproject.catalogue.stored import read_catalogue
        from mlproject.events.simulator import Simulator

        return Simulator(
            read_catalogue(self.store),
            users=settings.seed_users,
            ratings=settings.seed_ratings,
            seed=settings.seed,
            now=self.clock.now,
        )

    @property
    def told(self) -> Told:
        """What the settings say of the ratings file.

        Raises
        ------
        ConfigError
            If the scale is none.
        """
        from mlproject.reading.ratings import Told
        from mlproject.reading.scales import Scale

        settings = self.settings
        try:
            scale = Scale.parse(settings.scale) if settings.scale else None
        except ValueError as error:
            raise ConfigError(
                f"{config.variable('scale')}: {error}, got {settings.scale!r}"
            ) from None
        return Told(scale, settings.unrated, settings.max_rejected)

    def open_rating_sink(self, stop: threading.Event) -> RatingSink:
        """Return the sink of ratings: Kafka if it is named, else batch objects.

        Waits for the store, Kafka and its Schema Registry until ``stop`` is set.

        Raises
        ------
        Cancelled
            If ``stop`` was set.
        """
        from mlproject.core.retry import until_available

        settings = self.settings
        if settings.kafka_bootstrap_servers is None:
            from mlproject.batches.sink import BatchSink

            batches = BatchSink(
                self.store, batch_rows=settings.batch_records, batch_seconds=settings.batch_seconds
            )
            until_available(lambda: batches.position, stop)
            return batches

        from mlproject.batches.position import PositionedSink, read_position
        from mlproject.kafka.producer import ProducerOptions
        from mlproject.kafka.sink import KafkaRatingSink

        schema_id = until_available(self._register_schema(), stop)
        start = until_available(lambda: read_position(self.store), stop)
        sink = KafkaRatingSink(
            settings.kafka_bootstrap_servers,
            TOPIC,
            schema_id,
            start_position=start,
            options=ProducerOptions(properties=self._kafka_properties),
            stop=stop,
        )
        until_available(sink.ping, stop)
        return PositionedSink(sink, self.store)

    @cached_property
    def rating_log(self) -> RatingLog:
        """Where single ratings are made durable: Kafka if it is named, else batch objects.

        Nothing is waited for: while Kafka is away, it refuses.

        Raises
        ------
        ConfigError
            If Kafka is named and the registry is not.
        """
        settings = self.settings
        log: RatingLog
        if settings.kafka_bootstrap_servers is None:
            from mlproject.batches.log import BatchRatingLog

            log = BatchRatingLog(self.store)
        else:
            from mlproject.kafka.log import INTERACTIVE, KafkaRatingLog

            log = KafkaRatingLog(
                settings.kafka_bootstrap_servers,
                TOPIC,
                self._register_schema(),
                replace(INTERACTIVE, properties=self._kafka_properties),
            )
        return self._open.enter_context(closing(log))

    @cached_property
    def history_copies(self) -> Copies:
        """The copies of ratings that the service keeps on this machine."""
        from mlproject.histories.copies import Copies

        source = self.store.uri
        if self.settings.kafka_bootstrap_servers is not None:
            # Offsets in Kafka are other ones than those of batches that were written without.
            source = f"{source} and Kafka"
        return Copies(self.settings.state_dir / "histories", source)

    @cached_property
    def user_histories(self) -> UserHistories:
        """What each user has rated: from the snapshot, and the stream after it.

        The stream is Kafka if it is named, else the batch objects. It is not started.

        Raises
        ------
        ConfigError
            If Kafka is named and the registry is not, or its address is invalid.
        """
        from mlproject.histories.followed import FollowedHistories

        settings = self.settings
        stream: RatingStream
        if settings.kafka_bootstrap_servers is None:
            from mlproject.batches.follow import BatchStream

            stream = BatchStream(self.store)
        else:
            from mlproject.kafka.follow import KafkaStream
            from mlproject.kafka.schema_registry import SchemaRegistry

            registry = self._open.enter_context(closing(SchemaRegistry(self._schema_registry_url)))
            stream = KafkaStream(
                settings.kafka_bootstrap_servers, TOPIC, registry.schema, self._kafka_properties
            )
        histories = FollowedHistories(self.store, stream, self.history_copies)
        return self._open.enter_context(closing(histories))

    def event_tail(self, stop: threading.Event, *, from_start: bool) -> Iterator[dict[str, Any]]:
        """Yield events as they arrive: from Kafka if it is named, else from the batch objects."""
        if self.settings.kafka_bootstrap_servers is not None:
            from mlproject.kafka.tail import tail_topic

            yield from tail_topic(
                self.settings.kafka_bootstrap_servers,
                TOPIC,
                self._schema_registry_url,
                stop,
                from_start=from_start,
                properties=self._kafka_properties,
            )
            return
        from mlproject.batches.tail import tail_batches

        for ratings in tail_batches(self.store, stop, from_start=from_start):
            yield from ratings.records()

    # Kafka and Kafka Connect

    @cached_property
    def broker(self) -> Broker:
        """The administration of Kafka.

        Raises
        ------
        ConfigError
            If Kafka is not named, or librdkafka refuses the further properties.
        """
        if self.settings.kafka_bootstrap_servers is None:
            raise ConfigError("KAFKA_BOOTSTRAP_SERVERS is not set: it says where Kafka is")
        from mlproject.kafka.broker import Broker

        return Broker(self.settings.kafka_bootstrap_servers, self._kafka_properties)

    @property
    def topic_specs(self) -> list[TopicSpec]:
        """What the topic of ratings and its dead-letter topic should be like."""
        from mlproject.kafka.topics import TopicSpec

        settings = self.settings
        # One partition serves dead letters; it is also what Connect would create.
        partitions = {TOPIC: settings.topic_partitions, DEAD_LETTER_TOPIC: 1}
        return [
            TopicSpec(name, count, settings.topic_replication, settings.topic_retention_days)
            for name, count in partitions.items()
        ]

    @cached_property
    def connect_client(self) -> ConnectClient:
        """The REST API of Kafka Connect.

        Raises
        ------
        ConfigError
            If it is not named, or its address is invalid.
        """
        if self.settings.connect_url is None:
            raise ConfigError("TVREC_CONNECT_URL is not set: it says where Kafka Connect is")
        from mlproject.kafka.connect import ConnectClient

        return ConnectClient(self.settings.connect_url.get_secret_value())

    @property
    def connector_config(self) -> dict[str, str]:
        """What the connector should be told.

        Raises
        ------
        ConfigError
            If the bucket or the Schema Registry is not named, or not as a connector needs it.
        """
        settings = self.settings
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

    # Spark

    def spark(self, name: str) -> AbstractContextManager[SparkSession]:
        """Return what opens a session of Spark.

        Raises
        ------
        ConfigError
            If PySpark is not installed.
        """
        try:
            from mlproject.spark.session import session
        except ModuleNotFoundError as error:
            raise ConfigError(
                "PySpark is not installed; `pip install 'tvrec[spark]'`, or `make spark`, does it"
            ) from error
        secret = self.settings.spark_conf
        conf: dict[str, str] = json.loads(secret.get_secret_value()) if secret else {}
        return session(name, self.settings.spark_master, conf)

    @property
    def open_store(self) -> OpenStore:
        """What opens the store on any machine of a Spark cluster."""
        return partial(opened_store, self.settings)

    def spark_trainer(self, name: str, data: TrainingData) -> Trainer:
        """Return the trainer of a name, one of :data:`SPARK_TRAINERS`.

        Raises
        ------
        ConfigError
            If there is none of this name.
        """
        if name not in SPARK_TRAINERS:
            known = ", ".join(SPARK_TRAINERS)
            raise ConfigError(f"there is no trainer {name!r} on Spark; {known} are")
        from mlproject.spark.trainers import MADE

        return MADE[name](self.settings, data)

    @contextmanager
    def loaded_on_spark(self) -> Iterator[tuple[Dataset, Competitors]]:
        """Open a session for one cycle of the builder.

        Yields
        ------
        tuple
            What there is to train on, and what trains on Spark: ``als`` where on one machine
            it is ``lightfm``, whose models are of the same kind.
        """
        with self.spark("tvrec build") as session:
            from mlproject.pipelines.spark_dataset import load_on_spark
            from mlproject.pipelines.trainers import competing

            data, dataset = load_on_spark(
                session,
                self.store,
                self.open_store,
                most_users=self.settings.spark_users,
                min_known=self.settings.min_known,
            )
            als, linear = (self.spark_trainer(name, data) for name in SPARK_TRAINERS)
            yield dataset, competing(self.settings.promote, {"lightfm": als, "linear": linear})

    # Runs, versions and models

    @cached_property
    def registry(self) -> ModelRegistry:
        """Runs and versions, in MLflow."""
        config.set_defaults(_MLFLOW)
        from mlproject.registry.mlflow_registry import MlflowRegistry

        settings = self.settings
        return MlflowRegistry(
            settings.tracking_uri,
            experiment=settings.experiment,
            model=settings.registered_model,
            k=settings.k,
            inside_run=settings.mlflow_run_id is not None,
        )

    @property
    def keep(self) -> Keep:
        """How long runs, models and versions are kept."""
        from mlproject.pipelines.retain import Keep

        settings = self.settings
        return Keep(
            models=timedelta(hours=settings.keep_models_hours),
            runs=timedelta(days=settings.keep_runs_days),
            versions=timedelta(days=settings.keep_versions_days),
            history=settings.keep_history,
        )

    def free_rows(self) -> bool:
        """Free the rows of what was deleted from MLflow; tell whether its database is here.

        It is where a setting says, or beside us as `make run` has it. Elsewhere the server's
        own deployment has to do it, by `mlflow gc`.
        """
        from mlproject.registry.mlflow_rows import free_rows

        settings = self.settings
        beside = settings.state_dir.resolve() / "mlflow" / "mlflow.db"
        if settings.mlflow_backend_store_uri is not None:
            database = settings.mlflow_backend_store_uri.get_secret_value()
        elif beside.is_file():
            database = f"sqlite:///{beside}"
        else:
            return False
        free_rows(database, settings.tracking_uri, _RESTORABLE)
        return True

    def model_cache(self, owner: str) -> ModelCache:
        """Return the folder in which a process keeps the versions it has loaded."""
        from mlproject.models.cache import ModelCache

        return ModelCache(
            self.settings.state_dir / "models" / owner,
            lambda number, folder: self.registry.download(number, folder),  # noqa: PLW0108
        )

    def trainer(self, name: str) -> Trainer:
        """Return the trainer of a name, one of :data:`TRAINERS`.

        Raises
        ------
        ConfigError
            If there is none of this name.
        """
        if name not in TRAINERS:
            raise ConfigError(f"there is no trainer {name!r}; there are {', '.join(TRAINERS)}")
        from mlproject.pipelines.trainers import MADE

        return MADE[name](self.settings)

    @property
    def competitors(self) -> Competitors:
        """The trainers of a cycle by the alias that they compete for."""
        from mlproject.pipelines.trainers import competing

        both = {name: self.trainer(name) for name in ("lightfm", "linear")}
        return competing(self.settings.promote, both)

    @property
    def train_params(self) -> TrainParams:
        """What a training is told beside the trainer's own settings."""
        from mlproject.pipelines.train import TrainParams
        from mlproject.registry.gate import Rules

        settings = self.settings
        return TrainParams(
            seed=settings.seed,
            half_life_days=settings.popularity_half_life,
            holdout=settings.holdout,
            split=settings.split,
            k=settings.k,
            rules=Rules(margin=settings.margin),
            refit=settings.refit,
        )

    # The service

    @cached_property
    def service(self) -> ServiceClient:
        """The REST service, as its clients see it."""
        from mlproject.serving.client import ServiceClient

        token = self.settings.service_token
        return ServiceClient(self.settings.service_url, token.get_secret_value() if token else None)

    @cached_property
    def service_metrics(self) -> ServiceMetrics:
        """What the service counts.

        Not before BentoML has told prometheus_client where its workers share metrics, so not
        before the service starts.
        """
        from mlproject.serving.metrics import ServiceMetrics

        return ServiceMetrics()

    def model_watcher(self, on_swap: Callable[[int], object] = lambda _: None) -> ModelWatcher:
        """Return what keeps the service on the production version."""
        from mlproject.serving.watcher import ModelWatcher

        # MLflow takes seconds to import: the version of the last life answers meanwhile.
        cache = self.model_cache("service")
        return ModelWatcher(
            lambda: self.registry.production(),  # noqa: PLW0108 - not asked for before
            cache.load,
            cache.last,
            self.settings.poll_seconds,
            on_swap,
            lambda run_id: self.registry.find_run(run_id),  # noqa: PLW0108
        )

    @cached_property
    def trial(self) -> Trial | None:
        """What happens beside an answer, as the settings say; None = nothing."""
        from mlproject.serving.trial import Shares, Trial

        settings = self.settings
        shares = Shares(settings.interleave, settings.shadow, settings.expose)
        if shares == Shares():
            return None
        from mlproject.exposures.log import StoredExposureLog
        from mlproject.serving.shadow import Shadow
        from mlproject.serving.watcher import ModelWatcher

        challenger = ModelWatcher(
            lambda: self.registry.aliased(CHALLENGER),
            self.model_cache("challenger").load,
            lambda: None,
            settings.poll_seconds,
            alias=CHALLENGER,
        )
        exposures = StoredExposureLog(self.store, kept_days=settings.exposure_days)
        return Trial(shares, challenger, Shadow(self.service_metrics.shadowed), exposures)

    # What several of them need

    def _quarantine(self, origin: str) -> Callable[[pd.DataFrame], None]:
        """Return what keeps rejected rows under ``quarantine/``."""
        from mlproject.batches.quarantine import keep_rejected

        return lambda rejected: keep_rejected(self.store, origin, rejected)

    def _register_schema(self) -> Callable[[], int]:
        """Return what registers the schema of ratings and returns its id.

        Raises
        ------
        ConfigError
            If the registry is not named.
        """
        from mlproject.events.schema import schema_text
        from mlproject.kafka.schema_registry import register

        url = self._schema_registry_url
        return lambda: register(url, f"{TOPIC}-value", schema_text())

    @property
    def _schema_registry_url(self) -> str:
        if self.settings.schema_registry_url is None:
            raise ConfigError("KAFKA_BOOTSTRAP_SERVERS is set, and SCHEMA_REGISTRY_URL is not")
        return self.settings.schema_registry_url

    @property
    def _kafka_properties(self) -> dict[str, Any]:
        """The further librdkafka properties."""
        secret = self.settings.kafka_properties
        properties: dict[str, Any] = json.loads(secret.get_secret_value()) if secret else {}
        return properties
