"""What docstrings and documents refer to is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("mlproject", "stack", "bento", "benchmarks", "docs", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(path for folder in ("docs", "k8s", "stack") for path in (ROOT / folder).rglob("*.md")),
]
ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`~?(mlproject[\w.]*)`")
# A module by its path, from the top or within the package: `registry/checks.py`.
MODULE = re.compile(r"`([a-z_0-9]+(?:/[a-z_0-9]+)+\.py)")


def is_there(name: str) -> bool:
    """Tell whether a dotted name is a module, or is defined in one; nothing is imported."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:length])
        for module in (place.with_suffix(".py"), place / "__init__.py"):
            if module.exists():
                text = module.read_text()
                return all(
                    re.search(
                        rf"\b(class|def|import) .*\b{part}\b|^\s*{part}\b *[:=,]",
                        text,
                        re.MULTILINE,
                    )
                    for part in parts[length:]
                )
    return False


def test_cross_references_lead_somewhere() -> None:
    named = {(name, path) for path in SOURCES for name in ROLE.findall(path.read_text())}
    assert [f"{path}: {name}" for name, path in sorted(named) if not is_there(name)] == []


def test_modules_that_documents_name_exist() -> None:
    for document in DOCUMENTS:
        places = (ROOT, ROOT / "mlproject", document.parent)
        for name in MODULE.findall(document.read_text()):
            assert any((place / name).exists() for place in places), f"{document}: {name}"
