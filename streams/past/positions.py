"""Where a slate's inputs stood, and how few passes over the logs visit many such places."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from schemas.slates import Lineage
from schemas.topics import EMBEDDINGS, JUDGEMENTS, LEARNING, PRODUCTS, TopicName

Place = tuple[TopicName, int]


class Positions(NamedTuple):
    """The last offset applied of each log, by topic and partition, in order; what was not begun is absent.

    `generation` names the log of the model; "" is the first.
    """

    at: tuple[tuple[Place, int], ...]
    generation: str = ""

    @property
    def by_place(self) -> Mapping[Place, int]:
        """Look positions up."""
        return dict(self.at)

    @property
    def model(self) -> int:
        """Give the offset of `learning`, -1 before the first step."""
        return self.by_place.get((LEARNING, 0), -1)


def positions_of(lineage: Lineage) -> Positions:
    """Read a lineage.

    >>> positions_of(Lineage(products={"1": 4}, model=7, settings="", build="")).at
    ((('catalog.products', 1), 4), (('learning', 0), 7))
    >>> positions_of(Lineage(model=7, generation="g1", settings="", build="")).generation
    'g1'
    """
    at: dict[Place, int] = {(PRODUCTS, int(partition)): offset for partition, offset in lineage.products.items()}
    at |= {(EMBEDDINGS, int(partition)): offset for partition, offset in lineage.embeddings.items()}
    alone: tuple[tuple[TopicName, int], ...] = ((LEARNING, lineage.model), (JUDGEMENTS, lineage.judgements))
    at |= {(topic, 0): offset for topic, offset in alone if offset >= 0}
    return Positions(tuple(sorted(at.items())), lineage.generation or "")


def reaches(later: Positions, earlier: Positions) -> bool:
    """Say whether no log has to go back to come from the earlier to the later."""
    at = later.by_place
    return all(at.get(place, -1) >= offset for place, offset in earlier.at)


def chains(wanted: Iterable[Positions]) -> Sequence[Sequence[Positions]]:
    """Sort positions into chains, each ascending in every log: one pass over the logs visits a whole chain.

    Positions are taken in order of their sum, each by the chain that has come furthest among those it can follow. What
    one worker decided is a chain, so there are hardly more chains than workers that lived side by side.

    >>> a, b, c = (Positions(((("learning", 0), m), (("catalog.products", 0), p))) for m, p in ((1, 1), (2, 1), (1, 2)))
    >>> [len(chain) for chain in chains([b, a, c, a])]
    [2, 1]
    """
    found: list[list[Positions]] = []
    for one in sorted(set(wanted), key=lambda one: (_total(one), one)):
        fitting = [chain for chain in found if reaches(one, chain[-1])]
        if fitting:
            max(fitting, key=lambda chain: _total(chain[-1])).append(one)
        else:
            found.append([one])
    return found


def _total(one: Positions) -> int:
    return sum(offset + 1 for _, offset in one.at)
