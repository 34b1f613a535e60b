"""Team-draft interleaving of two versions in one answer, and for which users.

F. Radlinski, M. Kurup and T. Joachims, "How Does Clickthrough Data Reflect Retrieval
Quality?", CIKM 2008. The two rankings pick shows in turn, as team captains do, and chance decides
who begins a round. Neither is ever more than one show ahead, so the shows that a user likes tell
which ranking they prefer, and differences between users cancel out.

One rule is added: a show that both would pick next is placed for both, and uses no turn. In the
paper's method it would count for one of them at random, at the ranks that people look at most.
"""

from collections.abc import Container, Iterator, Sequence
from typing import Final

from mlproject.core.exposures import BOTH, CHALLENGER, PRODUCTION
from mlproject.core.hashing import is_within, mixed

_ASSIGNMENT: Final = 0x696E
_COIN: Final = 0x746F


def is_interleaved(user_id: int, share: float) -> bool:
    """Tell whether a user is among the share who see both versions; the same at every call.

    Examples
    --------
    >>> [is_interleaved(user, 1.0) for user in range(3)], is_interleaved(0, 0.0)
    ([True, True, True], False)
    """
    return is_within(user_id, share, _ASSIGNMENT)


def team_draft(
    production: Sequence[int], challenger: Sequence[int], length: int, seed: int
) -> tuple[list[int], str]:
    """Interleave two rankings.

    Parameters
    ----------
    production, challenger
        Shows, best first; none twice in one of them.
    length
        Shows wanted, at most.
    seed
        Decides who begins each round; an even and independent coin over seeds.

    Returns
    -------
    tuple
        The shows, and whose each is, as :class:`~mlproject.core.exposures.Exposure` has it.

    Examples
    --------
    >>> team_draft([1, 2, 3], [1, 4, 5], 4, seed=0)
    ([1, 2, 4, 3], 'bpcp')
    """
    chosen: dict[int, str] = {}
    ranked = {PRODUCTION: list(production)[::-1], CHALLENGER: list(challenger)[::-1]}
    turns = _turns(seed)
    while len(chosen) < length:
        next_of = {team: show for team in ranked if (show := _next(ranked[team], chosen)) >= 0}
        if len(next_of) == len(ranked) and len({*next_of.values()}) == 1:
            chosen[next_of[PRODUCTION]] = BOTH
        elif next_of:
            team = next(each for each in turns if each in next_of)
            chosen[next_of[team]] = team
        else:
            break
    return list(chosen), "".join(chosen.values())


def seed_of(user_id: int, production: int, challenger: int) -> int:
    """Return a seed by which a user sees the same order as long as the versions stay."""
    return mixed(user_id, mixed(production, mixed(challenger, _COIN)))


def _next(ranked: list[int], chosen: Container[int]) -> int:
    """Return the best show that is not chosen yet, -1 if there is none; drop those that are."""
    while ranked and ranked[-1] in chosen:
        ranked.pop()
    return ranked[-1] if ranked else -1


def _turns(seed: int) -> Iterator[str]:
    bits, round_ = seed, 0
    while True:
        if round_ % 64 == 0:
            bits = mixed(seed, round_)
        first, second = (PRODUCTION, CHALLENGER)[:: 1 if bits & 1 else -1]
        yield first
        yield second
        bits >>= 1
        round_ += 1
