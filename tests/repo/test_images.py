"""The Dockerfiles, without an engine: what a reviewer would look for."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import kubernetes as k
from tests.servers import BIN, ROOT, free_port

DOCKERFILES = [*sorted(ROOT.glob("services/*/Dockerfile")), ROOT / "bento" / "Dockerfile"]
OFFLINE = ROOT / "services" / "images-offline.sh"
PROCFILE = ROOT / "Procfile"
CONNECT = ROOT / "services" / "kafka_connect" / "entrypoint.sh"
SPARK = ROOT / "services" / "spark" / "entrypoint.sh"
SCRIPTS = [*ROOT.glob(".ci/*"), *ROOT.glob("services/**/*.sh"), *ROOT.glob("k8s/cluster/*.sh")]

each = pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Each instruction and its arguments, continued lines joined, comments left out."""
    lines = re.sub(r"^#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE)
    joined = lines.replace("\\\n", " ").splitlines()
    split = (line.split(maxsplit=1) for line in joined if line.strip())
    return [(name, arguments) for name, arguments in split]


def of_kind(dockerfile: Path, kind: str) -> list[str]:
    return [arguments for name, arguments in instructions(dockerfile) if name == kind]


def bases(dockerfile: Path) -> dict[str, str]:
    """The base images by their build argument: the ARGs before the first FROM."""
    head = dockerfile.read_text().split("\nFROM ")[0]
    return dict(re.findall(r"^ARG (\w+)=(\S+)$", head, re.MULTILINE))


def test_every_deployable_has_one() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (named,) = re.findall(r"^DEPLOYABLES := (.*)$", makefile, re.MULTILINE)
    built = {
        deployable
        for path in DOCKERFILES
        for deployable in re.findall(
            r"^COPY requirements/(\S+)\.txt", path.read_text(), re.MULTILINE
        )
    }
    (further,) = re.findall(r"^IMAGES := .*\$\(DEPLOYABLES\) (.*)\)$", makefile, re.MULTILINE)
    assert built - {"build"} | {"kafka-connect"} == {*named.split(), *further.split()}


@each
def test_every_base_is_an_argument_with_a_tag(dockerfile: Path) -> None:
    given = bases(dockerfile)
    for stage in of_kind(dockerfile, "FROM"):
        (argument,) = re.findall(r"^\$\{(\w+)\}(?: AS \w+)?$", stage)
        name, _, tag = given[argument].partition(":")
        assert re.search(r"\d", tag), f"{given[argument]} is not pinned"
        assert "." not in name.split("/")[0], f"{name} names a registry"


def test_all_stand_on_the_same_bases() -> None:
    for argument in ("BUILD_IMAGE", "PYTHON_IMAGE"):
        values = {bases(path)[argument] for path in DOCKERFILES if argument in bases(path)}
        assert len(values) == 1, values


@each
def test_the_offline_recipe_makes_its_bases(dockerfile: Path) -> None:
    made = re.findall(r"^[A-Z_]+=(\S+:\S+)$", OFFLINE.read_text(), re.MULTILINE)
    assert set(bases(dockerfile).values()) <= set(made)


@each
def test_it_runs_as_a_numbered_user(dockerfile: Path) -> None:
    assert of_kind(dockerfile, "USER")[-1] == "10001:10001"


@each
def test_signals_reach_the_process(dockerfile: Path) -> None:
    (entrypoint,) = of_kind(dockerfile, "ENTRYPOINT")
    assert json.loads(entrypoint)
    for check in of_kind(dockerfile, "HEALTHCHECK"):
        assert json.loads(check.partition("CMD ")[2])


@each
def test_no_secret_has_a_place_in_it(dockerfile: Path) -> None:
    for kind in ("ARG", "ENV"):
        for arguments in of_kind(dockerfile, kind):
            assert not re.search(r"(?i)secret|passw|token|_key=", arguments), arguments


@each
def test_what_it_copies_is_there_and_let_through(dockerfile: Path) -> None:
    allowed = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    for arguments in of_kind(dockerfile, "COPY"):
        if arguments.startswith("--from="):
            continue
        for source in arguments.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert any(source == one or source.startswith(f"{one}/") for one in allowed), source


def test_images_and_procfile_start_the_same() -> None:
    lines = PROCFILE.read_text().splitlines()
    local = dict(line.split(": ", 1) for line in lines)
    folders = {
        "exporter": "data_exporter",
        "generator": "event_generator",
        "builder": "model_builder",
    }
    for name, folder in folders.items():
        (entrypoint,) = of_kind(ROOT / "services" / folder / "Dockerfile", "ENTRYPOINT")
        assert json.loads(entrypoint) == local[name].split()


COUNT_THREADS = """
import numpy, os
numpy.ones((9, 9)) @ numpy.ones((9, 9))
print(len(os.listdir("/proc/self/task")))
"""


def test_numpy_has_one_thread_in_the_service_however_it_is_started() -> None:
    """More of them spin against each other under a CPU limit, and beside any neighbour."""
    (line,) = re.findall(r"^service: env (.*) bentoml serve", PROCFILE.read_text(), re.MULTILINE)
    (image,) = of_kind(ROOT / "bento" / "Dockerfile", "ENV")
    (chart,) = [
        {variable["name"]: variable.get("value") for variable in container["env"]}
        for where, container, _ in k.containers(k.manifests("defaults"))
        if where.endswith(": recommendations-service")
    ]
    name = "OPENBLAS_NUM_THREADS"
    assert f"{name}=1" in line.split()
    assert f"{name}=1" in image.split()
    assert chart[name] == "1"

    def threads(**given: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", COUNT_THREADS],
            env={"PATH": "/usr/bin:/bin", **given},
            capture_output=True,
            check=True,
        )
        return int(done.stdout)

    if not Path("/proc/self/task").exists() or threads(**{name: "2"}) != 2:
        pytest.skip("one processor, another BLAS than OpenBLAS, or threads cannot be counted")
    assert threads(**{name: "1"}) == 1, "the name is the one that our NumPy looks at"


@pytest.fixture
def connect(tmp_path: Path) -> dict[str, str]:
    """The environment of Connect's entry point, with a stand-in for Java: it shows its settings."""
    (tmp_path / "java").write_text('#!/bin/bash\ncat "${@: -1}"\n')
    (tmp_path / "java").chmod(0o755)
    return {"PATH": f"{tmp_path}:/usr/bin:/bin", "TMPDIR": str(tmp_path)}


@contextmanager
def waiting_connect(connect: dict[str, str], servers: str) -> Iterator["subprocess.Popen[str]"]:
    """Connect's entry point, once it has said that no server answers."""
    with subprocess.Popen(
        [CONNECT],
        env=connect | {"CONNECT_BOOTSTRAP_SERVERS": servers},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        assert told == f"no server of {servers} answers; trying again in 2 s\n"
        yield process


@pytest.mark.parametrize("scheme", ["", "SASL_SSL://"])
def test_connect_waits_until_a_server_of_kafka_answers(
    connect: dict[str, str], scheme: str
) -> None:
    port = free_port()
    # The other's name is known to no DNS.
    servers = f"kafka-1.invalid:9092,{scheme}127.0.0.1:{port}"
    with waiting_connect(connect, servers) as process, socket.create_server(("127.0.0.1", port)):
        settings, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert f"bootstrap.servers={servers}\n" in settings


def test_connect_can_be_told_to_end_while_it_waits(connect: dict[str, str]) -> None:
    with waiting_connect(connect, f"127.0.0.1:{free_port()}") as process:
        process.terminate()
        assert process.wait(timeout=60) == 143


# What Spark 4.3 gives the pod of an executor, beside the options.
EXECUTOR = {
    "SPARK_APPLICATION_ID": "spark-1",
    "SPARK_CONF_DIR": "/opt/spark/conf",
    "SPARK_DRIVER_URL": "spark://CoarseGrainedScheduler@10.0.0.7:7078",
    "SPARK_EXECUTOR_CORES": "2",
    "SPARK_EXECUTOR_ID": "3",
    "SPARK_EXECUTOR_MEMORY": "512m",
    "SPARK_EXECUTOR_POD_IP": "10.0.0.8",
    "SPARK_EXECUTOR_POD_NAME": "tvrec-exec-3",
    "SPARK_RESOURCE_PROFILE_ID": "0",
}


@pytest.fixture
def spark(tmp_path: Path) -> dict[str, str]:
    """The environment of an executor, with a stand-in for Java: it shows its arguments."""
    (tmp_path / "java").write_text('#!/bin/bash\nprintf "%s\\n" "$@"\n')
    (tmp_path / "java").chmod(0o755)
    return EXECUTOR | {"PATH": f"{tmp_path}:/usr/bin:/bin", "SPARK_HOME": "/opt/spark"}


def told(environment: dict[str, str], *arguments: str) -> list[str]:
    done = subprocess.run(
        [SPARK, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_an_executor_of_spark_gets_all_that_spark_says(spark: dict[str, str]) -> None:
    options = [f"-Dnumber={number}" for number in range(12)]
    options[7] = "-Dtext=two words"
    given = {f"SPARK_JAVA_OPT_{number}": option for number, option in enumerate(options)}
    arguments = told(spark | given, "executor")
    assert arguments[: len(options) + 2] == [*options, "-Xms512m", "-Xmx512m"]
    assert arguments[arguments.index("-cp") + 1] == "/opt/spark/jars/*"
    *_, main = (one for one in arguments if one.startswith("org.apache.spark."))
    pairs = arguments[arguments.index(main) + 1 :]
    assert dict(zip(pairs[::2], pairs[1::2], strict=True)) == {
        "--app-id": "spark-1",
        "--cores": "2",
        "--driver-url": EXECUTOR["SPARK_DRIVER_URL"],
        "--executor-id": "3",
        "--hostname": "10.0.0.8",
        "--podName": "tvrec-exec-3",
        "--resourceProfileId": "0",
    }


def test_further_jars_of_an_executor_come_first(spark: dict[str, str]) -> None:
    arguments = told(spark | {"SPARK_CLASSPATH": "/jars/own.jar"}, "executor")
    assert arguments[arguments.index("-cp") + 1] == "/jars/own.jar:/opt/spark/jars/*"


def test_any_other_command_of_the_spark_image_is_run(spark: dict[str, str]) -> None:
    assert told(spark, "echo", "two words") == ["two words"]


def test_tasks_of_a_worker_that_was_cut_off_lie_idle_for_half_a_minute_at_most() -> None:
    """Connect's own default is five minutes."""
    given = " ".join(of_kind(CONNECT.parent / "Dockerfile", "ENV")).split()
    (delay,) = [
        value
        for name, _, value in (variable.partition("=") for variable in given)
        if name == "CONNECT_SCHEDULED_REBALANCE_MAX_DELAY_MS"
    ]
    assert int(delay) <= 30_000


def test_connect_does_not_log_each_request() -> None:
    """Kubernetes probes it; the log of requests is named after the REST server."""
    lines = (ROOT / "stack" / "log4j2.properties").read_text().splitlines()
    given = dict(line.split(" = ", 1) for line in lines if " = " in line)
    names = {given[key]: key.removesuffix(".name") for key in given if key.endswith(".name")}
    rest_server = names["org.apache.kafka.connect.runtime.rest.RestServer"]
    assert given[f"{rest_server}.level"] == "warn"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    done = subprocess.run(
        [BIN / "shellcheck", "-x", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
