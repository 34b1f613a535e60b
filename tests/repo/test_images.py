"""The Dockerfiles, without an engine: what a reviewer would look for."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.servers import BIN, ROOT

DOCKERFILES = [*sorted(ROOT.glob("services/*/Dockerfile")), ROOT / "bento" / "Dockerfile"]
OFFLINE = ROOT / "services" / "images-offline.sh"
SCRIPTS = [*ROOT.glob(".ci/*"), *ROOT.glob("services/**/*.sh")]

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
    assert built - {"build"} == set(named.split())


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
    lines = (ROOT / "Procfile").read_text().splitlines()
    local = dict(line.split(": ", 1) for line in lines)
    folders = {
        "exporter": "data_exporter",
        "generator": "event_generator",
        "builder": "model_builder",
    }
    for name, folder in folders.items():
        (entrypoint,) = of_kind(ROOT / "services" / folder / "Dockerfile", "ENTRYPOINT")
        assert json.loads(entrypoint) == local[name].split()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    done = subprocess.run([BIN / "shellcheck", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
