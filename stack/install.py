"""Installs the servers into a cache folder: once for all checkouts of the same versions."""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from stack.errors import StackError

HERE: Final = Path(__file__).parent
SINK: Final = HERE.parent / "services" / "kafka_connect"
CHECKSUMS: Final = HERE / "checksums.txt"
_LEAST_JAVA: Final = 17
_READY: Final = ".ready"

_PLATFORMS: Final = {
    ("Linux", "x86_64"): "linux-amd64",
    ("Linux", "aarch64"): "linux-arm64v8",
    ("Darwin", "x86_64"): "darwin-amd64",
    ("Darwin", "arm64"): "darwin-arm64v8",
}


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the servers are installed."""

    folder: Path

    @property
    def kafka(self) -> Path:
        """Jars of the broker and of Connect's worker."""
        return self.folder / "kafka"

    @property
    def plugins(self) -> Path:
        """Connect's plugin.path."""
        return self.folder / "plugins"

    @property
    def agent(self) -> Path:
        """The agent that tells Prometheus what a Java process counts."""
        return self.folder / "agent" / "jmx_prometheus_javaagent.jar"

    @property
    def registry(self) -> Path:
        """The Schema Registry, unpacked."""
        return self.folder / "registry"

    @property
    def postgres(self) -> Path:
        """PostgreSQL, unpacked: bin, lib, share."""
        return self.folder / "postgres"

    @property
    def minio(self) -> Path:
        """The MinIO server."""
        return self.folder / "bin" / "minio"


def default_cache() -> Path:
    """Return the cache folder; root's is one that PostgreSQL's user can reach."""
    base = Path("/var/cache") if os.getuid() == 0 else Path.home() / ".cache"
    return base / "tvrec" / "stack"


def missing_tools() -> list[str]:
    """Return a sentence for each tool that is not on this machine."""
    missing = []
    if _java_version() < _LEAST_JAVA:
        missing.append(f"Java {_LEAST_JAVA} or newer (Debian: apt install openjdk-17-jdk-headless)")
    if shutil.which("mvn") is None:
        missing.append("Maven (Debian: apt install maven)")
    if shutil.which("go") is None:
        missing.append("Go (Debian: apt install golang-go)")
    if _platform() is None:
        missing.append(f"a platform that PostgreSQL is packed for, not {platform.platform()}")
    return missing


def installed(cache: Path) -> Programs | None:
    """Return what is installed already of this set of versions; None if it is not."""
    folder = cache / _fingerprint()
    return Programs(folder) if (folder / _READY).exists() else None


def install(cache: Path) -> Programs:
    """Install what is not installed yet.

    Parameters
    ----------
    cache
        Where to; each set of versions has a folder of its own in it.

    Raises
    ------
    StackError
        If a tool is missing, or a download fails or is not what was pinned.
    """
    if there := installed(cache):
        return there
    folder = cache / _fingerprint()
    if missing := missing_tools():
        raise StackError("this machine lacks " + "; ".join(missing))
    fetch(folder)
    if wrong := differing(folder):
        raise StackError(
            f"not what {CHECKSUMS.relative_to(HERE.parent)} pins: {', '.join(wrong)}; "
            "nothing was installed"
        )
    _unpack(folder)
    _build_minio(folder)
    (folder / _READY).touch()
    return Programs(folder)


def fetch(folder: Path) -> None:
    """Let Maven fetch the servers and build the sink, into a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    print("fetching Kafka, the Schema Registry and PostgreSQL", flush=True)  # noqa: T201
    _run(
        *("mvn", "-q", "-B", "-f", HERE / "pom.xml", "package"),
        *(f"-Dfolder={folder}", f"-Dpostgres.platform={_platform()}"),
    )
    print("building the sink of batches", flush=True)  # noqa: T201
    _run("mvn", "-q", "-B", "-f", SINK / "pom.xml", "clean", "package", "-DskipTests")
    shutil.copytree(SINK / "target" / "plugins", folder / "plugins", dirs_exist_ok=True)


def fetch_other_platforms(folder: Path) -> None:
    """Let Maven fetch PostgreSQL for the other machines too, to pin it for them."""
    for other in _PLATFORMS.values():
        _run(
            *("mvn", "-q", "-B", "-f", HERE / "pom.xml", "dependency:copy@archives"),
            *(f"-Dfolder={folder}", f"-Dpostgres.platform={other}"),
        )


def digests(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield name and SHA-256 of everything fetched; what is built here has none."""
    for path in sorted(folder.glob("*/**/*")):
        if path.is_file() and not path.name.startswith("batch-sink-"):
            yield str(path.relative_to(folder)), hashlib.sha256(path.read_bytes()).hexdigest()


def differing(folder: Path) -> list[str]:
    """Return the files that are not as pinned, or not pinned at all."""
    pinned: dict[str, str] = {}
    for line in CHECKSUMS.read_text().splitlines():
        digest, name = line.split()
        pinned[name] = digest
    return [name for name, digest in digests(folder) if pinned.get(name) != digest]


def version(name: str) -> str:
    """Return a version of stack/pom.xml.

    Examples
    --------
    >>> version("kafka").split(".")[0]
    '4'
    """
    names = {"m": "http://maven.apache.org/POM/4.0.0"}
    found = ET.parse(HERE / "pom.xml").findtext(f"m:properties/m:{name}.version", "", names)  # noqa: S314 - our own file
    if not found:
        raise StackError(f"stack/pom.xml has no {name}.version")
    return found


def _build_minio(folder: Path) -> None:
    # Go checks the sources against its checksum database.
    print("building MinIO, which takes some minutes", flush=True)  # noqa: T201
    module = f"github.com/minio/minio@{version('minio')}"
    _run("env", f"GOBIN={folder / 'bin'}", "go", "install", module)


def _unpack(folder: Path) -> None:
    (registry,) = (folder / "archives").glob("apicurio-registry-app-*.tar.gz")
    with tarfile.open(registry) as archive:
        archive.extractall(folder / "registry", filter="data")
    (postgres,) = (folder / "archives").glob("embedded-postgres-binaries-*.jar")
    with zipfile.ZipFile(postgres) as jar:
        (name,) = (name for name in jar.namelist() if name.endswith(".txz"))
        with jar.open(name) as packed, tarfile.open(fileobj=packed, mode="r:xz") as archive:
            archive.extractall(folder / "postgres", filter="tar")
    shutil.rmtree(folder / "archives")


def _fingerprint() -> str:
    """Return a name for this set of versions and this sink."""
    digest = hashlib.sha256((_platform() or "").encode())
    sources = sorted(SINK.glob("src/main/**/*"))
    for path in [HERE / "pom.xml", CHECKSUMS, SINK / "pom.xml", *sources]:
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _platform() -> str | None:
    return _PLATFORMS.get((platform.system(), platform.machine()))


def _java_version() -> int:
    if shutil.which("java") is None:
        return 0
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', told.stderr)
    return int(found.group(1)) if found else 0


def _run(*command: str | Path) -> None:
    done = subprocess.run(  # noqa: S603
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-20:])
        raise StackError(f"{command[0]} failed:\n{last}")
