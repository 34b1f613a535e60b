"""What `make all` and its friends do, with stand-ins for the programs that they call."""

import re
import subprocess
from pathlib import Path

import pytest

from tests import kubernetes as k
from tests.servers import ROOT, environment

SCRIPT = ROOT / "k8s" / "minikube.sh"
# Kubernetes itself, and what Helm's releases and the engine's cache take.
SYSTEM_CPU, SYSTEM_MIB = 0.85, 1024

STAND_INS = {
    "minikube": """
case "$*" in
*"image ls"*) cat built 2>/dev/null ;;
*"image build"*) test -n "$BUILD_FAILS" || echo "docker.io/$6" >>built ;;
*status*) test -f started ;;
*start*) touch started ;;
esac""",
    "kubectl": "",
    "helm": 'exit "${HELM_FAILS:-0}"',
}


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with the programs, in which they note what they were asked."""
    for name, body in STAND_INS.items():
        program = tmp_path / name
        program.write_text(
            f'#!/bin/bash\ncd {tmp_path}\necho "{name} $*" >>asked\n{body}\n', newline="\n"
        )
        program.chmod(0o755)
    return tmp_path


def call(machine: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    env = environment(**settings)
    return subprocess.run(
        [SCRIPT, *arguments],
        env=env | {"PATH": f"{machine}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def asked(machine: Path) -> list[str]:
    """What was asked since the last call of this."""
    log = machine / "asked"
    lines = log.read_text().splitlines() if log.exists() else []
    log.write_text("")
    return lines


def test_all_starts_builds_installs_and_says_how_to_ask(machine: Path) -> None:
    done = call(machine, "all")
    assert done.returncode == 0, done.stderr
    lines = asked(machine)
    start, helm = (
        [number for number, line in enumerate(lines) if line.startswith(begin)]
        for begin in ("minikube start --profile tvrec --cpus 4 --memory 8192mb", "helm ")
    )
    built = [number for number, line in enumerate(lines) if " image build " in line]
    assert len(start) == len(helm) == 1
    assert len(built) == 6
    assert start[0] < min(built) < max(built) < helm[0]
    assert "--wait" in lines[helm[0]]
    assert "curl -s http://127.0.0.1:3000/recommend" in done.stdout


def test_a_second_all_builds_nothing_and_installs_the_same(machine: Path) -> None:
    call(machine, "all")
    first = asked(machine)
    call(machine, "all")
    second = asked(machine)
    assert not [line for line in second if " start " in line or " image build " in line]
    assert [line for line in second if line.startswith("helm")] == [
        line for line in first if line.startswith("helm")
    ]


def test_a_missing_program_is_named_with_what_installs_it(machine: Path) -> None:
    (machine / "minikube").unlink()
    (machine / "helm").unlink()
    done = call(machine, "all")
    assert done.returncode == 3
    assert re.findall(r"(\w+) is missing; to install it: \S", done.stderr) == ["minikube", "helm"]
    assert asked(machine) == []


def test_an_install_that_is_not_ready_says_where_to_look(machine: Path) -> None:
    done = call(machine, "all", HELM_FAILS="1")
    assert done.returncode == 5
    assert re.search(r"helm gave up after \d s with code 1", done.stderr), (
        "and not after 20 minutes"
    )
    assert "make status and make logs" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_image_that_is_not_built_ends_it(machine: Path) -> None:
    """`minikube image build` ends with 0 all the same."""
    done = call(machine, "all", BUILD_FAILS="1")
    assert done.returncode == 4
    assert "tvrec/data-exporter was not built" in done.stderr
    assert not [line for line in asked(machine) if line.startswith("helm")]


@pytest.mark.parametrize("runtime", ["", "docker", "containerd"])
def test_the_runtime_is_the_users_choice(machine: Path, runtime: str) -> None:
    call(machine, "all", MINIKUBE_RUNTIME=runtime)
    (start,) = [line for line in asked(machine) if line.startswith("minikube start")]
    assert re.findall(r"--container-runtime (\S+)", start) == ([runtime] if runtime else [])


@pytest.mark.parametrize(
    ("command", "begins"),
    {
        "all": "+ minikube start --profile tvrec",
        "open-recommendations-service-port": "+ kubectl --context tvrec --namespace tvrec "
        "port-forward service/tvrec-recommendations-service 3000:3000",
        "open-mlflow": "+ kubectl --context tvrec --namespace tvrec port-forward "
        "service/tvrec-mlflow 5000:5000",
        "status": "+ kubectl --context tvrec --namespace tvrec get",
        "logs": "+ kubectl --context tvrec --namespace tvrec logs",
        "check-cluster": "+ helm --kube-context tvrec --namespace tvrec test tvrec",
        "down": "+ minikube stop --profile tvrec",
        "delete": "+ minikube delete --profile tvrec",
    }.items(),
)
def test_a_dry_run_of_each_target_prints_and_runs_nothing(
    machine: Path, command: str, begins: str
) -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", command, "DRY_RUN=1"],
        cwd=ROOT,
        env=environment() | {"PATH": f"{machine}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    printed = [line for line in done.stdout.splitlines() if line.startswith("+ ")]
    assert printed[0].startswith(begins)
    assert asked(machine) == []


def test_what_is_forwarded_to_is_a_service_of_the_chart() -> None:
    services = {item["metadata"]["name"]: item for item in
                k.of_kind(k.manifests("minikube"), "Service")}  # fmt: skip
    for name, port in re.findall(r'service/\$release-([a-z-]+)" "\S+:(\d+)"', SCRIPT.read_text()):
        ports = [port["port"] for port in services[f"tvrec-{name}"]["spec"]["ports"]]
        assert int(port) in ports


def test_every_image_of_ours_is_built() -> None:
    built = set(re.findall(r'^  "([a-z-]+) (?:services|bento)', SCRIPT.read_text(), re.MULTILINE))
    used = {c["image"].split("/")[1].split(":")[0] for _, c, _ in
            k.containers(k.manifests("minikube")) if c["image"].startswith("tvrec/")}  # fmt: skip
    assert built == used


def test_a_usage_mistake_is_told() -> None:
    done = subprocess.run([SCRIPT, "al"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage:")


def test_the_machine_that_is_asked_for_holds_what_is_requested() -> None:
    """The sum of all requests, with the setup job beside them, fits; 2 GB would not do."""
    cpu = mebibytes = 0.0
    for item, pod in k.pods(k.manifests("minikube")):
        if item["kind"] == "Pod":
            continue
        requests = [c["resources"]["requests"] for c in pod["spec"]["containers"]]
        copies = item["spec"].get("replicas", 1)
        cpu += copies * sum(_cpus(request["cpu"]) for request in requests)
        mebibytes += copies * sum(_mebibytes(request["memory"]) for request in requests)
    script = SCRIPT.read_text()
    has_cpu, has_mebibytes = (
        int(re.findall(rf"MINIKUBE_{name}:-(\d+)", script)[0]) for name in ("CPUS", "MEMORY_MB")
    )
    assert cpu + SYSTEM_CPU <= has_cpu
    assert mebibytes + SYSTEM_MIB <= has_mebibytes
    assert mebibytes > 2048
    readme = (ROOT / "k8s/README.md").read_text()
    assert f"{cpu:.1f} CPUs and {mebibytes / 1024:.1f} GiB" in readme, (cpu, mebibytes / 1024)


def _cpus(text: str | int) -> float:
    text = str(text)
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def _mebibytes(text: str) -> float:
    return float(text[:-2]) * {"Mi": 1, "Gi": 1024}[text[-2:]]
