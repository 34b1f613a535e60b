"""What the documents say is what is there."""

import json
import re
from pathlib import Path

import pytest

from mlproject import config
from mlproject.cli import tvrec
from mlproject.config import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def settings_table() -> str:
    """The table of settings, as the README must have it."""
    lines = ["| variable | default | what it is |", "|---|---|---|"]
    for field, info in Settings.model_fields.items():
        default = "" if info.default is None else f"`{info.default}`"
        lines.append(f"| `{config.variable(field)}` | {default} | {info.description} |")
    return "\n".join(lines)


def test_the_table_of_settings_is_true() -> None:
    assert settings_table() in README, f"put this into the README:\n{settings_table()}"


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in ROOT.glob("*.md"):
        named = set(re.findall(r"`make ([a-z-]+)", document.read_text()))
        assert named <= targets, f"{document.name} names {named - targets}"


def test_every_command_that_is_named_exists() -> None:
    for document in ROOT.glob("*.md"):
        named = set(re.findall(r"`tvrec ([a-z][a-z-]+)", document.read_text()))
        assert named <= set(tvrec.commands), document.name


@pytest.mark.parametrize("document", [path.name for path in ROOT.glob("*.md")])
def test_no_link_is_broken(document: str) -> None:
    for target in re.findall(r"\]\((?!http|#)([^)#]+)", (ROOT / document).read_text()):
        assert (ROOT / target).exists(), target


def test_the_answer_that_is_shown_is_json() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    answer = json.loads(block)
    assert {"user_id", "model_version", "source", "items", "position"} == set(answer)


def test_the_ways_of_the_procfile_are_commands() -> None:
    lines = (ROOT / "Procfile").read_text().splitlines()
    started = {line.split(": ")[1].split()[1] for line in lines if ": tvrec " in line}
    assert started <= set(tvrec.commands)
