"""Answers for one user from one version of the model."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlproject.core.histories import Histories
from mlproject.core.ids import UNKNOWN_ROW
from mlproject.core.model import TrainedModel
from mlproject.core.ranking import top_k
from mlproject.core.sources import Source, source_of
from mlproject.core.user_ratings import UserRatings
from mlproject.models.vector_index import VectorIndex
from mlproject.serving.answers import encoded
from mlproject.serving.diversity import diversified
from mlproject.serving.problems import NotFoundError
from mlproject.serving.reasons import reasons
from mlproject.serving.showcase import Showcase

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Of so many candidates for each show wanted, the diverse ones are chosen.
_POOL: Final = 5
_SMALLEST_POOL: Final = 50


@dataclass(frozen=True, slots=True)
class Wish:
    """Which shows may be recommended; the fields are those of a request."""

    num_items: int = 10
    exclude_seen: bool = True
    genres: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    exclude_show_ids: tuple[int, ...] = ()
    diversity: float = 0.0
    explain: bool = False

    @property
    def told(self) -> dict[str, Any]:
        """What an answer repeats, so that it can be made again; nothing of a plain wish.

        Examples
        --------
        >>> Wish(5).told, Wish(5, genres=("Drama",)).told
        ({}, {'asked': {'num_items': 5, 'genres': ('Drama',)}})
        """
        plain = Wish(self.num_items)
        if self == plain:
            return {}
        beyond = {
            name: value for name, value in asdict(self).items() if value != getattr(plain, name)
        }
        return {"asked": {"num_items": self.num_items, **beyond}}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a request for recommendations.

    Parameters
    ----------
    source
        What it is based on; see :func:`~mlproject.core.sources.source_of`.
    body
        JSON.
    rows
        The shows, by the rows of the version; int64, shape ``(items,)``.
    teams
        Where two versions took turns, whose each show is; see
        :class:`~mlproject.core.exposures.Exposure`.
    """

    source: Source
    body: bytes
    rows: Rows = field(compare=False)
    teams: str = ""


@dataclass(frozen=True)
class Recommender:
    """A version of the model, ready to answer.

    Parameters
    ----------
    version
        Its number.
    model
        Its content.
    about
        What else is known of it, for ``GET /model``.
    index
        Of its shows, where there are too many to score them all.
    """

    version: int
    model: TrainedModel
    about: dict[str, Any] = field(default_factory=dict)
    index: VectorIndex | None = None

    @cached_property
    def showcase(self) -> Showcase:
        """The shows as answers need them."""
        return Showcase(self.model)

    def recommend(self, user_id: int, rated: UserRatings, num_items: int) -> dict[str, Any]:
        """Rank the shows that a user has not rated.

        Parameters
        ----------
        user_id
            Any id; it is only repeated in the answer.
        rated
            What the user has rated.
        num_items
            At least 1; a user who has rated nearly everything gets fewer.

        Returns
        -------
        dict
            What :meth:`answer` encodes.
        """
        told: dict[str, Any] = json.loads(self.answer(user_id, rated, Wish(num_items)).body)
        return told

    def answer(
        self,
        user_id: int | None,
        rated: UserRatings,
        wish: Wish,
        position: dict[str, Any] | None = None,
    ) -> Answer:
        """Rank the shows that a wish allows.

        Parameters
        ----------
        user_id
            It is only repeated in the answer.
        rated
            What they have rated.
        wish
            What they want.
        position
            Of the ratings, where they are of a user; repeated in the answer, with what was
            asked for.

        Returns
        -------
        Answer
            ``user_id``, ``model_version``, ``source`` and ``items``, best first: what is
            known of each show, its ``score``, its ``rank`` from 1, and its ``reason`` if it
            was wished for. Scores order the shows of one answer; those of another are not
            comparable.

        Raises
        ------
        RequestError
            If no show has a genre or type that was asked for.
        """
        history = self.model.history(rated)
        rows, scores = self.ranked(history, wish)
        more = {} if position is None else {"position": position, **wish.told}
        return self.told((user_id, rated, history), rows, scores, more, explain=wish.explain)

    def told(
        self,
        whom: tuple[int | None, UserRatings, Histories],
        rows: Rows,
        scores: Scores,
        more: dict[str, Any],
        *,
        explain: bool,
        teams: str = "",
    ) -> Answer:
        """Put an answer together.

        Parameters
        ----------
        whom
            The user's id, what they have rated, and that as the model's history.
        rows, scores
            The shows, best first; shape ``(items,)`` each.
        more
            What stands after the items.
        explain
            Whether each show gets its reason.
        teams
            Whose each show is.
        """
        user_id, rated, history = whom
        source = source_of(int(np.count_nonzero(history.weights > 0)))
        ends: list[bytes] = []
        if explain:
            why = reasons(self.model, rated, history, rows)
            ends = [b',"reason":' + encoded(reason) for reason in why]
        whose = b"null" if user_id is None else b"%d" % user_id
        body = b'{"user_id":%b,"model_version":%d,"source":"%b","items":[%b]' % (
            whose,
            self.version,
            source.encode(),
            self._items(rows, scores, ends),
        )
        rest = b"".join(b',"%b":%b' % (name.encode(), encoded(more[name])) for name in more)
        return Answer(source, b"%b%b}" % (body, rest), rows, teams)

    def similar(self, show_id: int, num_items: int) -> bytes:
        """Return the shows that are like one, as JSON.

        Raises
        ------
        NotFoundError
            If the version does not know the show.
        """
        row = self.row(show_id)
        scores = self.model.model.similar(row)
        scores[row] = -np.inf
        rows, likeness = _showable(top_k(scores, num_items), scores)
        return b'{"show_id":%d,"title":%b,"model_version":%d,"items":[%b]}' % (
            show_id,
            encoded(self.showcase.title(row)),
            self.version,
            self._items(rows, likeness, []),
        )

    def row(self, show_id: int) -> int:
        """Return a show's row; raise NotFoundError if the version does not know the show."""
        row = self.model.shows.row(show_id)
        if row == UNKNOWN_ROW:
            raise NotFoundError(f"version {self.version} knows no show {show_id}")
        return row

    def rank(self, history: Histories, num_items: int) -> tuple[Rows, Scores]:
        """Return the rows of the best shows that are not in one history, and their scores."""
        return self.ranked(history, Wish(num_items))

    def shows(self, rows: Rows) -> list[int]:
        """Return the ids of shows by their rows."""
        ids: list[int] = self.model.shows.ids[rows].tolist()
        return ids

    def card(self, show_id: int) -> Mapping[str, Any]:
        """Return what is known of a show, nothing if the model does not know the show."""
        row = self.model.shows.row(show_id)
        return {} if row == UNKNOWN_ROW else self.model.cards[row]

    def warm_up(self) -> None:
        """Answer once with a history and once without, to touch every array."""
        best = np.full(1, 10, dtype=np.int8)
        one = UserRatings(self.model.shows.ids[:1], best)
        self.answer(0, one, Wish(1, explain=True, diversity=0.5))
        self.answer(0, UserRatings.none(), Wish(1))
        self.showcase.warm_up()

    def ranked(self, history: Histories, wish: Wish) -> tuple[Rows, Scores]:
        """Return the rows of the shows that are wished for, best first, and their scores.

        Raises
        ------
        RequestError
            If no show has a genre or type that was asked for.
        """
        if not wish.diversity:
            return self._best(history, wish, wish.num_items)
        rows, found = self._best(history, wish, max(_SMALLEST_POOL, _POOL * wish.num_items))
        vectors = self.showcase.genre_vectors(rows)
        chosen = diversified(found, vectors, wish.diversity, wish.num_items)
        return rows[chosen], found[chosen]

    def _best(self, history: Histories, wish: Wish, count: int) -> tuple[Rows, Scores]:
        hidden, allowed = self._hidden(history, wish), self._allowed(wish)
        if self.index is not None and history.has_taste()[0]:
            found = self.index.best(history, hidden, allowed, count)
            if found is not None:
                return found
        scores = self.model.scores(history)[0]
        scores[hidden] = -np.inf
        if allowed is not None:
            scores[~allowed] = -np.inf
        return _showable(top_k(scores, count), scores)

    def _hidden(self, history: Histories, wish: Wish) -> NDArray[np.integer]:
        """Return the rows that a wish rules out by name."""
        seen = history.show_rows if wish.exclude_seen else history.show_rows[:0]
        if not wish.exclude_show_ids:
            return seen
        excluded = self.model.shows.rows(wish.exclude_show_ids)
        return np.concatenate((seen, excluded[excluded != UNKNOWN_ROW]))

    def _allowed(self, wish: Wish) -> Mask | None:
        """Tell which shows have the genres and types of a wish; None = it names none."""
        allowed = self.showcase.of_genres(wish.genres) if wish.genres else None
        if not wish.types:
            return allowed
        of_types = self.showcase.of_types(wish.types)
        return of_types if allowed is None else allowed & of_types

    def _items(self, rows: Rows, scores: Scores, more: list[bytes]) -> bytes:
        """Encode shows, best first, each with its score, its rank and what else is known."""
        cards = self.showcase.open_cards
        ends = more or [b""] * len(rows)
        return b",".join(
            [
                b'%b,"score":%b,"rank":%d%b}'
                % (cards[row], repr(round(score, 4)).encode(), rank, end)
                for rank, (row, score, end) in enumerate(
                    zip(rows.tolist(), scores.tolist(), ends, strict=True), 1
                )
            ]
        )


def _showable(best: Rows, scores: Scores) -> tuple[Rows, Scores]:
    """Cut off what must not be shown: what is scored ``-inf``."""
    ranked = scores[best]
    showable = ranked > -np.inf
    return best[showable], ranked[showable]
