"""The drill of docs/operations.md: what was backed up is all there is, and everything goes on."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.servers import BIN, environment

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),
    pytest.mark.skipif(servers.minio_program() is None, reason="MinIO is not installed"),
    pytest.mark.skipif(shutil.which("pg_dump") is None, reason="pg_dump is not installed"),
]
BUCKETS = ("tvrec", "mlflow")
SOME = ("--users", "200", "--ratings", "8000")
MORE = ("--users", "200", "--ratings", "9000")
SMALL = {"TVREC_EPOCHS": "3", "TVREC_DIMENSIONS": "8"}


@dataclass
class Place:
    """A database and buckets, and how commands reach them."""

    database: str
    settings: dict[str, str]

    def tvrec(self, *words: str) -> Any:
        """Run a command and read its JSON."""
        return json.loads(self.run(BIN / "tvrec", *words, "--json"))

    def run(self, *words: str | Path) -> str:
        done = subprocess.run(
            words, env=environment(**self.settings), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def told(self) -> dict[str, Any]:
        """What has to be the same after a restore."""
        return {
            "digest": self.tvrec("dataset", "status")["digest"],
            "versions": self.tvrec("versions"),
            "history": self.tvrec("history"),
            "answer": self.tvrec("recommend", "--user", "1"),
        }


@contextmanager
def stores(folder: Path, backup: Path) -> Iterator[Place]:
    """Start an empty PostgreSQL and an empty MinIO."""
    program = servers.minio_program()
    assert program
    (folder / "minio").mkdir(parents=True)
    with (
        servers.postgresql() as (database, _),
        servers.minio_server(program, folder / "minio") as s3,
    ):
        for name in BUCKETS:
            s3.bucket(name)
        keys = {"AWS_ACCESS_KEY_ID": s3.access_key, "AWS_SECRET_ACCESS_KEY": s3.secret_key}
        rclone = {
            "RCLONE_CONFIG": os.devnull,
            "RCLONE_CONFIG_S3_TYPE": "s3",
            "RCLONE_CONFIG_S3_PROVIDER": "Minio",
            "RCLONE_CONFIG_S3_ENV_AUTH": "true",
            "RCLONE_CONFIG_S3_ENDPOINT": s3.address,
            "RCLONE_CONFIG_BACKUP_TYPE": "alias",
            "RCLONE_CONFIG_BACKUP_REMOTE": str(backup),
        }
        reached = {
            "S3_ENDPOINT_URL": s3.address,
            "TVREC_BUCKET": "tvrec",
            "TVREC_STATE_DIR": str(folder / "state"),
            **SMALL,
            **keys,
            **rclone,
        }
        yield Place(database, reached)


@contextmanager
def with_mlflow(place: Place, folder: Path) -> Iterator[None]:
    """Start MLflow on a place's stores."""
    s3 = {
        name: value
        for name, value in place.settings.items()
        if name.startswith("AWS_") or name == "S3_ENDPOINT_URL"
    }
    told = {"MLFLOW_S3_ENDPOINT_URL": s3.pop("S3_ENDPOINT_URL"), **s3}
    with servers.mlflow_server(folder, "s3://mlflow", place.database, **told) as uri:
        place.settings["MLFLOW_TRACKING_URI"] = uri
        yield


def test_what_was_copied_while_it_ran_is_restored_into_empty_stores(tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    dump = backup / "mlflow.dump"
    backup.mkdir()
    with stores(tmp_path / "a", backup) as here, with_mlflow(here, tmp_path / "a"):
        here.tvrec("export-shows")
        here.run(BIN / "tvrec", "generate-ratings", "--once", *SOME)
        here.tvrec("train")
        before = here.told()
        assert [one["version"] for one in before["versions"]["versions"]] == [1]
        here.run("pg_dump", "--format=custom", f"--file={dump}", libpq(here.database))
        for name in BUCKETS:
            here.run(BIN / "rclone", "sync", f"s3:{name}", f"backup:{name}")
    with stores(tmp_path / "b", backup) as there:
        there.run("pg_restore", f"--dbname={libpq(there.database)}", dump)
        for name in BUCKETS:
            there.run(BIN / "rclone", "sync", f"backup:{name}", f"s3:{name}")
        with with_mlflow(there, tmp_path / "b"):
            assert there.told() == before
            assert "equal" in there.run(BIN / "tvrec", "dataset", "rebuild")
            there.run(BIN / "tvrec", "generate-ratings", "--once", *MORE)
            assert there.tvrec("train")["run_id"] not in str(before["versions"])


def libpq(address: str) -> str:
    """An address as PostgreSQL's own programs want it."""
    return address.replace("+psycopg", "")
