"""Text is read in its encoding where there is no doubt of it."""

from pathlib import Path

import pytest

from mlproject.core.errors import CatalogueError
from mlproject.reading.content import to_utf8

HERE = Path("shows.csv")


def decoded(content: bytes, *, letters: bool = True) -> str:
    return to_utf8(content, HERE, CatalogueError, letters=letters).decode()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_unicode_is_read_in_every_form(encoding: str) -> None:
    text = "show_id,title\n1,Misérables\n2,進撃の巨人\n"
    assert decoded(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("1|Misérables, Les (1995)\n2|Amélie (2001)\n", "latin-1"),
        ("1,Pokémon\n2,Lost\n", "latin-1"),
        ("1,Señora\n2,Don\u2019t \u2013 \u201cx\u201d café\n", "cp1252"),
        ("1;Käpt\u2019n;Kids\n2;Für alle Fälle;Drama\n", "cp1252"),
        ("1,Les Misérables à l'été\n2,Ça c'est Noël, où êtes-vous\n", "cp1252"),
        ("1,Forbrydelsen på Østerbro\n2,Smørrebrød æble\n", "cp1252"),
        ("1,Война и мир\n2,Ирония судьбы\n3,Кухня\n", "cp1251"),
        ("1,進撃の巨人\n2,鋼の錬金術師\n3,カウボーイビバップ\n", "cp932"),
        ("1,Příběh žluťoučký kůň\n2,Łódź\n", "cp1250"),
    ],
)
def test_a_code_page_is_told_by_its_letters(text: str, encoding: str) -> None:
    assert decoded(("show_id,title\n" + text).encode(encoding)) == "show_id,title\n" + text


@pytest.mark.parametrize(
    ("text", "encoding"), [("1,三体\n2,琅琊榜\n3,庆余年\n", "gb18030"), ("1,Miłość\n", "cp1250")]
)
def test_a_code_page_in_doubt_is_refused(text: str, encoding: str) -> None:
    with pytest.raises(CatalogueError, match=r"its text is not UTF-8, and it may be .*save it as"):
        decoded(("show_id,title\n" + text).encode(encoding))


def test_where_letters_do_not_matter_any_code_page_will_do() -> None:
    assert decoded("1,庆余年,9".encode("gb18030"), letters=False).endswith(",9")


def test_what_is_no_text_is_an_error() -> None:
    with pytest.raises(CatalogueError, match="cannot be read as a table"):
        decoded(bytes(range(256)))
