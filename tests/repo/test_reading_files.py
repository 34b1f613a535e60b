"""docs/reading-files.md says what the code reads."""

from pathlib import Path

import pytest

from mlproject.core import columns as c
from mlproject.reading import catalogue_layouts, genres, ids, ratings_layouts, times
from mlproject.reading.dialects import SEPARATORS
from mlproject.reading.rejections import ALWAYS, MOST_REJECTED, SOME
from mlproject.reading.scales import EVIDENCE, STRAY, Scale

DOCUMENT = (Path(__file__).parents[2] / "docs" / "reading-files.md").read_text()


def listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def table(*rows: tuple[str, ...]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|---" * len(rows[0]) + "|", *body])


def ratings_table() -> str:
    rows = [("kind", "user", "show", "stars", "watched, not rated")]
    for layout in ratings_layouts.LAYOUTS:
        stars = "yes" if layout.stars else ""
        unrated = listed([f"{value:g}" for value in layout.unrated])
        if layout.separator is None:
            rows.append((layout.name, listed(layout.users), listed(layout.shows), stars, unrated))
        else:
            by = SEPARATORS[layout.separator]
            rows.append((layout.name, f"no header, by {by}: 1st", "2nd", stars, unrated))
    return table(*rows)


def catalogues_table() -> str:
    rows = [("kind", "id")]
    for layout in catalogue_layouts.LAYOUTS:
        if layout.separator is None:
            rows.append((layout.name, listed(layout.ids)))
        else:
            by = SEPARATORS[layout.separator]
            rows.append((layout.name, f"no header, {layout.width} columns by {by}: 1st"))
    return table(*rows)


def columns_table() -> str:
    layout = catalogue_layouts.LAYOUTS[0]
    others = [(f"`{ours}`", listed(names)) for ours, names in layout.others.items()]
    return table(("ours", "names"), (f"`{c.TITLE}`", listed(layout.titles)), *others)


LAYOUT = ratings_layouts.LAYOUTS[0]
PARTS = {
    "kinds of ratings": ratings_table(),
    "names of ratings": listed(LAYOUT.ratings),
    "names of times": listed(LAYOUT.times),
    "kinds of catalogues": catalogues_table(),
    "columns of catalogues": columns_table(),
    "separators": ", ".join(SEPARATORS.values()),
    "units": ", ".join(times.UNITS),
    "no genre": listed([name for name in sorted(genres.NO_GENRE) if name]),
    "prefixes": listed([prefix for marks in ids.PREFIXES.values() for prefix in marks]),
    "rejected": f"more than {MOST_REJECTED:.0%} of the rows and more than {SOME} rows",
    "always": f"more than {ALWAYS:.0%}",
    "evidence": f"{EVIDENCE} ratings or more",
    "stray": f"{STRAY:.0%}",
    "five": f"`1-5`: {Scale(1, 5).change}",
    "hundred": f"`0-100`: {Scale(0, 100).change}",
    "thumbs": f"`0-1`: {Scale(0, 1).change}",
}


@pytest.mark.parametrize("part", PARTS)
def test_the_document_says_what_is_read(part: str) -> None:
    assert PARTS[part] in DOCUMENT, f"put this into docs/reading-files.md:\n{PARTS[part]}"
