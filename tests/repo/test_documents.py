"""What the documents say is what is there."""

import json
import re
from pathlib import Path

import pytest

from docs.references import REFERENCES
from mlproject.cli import tvrec

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("document", REFERENCES)
def test_a_reference_is_what_the_code_says(document: str) -> None:
    assert (ROOT / document).read_text() == REFERENCES[document](), "`make docs` writes it anew"


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in DOCUMENTS:
        named = set(re.findall(r"`make ([a-z-]+)", document.read_text()))
        assert named <= targets, f"{document.name} names {named - targets}"


def test_every_command_that_is_named_exists() -> None:
    for document in DOCUMENTS:
        named = set(re.findall(r"`tvrec ([a-z][a-z-]+)", document.read_text()))
        assert named <= set(tvrec.commands), document.name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_link_is_broken(document: Path) -> None:
    for target in re.findall(r"\]\((?!http|#)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_the_answer_that_is_shown_is_json() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    answer = json.loads(block)
    assert {"user_id", "model_version", "source", "items", "position"} == set(answer)


def test_the_ratios_that_are_shown_are_those_of_the_benchmarks() -> None:
    report = (ROOT / "docs" / "benchmarks" / "README.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in report.splitlines() if line.count("|") == 7]
    measured = {(row[0], row[3], row[5]) for row in rows if len(row) == 6}
    shown = re.findall(r"^\| (.*?) \| (.*?) \| ([\d.]+) \|$", README, re.MULTILINE)
    assert len(shown) == 5
    assert set(shown) <= measured, "`make bench WRITE=--write` writes both"


def test_the_ways_of_the_procfile_are_commands() -> None:
    lines = (ROOT / "Procfile").read_text().splitlines()
    started = {line.split(": ")[1].split()[1] for line in lines if ": tvrec " in line}
    assert started <= set(tvrec.commands)
