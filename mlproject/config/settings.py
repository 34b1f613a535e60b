"""Every setting: its type, its default and its description in the documents."""

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX: Final = "TVREC_"


def _named(name: str, default: Any, description: str, **limits: Any) -> Any:
    """Declare a setting that goes by a name people know from other tools."""
    return Field(default, validation_alias=AliasChoices(name), description=description, **limits)


def _empty_is_unset(value: object) -> object:
    """Read ``NAME=`` as not set, as Make and Compose pass on an empty variable."""
    return None if value == "" else value


OptionalPath = Annotated[Path | None, BeforeValidator(_empty_is_unset)]
OptionalText = Annotated[str | None, BeforeValidator(_empty_is_unset)]
OptionalNumber = Annotated[float | None, BeforeValidator(_empty_is_unset)]
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_empty_is_unset)]


def _json_object(value: SecretStr | None) -> SecretStr | None:
    """Accept a JSON object only; the text itself must not get into the error."""
    if value is not None:
        try:
            good = isinstance(json.loads(value.get_secret_value()), dict)
        except ValueError:
            good = False
        if not good:
            raise ValueError("should be a JSON object")
    return value


def _server_address(value: str | None) -> str | None:
    """Accept the address of a server; without its last slash, since paths are added."""
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # as "http://[x" or a port that is no number
        good = False
    if not good:
        raise ValueError("should be the address of a server, such as http://127.0.0.1:5000")
    return value.rstrip("/")


class Settings(BaseSettings):
    """All settings; the names in the environment are ``TVREC_`` + the field's name."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", populate_by_name=True
    )

    # Where things are
    state_dir: Path = Field(Path("var"), description="Folder for all local state")
    host: str = Field("127.0.0.1", description="Address that the servers bind to")
    mlflow_port: int = Field(5000, ge=1, le=65535, description="Port of the MLflow server")
    service_port: int = Field(3000, ge=1, le=65535, description="Port of the REST service")
    metrics_port: int = Field(
        0,
        ge=0,
        le=65533,
        description="Port of the builder's metrics for Prometheus; the generator uses the next "
        "port, the exporter the one after; 0: no metrics. The service's are at its own port",
    )
    mlflow_tracking_uri: Annotated[OptionalText, AfterValidator(_server_address)] = _named(
        "MLFLOW_TRACKING_URI", None, "Address of MLflow; default: the local server"
    )

    # The object store: a folder unless a bucket is named
    bucket: OptionalText = Field(None, description="S3 bucket; unset: the folder STATE_DIR/store")
    s3_endpoint_url: OptionalText = _named(
        "S3_ENDPOINT_URL", None, "Address of the S3 server; unset: AWS"
    )
    aws_access_key_id: OptionalText = _named("AWS_ACCESS_KEY_ID", None, "S3 access key")
    aws_secret_access_key: OptionalSecret = _named("AWS_SECRET_ACCESS_KEY", None, "S3 secret key")
    aws_region: str = _named("AWS_REGION", "us-east-1", "S3 region")

    # Kafka: batch objects are written directly unless it is named
    kafka_bootstrap_servers: OptionalText = _named(
        "KAFKA_BOOTSTRAP_SERVERS", None, "Kafka; unset: ratings go straight into batch objects"
    )
    schema_registry_url: OptionalText = _named(
        "SCHEMA_REGISTRY_URL", None, "Schema Registry; needed with Kafka"
    )
    kafka_properties: Annotated[OptionalSecret, AfterValidator(_json_object)] = Field(
        None,
        description="Further librdkafka properties as JSON, such as those of SASL and TLS",
    )
    topic_partitions: int = Field(
        6, ge=1, le=10_000, description="Partitions of the topic of ratings; not changed later"
    )
    topic_replication: int = Field(
        1, ge=1, le=100, description="Brokers that hold each partition; in production: 3"
    )
    topic_retention_days: int = Field(
        30, ge=1, le=36_500, description="Days after which Kafka deletes ratings"
    )
    connect_url: OptionalSecret = Field(
        None, description="Kafka Connect's REST API, for `tvrec connect`"
    )
    connect_registry_url: OptionalText = Field(
        None,
        description="Address at which Connect's workers reach the Schema Registry; unset: "
        "SCHEMA_REGISTRY_URL",
    )
    connect_tasks: int = Field(
        2, ge=1, le=1000, description="Tasks of the connector that share the partitions"
    )

    # Data
    ratings_file: OptionalPath = Field(
        None, description="Ratings file to replay instead of simulating"
    )
    scale: OptionalText = Field(
        None,
        pattern=r"^-?\d+(\.\d+)?-\d+(\.\d+)?$",
        description="Scale of the ratings file, such as `1-5` or `0-100`; unset: detected",
    )
    unrated: OptionalNumber = Field(
        None,
        description="Rating that means watched but not rated, such as `0`; unset: the usual one "
        "for this kind of file",
    )
    max_rejected: float = Field(
        0.1,
        ge=0,
        le=0.5,
        description="Share of a file's rows that may be rejected, beyond the first ten rows",
    )
    min_known: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Minimum share of the ratings whose show the catalogue must know for a build",
    )
    catalogue_source: Literal["bundled", "tvmaze"] = Field(
        "bundled", description="Catalogue if no file is named: `bundled`, or `tvmaze` (its API)"
    )
    catalogue_file: OptionalPath = Field(
        None, description="Catalogue file; docs/reading-files.md lists the kinds"
    )
    tvmaze_url: str = Field("https://api.tvmaze.com", description="Address of the TVMaze API")
    export_interval: float = Field(
        3600, gt=0, description="Seconds between exports of the catalogue"
    )
    event_rate: float = Field(5, ge=0, description="Live ratings a second; 0: as fast as possible")
    seed_users: int = Field(2000, ge=1, description="Simulated users at first start")
    seed_ratings: int = Field(100_000, ge=0, description="Simulated ratings at first start")
    replay_backlog: float = Field(
        0.95, ge=0, le=1, description="Share of a replayed file that is sent at once"
    )
    batch_seconds: float = Field(
        10, gt=0, description="Age in seconds at which a batch of ratings is written"
    )
    batch_records: int = Field(
        10_000, ge=1, le=1_000_000, description="Number of ratings at which a batch is written"
    )
    seed: int = Field(42, ge=0, description="Seed of the simulation, the split and the training")

    # Training
    build_interval: float = Field(120, gt=0, description="Seconds between builds")
    promote: Literal["lightfm", "linear", "best"] = Field(
        "lightfm",
        description="Models that the builder may put into production: `lightfm`, `linear`, or "
        "either (`best`); a better one that it may not becomes `challenger`",
    )
    popularity_half_life: OptionalNumber = Field(
        None,
        gt=0,
        description="Days after which a positive counts half towards popularity; unset: the "
        "best value on a validation slice",
    )
    dimensions: int = Field(64, ge=1, le=1024, description="Length of the factors")
    epochs: int = Field(
        15, ge=1, le=1000, description="Maximum number of passes over the positives"
    )
    learning_rate: float = Field(0.06, gt=0, le=1, description="Step size of AdaGrad")
    max_sampled: int = Field(
        100, ge=1, le=1000, description="Negatives WARP tries before it gives up on a positive"
    )
    l2: float = Field(1e-4, ge=0, description="L2 penalty on the vectors (LightFM)")
    patience: int = Field(
        6, ge=1, description="Epochs without better precision after which training stops (LightFM)"
    )
    fit_seconds: float = Field(
        90,
        gt=0,
        description="Time budget of a fit in CPU seconds per thread; no epoch starts after that, "
        "or after four times as many seconds of wall-clock time (LightFM)",
    )
    cold_every: int = Field(
        10,
        ge=1,
        description="Every n-th build trains from scratch, the others continue from the last "
        "fit's vectors (LightFM); 1: every build from scratch",
    )
    threads: int = Field(
        0, ge=0, le=256, description="Threads of a fit; 0: one per processor, 1: reproducible"
    )
    neighbours: int = Field(
        50, ge=1, le=1000, description="Number of similar shows that a show's score uses (linear)"
    )
    ridge: float = Field(3.0, gt=0, description="L2 penalty on their weights (linear)")
    dropout: float = Field(
        0.2, ge=0, lt=1, description="Share of a history that is dropped in training (linear)"
    )
    prior: OptionalNumber = Field(
        None,
        ge=0,
        description="How much popularity counts while a history is short (linear); unset: the "
        "best value on a validation slice",
    )
    fewest_raters: int = Field(
        5, ge=1, description="Minimum number of raters for a show to be learned from its ratings"
    )
    k: int = Field(10, ge=1, le=100, description="The k of precision@k")
    holdout: float = Field(0.2, gt=0, lt=1, description="Share of the ratings held out")
    split: Literal["auto", "time", "random"] = Field(
        "auto",
        description="What is held out: the newest ratings (`time`), a share of each user's "
        "(`random`), or by time if the file's times are usable (`auto`)",
    )
    refit: bool = Field(
        True,  # noqa: FBT003 - a default, not an argument
        description="Whether a promoted model is trained again on all ratings, including the "
        "holdout, before it is served",
    )
    margin: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Share of production's precision@k that a change may cost when it is due",
    )

    # Spark: where `tvrec spark` runs
    spark_master: OptionalText = Field(
        None,
        description="Spark's master, such as `spark://host:7077`; unset: that of `spark-submit`, "
        "or this machine",
    )
    spark_conf: Annotated[OptionalSecret, AfterValidator(_json_object)] = Field(
        None,
        description="Further properties of Spark as JSON, such as `spark.executor.memory`",
    )

    build_on: Literal["here", "spark"] = Field(
        "here",
        description="Where the builder trains: in its own process (`here`), or on Spark (`spark`), "
        "with `als` in place of `lightfm`",
    )
    spark_users: int = Field(
        100_000,
        ge=100,
        description="Maximum number of users whose ratings are collected on the driver, for small "
        "fits and plots; a hash samples them, and Spark still measures all users",
    )
    als_iterations: int = Field(15, ge=1, le=100, description="Iterations of ALS (Spark)")
    als_alpha: float = Field(
        20.0, gt=0, description="Weight of the best positive against an unrated show (ALS)"
    )
    als_l2: float = Field(0.1, gt=0, description="L2 penalty on the vectors (ALS)")

    # What is kept
    retain_interval: float = Field(
        3600, gt=0, description="Seconds between retention runs of the builder"
    )
    keep_models_hours: float = Field(
        2,
        ge=0,
        description="Hours after which the model of a run without a version is deleted; 0: at once",
    )
    keep_runs_days: float = Field(
        7,
        gt=0,
        description="Days after which a run is deleted; a held run keeps its model until then",
    )
    keep_versions_days: float = Field(
        30, gt=0, description="Days after which a version without an alias is deleted"
    )
    keep_history: int = Field(
        10, ge=0, le=200, description="Newest decisions whose versions are kept regardless of age"
    )
    mlflow_backend_store_uri: OptionalSecret = _named(
        "MLFLOW_BACKEND_STORE_URI",
        None,
        "Database of the MLflow server, whose rows `tvrec retain` frees; unset: that of `make run`",
    )

    # MLflow names
    experiment: str = _named(
        "MLFLOW_EXPERIMENT_NAME", "tv-show-recommender", "MLflow experiment of the runs"
    )
    registered_model: str = Field("tv-show-recommender", description="MLflow registered model")

    mlflow_run_id: OptionalText = _named(
        "MLFLOW_RUN_ID", None, "Run to log to; `mlflow run` sets it"
    )
    git_commit: OptionalText = Field(
        None, description="Commit to record in a run; unset: that of the checkout"
    )

    # Serving
    poll_seconds: float = Field(
        5, gt=0, description="Seconds between checks for a new production version"
    )
    max_items: int = Field(100, ge=1, description="Maximum number of shows per request")
    index_shows: int = Field(
        100_000,
        ge=10_000,
        description="Number of shows from which the service searches a model's vectors by an index "
        "(Faiss) instead of scoring them all (docs/scaling.md)",
    )
    workers: int = Field(1, ge=1, le=256, description="Worker processes of the service")
    token_sha256: OptionalText = Field(
        None,
        pattern="^[0-9a-fA-F]{64}$",
        description="SHA-256 (hex) of the token that requests must carry; unset: none is needed",
    )
    service_token: OptionalSecret = Field(
        None, description="Token that `tvrec` sends to a service that requires one"
    )
    rate_limit: float = Field(
        0, ge=0, description="Requests per second and client that a worker answers; 0: no limit"
    )

    interleave: float = Field(
        0,
        ge=0,
        le=1,
        description="Share of the users for whom production and `challenger` take turns in an "
        "answer (docs/online.md)",
    )
    shadow: float = Field(
        0,
        ge=0,
        le=1,
        description="Share of the users for whom `challenger` also ranks, unseen, for metrics",
    )
    expose: float = Field(
        0,
        ge=0,
        le=1,
        description="Share of the users for whom the service logs what it showed them; interleaved "
        "answers are always logged",
    )
    exposure_days: int = Field(
        90, ge=1, le=36_500, description="Days after which these logs are deleted"
    )

    trace: Annotated[OptionalText, AfterValidator(_server_address)] = Field(
        None,
        description="OpenTelemetry collector of the service's and the builder's spans (OTLP over "
        "HTTP), such as `http://127.0.0.1:4318`; unset: no spans",
    )
    log_level: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Lowest level that is logged"
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="Format of logs: sentences for people, or JSON with fields (`json`)"
    )

    @property
    def tracking_uri(self) -> str:
        """Where MLflow is."""
        return self.mlflow_tracking_uri or f"http://{self.host}:{self.mlflow_port}"

    @property
    def service_url(self) -> str:
        """Where the REST service is."""
        return f"http://{self.host}:{self.service_port}"
