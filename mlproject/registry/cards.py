"""Whether the cards of a version are those of its shows.

Ids, scores and checksums can all be right while the cards, which people see, are of other shows.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mlproject.core import columns as c

# Titles are unlike each other, so that one of another show is enough. The rest changes as a
# catalogue is kept up, in few shows at a time.
_MOST_OTHERS: Final = 0.2
_FEWEST: Final = 20
_FIELDS: Final = (c.GENRES, c.TYPE, c.FIRST_YEAR)


def check_cards(
    cards: Sequence[Mapping[str, Any]], known: Mapping[int, Mapping[str, Any]]
) -> tuple[str, ...]:
    """Compare the cards of a version with the catalogue.

    Parameters
    ----------
    cards
        One for each show of the version.
    known
        What the catalogue says of each show, by its id. Shows that are not there, and fields
        that either side lacks, are not compared.

    Returns
    -------
    tuple of str
        A sentence for each thing found; empty if the cards may be served.
    """
    both = [(card, known[card[c.SHOW_ID]]) for card in cards if card[c.SHOW_ID] in known]
    return (*_titles(both, known), *_fields(both))


def _titles(
    both: list[tuple[Mapping[str, Any], Mapping[str, Any]]],
    known: Mapping[int, Mapping[str, Any]],
) -> Iterator[str]:
    owners = {show[c.TITLE]: show_id for show_id, show in known.items()}
    wrong = [
        card for card, show in both if card[c.TITLE] != show[c.TITLE] and card[c.TITLE] in owners
    ]
    if wrong:
        first = wrong[0]
        yield (
            f"{len(wrong):,} of {len(both):,} cards have the title of another show: that of show "
            f"{first[c.SHOW_ID]} is {first[c.TITLE]!r}, which in the catalogue is show "
            f"{owners[first[c.TITLE]]}"
        )


def _fields(both: list[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> Iterator[str]:
    for name in _FIELDS:
        pairs = [
            (card[name], show[name]) for card, show in both if card.get(name) and show.get(name)
        ]
        others = sum(mine != theirs for mine, theirs in pairs)
        if len(pairs) >= _FEWEST and others > _MOST_OTHERS * len(pairs):
            yield f"{name} of {others:,} of {len(pairs):,} cards is another than in the catalogue"
