"""The shows of one version, as answers need them: encoded, filtered and searched."""

import difflib
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlproject.core import columns as c
from mlproject.core.errors import RequestError
from mlproject.core.model import TrainedModel
from mlproject.serving.answers import encoded

Mask = NDArray[np.bool_]


class _Held(NamedTuple):
    """A genre or type in its usual spelling, and the shows that have it."""

    name: str
    mask: Mask


class Showcase:
    """The card of each show, prepared once for all requests.

    Parameters
    ----------
    model
        The version's content.
    """

    def __init__(self, model: TrainedModel) -> None:
        self._model = model
        # Without the brace at the end: an answer adds a score, a rank, a reason.
        self.open_cards: tuple[bytes, ...] = tuple(encoded(card)[:-1] for card in model.cards)

    def card(self, row: int) -> bytes:
        """Return what is known of a show, as a JSON object."""
        return self.open_cards[row] + b"}"

    def title(self, row: int) -> str:
        """Return a show's title."""
        return str(self._model.cards[row][c.TITLE])

    # Filters

    def of_genres(self, names: Iterable[str]) -> Mask:
        """Tell which shows have one of some genres, bool, shape ``(shows,)``.

        Raises
        ------
        RequestError
            If no show at all has one of the genres.
        """
        return self._any_of("genre", names, self._genres)

    def of_types(self, names: Iterable[str]) -> Mask:
        """Tell which shows are of one of some types; see :meth:`of_genres`."""
        return self._any_of("type", names, self._types)

    def genre_vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the genres of some shows as vectors of length 1, or 0 for a show without.

        float32, shape ``(rows, genres)``; the product of two is their cosine.
        """
        held = self._genre_matrix[:, rows].T.astype(np.float32)
        lengths = np.sqrt(held.sum(axis=1, keepdims=True))
        vectors: NDArray[np.float32] = held / np.maximum(lengths, 1)
        return vectors

    def _any_of(self, what: str, names: Iterable[str], known: Mapping[str, _Held]) -> Mask:
        allowed = np.zeros(len(self._model.shows), dtype=np.bool_)
        for name in names:
            held = known.get(name.casefold())
            if held is None:
                raise RequestError(_no_such(what, name, known))
            allowed |= held.mask
        return allowed

    @cached_property
    def _genres(self) -> dict[str, _Held]:
        return _held([card.get(c.GENRES, ()) for card in self._model.cards])

    @cached_property
    def _types(self) -> dict[str, _Held]:
        return _held([[card[c.TYPE]] if c.TYPE in card else [] for card in self._model.cards])

    @cached_property
    def _genre_matrix(self) -> Mask:
        """bool, shape ``(genres, shows)``."""
        if not self._genres:
            return np.zeros((0, len(self._model.shows)), dtype=np.bool_)
        return np.stack([held.mask for held in self._genres.values()])

    # Search

    def search(self, text: str, limit: int) -> list[int]:
        """Return the rows of shows whose title contains a text.

        Letters count without case and accents. Titles that begin with the text come first;
        else what is popular does.
        """
        wanted = plain(text)
        found = dict.fromkeys(islice(self._rows_of(f"\n{wanted}"), limit))
        if wanted:
            for row in self._rows_of(wanted):
                if len(found) == limit:
                    break
                found[row] = None
        return list(found)

    def _rows_of(self, wanted: str) -> Iterator[int]:
        titles, starts, rows = self._titles
        at = titles.find(wanted)
        while at >= 0:
            place = bisect_right(starts, at) - 1
            yield rows[place]
            # On with the next title: one hit is enough.
            end = starts[place + 1] if place + 1 < len(starts) else len(titles)
            at = titles.find(wanted, end)

    @cached_property
    def _titles(self) -> tuple[str, list[int], list[int]]:
        """All titles in one text, a line each, the popular first; where each begins; its row."""
        rows = np.argsort(-self._model.popularity, kind="stable").tolist()
        lines = [f"\n{plain(self.title(row))}" for row in rows]
        ends = np.cumsum([len(line) for line in lines])
        return "".join(lines), [0, *ends[:-1].tolist()], rows

    def warm_up(self) -> None:
        """Prepare all that is prepared at the first use."""
        _ = self._titles, self._genre_matrix, self._types


def plain(text: str) -> str:
    """Return a text without case, accents and surplus spaces.

    Examples
    --------
    >>> plain("  Élite   Straße ")
    'elite strasse'
    """
    apart = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return " ".join(bare.split())


def _held(names_of: Sequence[Iterable[str]]) -> dict[str, _Held]:
    """Return the values that shows have, by lower-case name; the first spelling is kept."""
    rows: dict[str, list[int]] = {}
    spelled: dict[str, str] = {}
    for row, names in enumerate(names_of):
        for name in names:
            rows.setdefault(name.casefold(), []).append(row)
            spelled.setdefault(name.casefold(), name)
    found = {}
    for name in sorted(rows):
        mask = np.zeros(len(names_of), dtype=np.bool_)
        mask[rows[name]] = True
        found[name] = _Held(spelled[name], mask)
    return found


def _no_such(what: str, name: str, known: Mapping[str, _Held]) -> str:
    close = difflib.get_close_matches(name.casefold(), known, n=1)
    hint = f", did you mean {known[close[0]].name!r}?" if close else ""
    return f"no show has the {what} {name!r}{hint}"
