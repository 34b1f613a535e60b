"""Where everything of a stack lies, and at which addresses it listens."""

import json
import secrets
import socket
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Final, Self

HOST: Final = "127.0.0.1"
_TRIES: Final = 100


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports; the defaults are those wanted first."""

    kafka: int = 19092
    controller: int = 19093
    registry: int = 18081
    registry_health: int = 18082
    connect: int = 18083
    minio: int = 19000
    postgres: int = 15432
    mlflow: int = 15000
    service: int = 13000
    kafka_metrics: int = 19404
    connect_metrics: int = 18404

    def shifted(self, by: int) -> Self:
        """Return these ports, each so much higher."""
        return type(self)(**{name: port + by for name, port in asdict(self).items()})

    def free(self) -> Self:
        """Return these ports, those that are taken replaced by the next free ones."""
        chosen: dict[str, int] = {}
        for name, wanted in asdict(self).items():
            chosen[name] = next(
                port
                for port in range(wanted, wanted + _TRIES)
                if port not in chosen.values() and _is_free(port)
            )
        return type(self)(**chosen)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do, so that a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Secrets:
    """Made once a stack, kept in a file that only its owner can read."""

    s3_key_id: str = field(repr=False)
    s3_secret: str = field(repr=False)
    postgres_password: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """Return new ones."""
        return cls(*(secrets.token_hex(16) for _ in fields(cls)))


@dataclass(frozen=True, slots=True)
class Layout:
    """The folder of a stack.

    Parameters
    ----------
    folder
        Everything that the stack keeps, absolute.
    """

    folder: Path

    @property
    def logs(self) -> Path:
        """One file a server."""
        return self.folder / "log"

    @property
    def config(self) -> Path:
        """The configuration files, written anew at every start."""
        return self.folder / "config"

    @property
    def data(self) -> Path:
        """One folder a server."""
        return self.folder / "data"

    @property
    def supervisor_config(self) -> Path:
        """What supervisord and supervisorctl read."""
        return self.config / "supervisord.conf"

    @property
    def environment_file(self) -> Path:
        """What a shell sources to point ``tvrec`` at the stack."""
        return self.folder / "env"

    def ports(self) -> Ports:
        """Return the ports of the last start, or the wanted ones."""
        path = self.folder / "ports.json"
        return Ports(**json.loads(path.read_text())) if path.exists() else Ports()

    def keep_ports(self, ports: Ports) -> None:
        """Remember the ports for the next start."""
        (self.folder / "ports.json").write_text(json.dumps(asdict(ports), indent=2))

    def secrets(self) -> Secrets:
        """Return the secrets, made at the first call."""
        path = self.folder / "secrets.json"
        if path.exists():
            return Secrets(**json.loads(path.read_text()))
        made = Secrets.new()
        write_private(path, json.dumps(asdict(made)))
        return made


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)
