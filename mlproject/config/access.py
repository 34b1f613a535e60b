"""How MLflow lets us in, which is said by MLflow's own variables and file."""

import configparser
import os
from pathlib import Path
from typing import NamedTuple


class MlflowAccess(NamedTuple):
    """How MLflow lets us in, by the variables of MLflow's own client."""

    user: str
    password: str
    token: str
    insecure: bool
    server_certificate: str
    client_certificate: str


def mlflow_access() -> MlflowAccess:
    """Return what MLflow's own variables, or its file of credentials, say.

    They are of https://mlflow.org/docs/latest/self-hosting/security/basic-http-auth/; request
    plug-ins (``MLFLOW_TRACKING_AUTH``) are for MLflow's own client alone.
    """
    file = configparser.ConfigParser()
    file.read(Path("~/.mlflow/credentials").expanduser())

    def told(name: str) -> str:
        name = f"MLFLOW_TRACKING_{name}"
        return os.environ.get(name) or str(file.get("mlflow", name.lower(), fallback=""))

    return MlflowAccess(
        user=told("USERNAME"),
        password=told("PASSWORD"),
        token=told("TOKEN"),
        insecure=told("INSECURE_TLS").lower() in {"true", "1"},
        server_certificate=told("SERVER_CERT_PATH"),
        client_certificate=told("CLIENT_CERT_PATH"),
    )
