"""What an explanation of a slate says, piece by piece."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from models.objections import Objection


class Named(NamedTuple):
    """A product or item with its title ("" where the catalogue did not have it) and a number."""

    product_id: str
    title: str
    value: float


class StepTold(NamedTuple):
    """A step of the session; times in seconds before the event, dwell None and scroll None where unknown."""

    product_id: str
    title: str
    kind: str
    ago_s: float
    dwell_s: float | None
    scroll: float | None
    weight: float


@dataclass(frozen=True)
class SessionTold:
    """The visitor just after the event; `known` is False without consent, when nothing is kept."""

    known: bool
    session_id: str | None = None
    stage: str = ""
    n_sessions: int = 0
    n_events: int = 0
    landing: dict[str, Any] | None = None
    query: str | None = None
    steps: tuple[StepTold, ...] = ()
    skipped: tuple[str, ...] = ()
    cart: tuple[str, ...] = ()
    purchased: tuple[str, ...] = ()
    seen_unclicked: tuple[Named, ...] = ()
    views: int = 0
    carts: int = 0
    purchases: int = 0


@dataclass(frozen=True)
class ContextTold:
    """The context vector by name: product weights, shares 0..1 of the session's views by category, usual price."""

    weights: tuple[Named, ...]
    profile: tuple[Named, ...]
    categories: tuple[tuple[str, float], ...]
    usual_price: float | None
    price_band: str


@dataclass(frozen=True)
class SourceTold:
    """What one source offered: how many, the best of them, and how many it knows that are not in the catalogue."""

    source: str
    count: int
    best: tuple[Named, ...]
    unsold: int = 0


@dataclass(frozen=True)
class RemovedTold:
    """What one filter kept off the slate: how many candidates, and the best scored of them."""

    why: Objection
    count: int
    best: tuple[Named, ...]


@dataclass(frozen=True)
class ItemTold:
    """A product of the slate.

    `blend` is the blend's score 0..1 before it is stretched over the candidates; `contributions` are log-odds by
    source or feature, greatest first, with the intercept. Where nothing is known of the visitor there is no blend:
    `contributions` are what each source adds, and `blend` is their sum. `emphasis` is what the placement adds,
    `fatigue` the factor for having been seen `times_shown` times without a click. `ranks` are 1-based: by relevance,
    after diversity, after caps; 0 where exploration or the slot reserved for what is hardly known brought it in.
    `judged` is what the language model gave it, 0..10; None where it said nothing of it, or no table is in use.
    """

    rank: int
    product_id: str
    title: str
    score: float
    reason: str
    blend: float
    contributions: tuple[tuple[str, float], ...]
    emphasis: float
    fatigue: float
    times_shown: int
    ranks: tuple[int, int, int]
    explored: bool
    reserved: bool
    judged: float | None = None


class JudgedTold(NamedTuple):
    """What the candidates were judged by.

    `table` names the judgements in use, as `segment|intent`: the visitor's own (`by` is `fine`), or everybody's with
    the intent (`coarse`); "" for `none`. `hits` of the `of` best candidates are judged in it.
    """

    segment: str
    intent: str
    by: str
    table: str
    hits: int
    of: int
    covered: bool


class MoveTold(NamedTuple):
    """A product's rank before the judgements came, and after; None where it is not on the slate."""

    product_id: str
    title: str
    before: int | None
    after: int | None


@dataclass(frozen=True)
class PlaceTold:
    """How far one log was applied, and when that record arrived; None where it is not kept."""

    log: str
    partition: int
    offset: int
    at: str | None


@dataclass(frozen=True)
class DecisionTold:
    """How the slate came about, once the world was brought to its lineage.

    `outcome` says whether it came out as recorded; `difference` where it did not; `shown` items are shown, the others
    are reserves.
    """

    outcome: str
    equal: bool
    difference: tuple[str, Any, Any] | None
    context: ContextTold
    sources: tuple[SourceTold, ...]
    timed_out: tuple[str, ...]
    removed: tuple[RemovedTold, ...]
    candidates: int
    weights: dict[str, float]
    learned_rows: int
    shown: int
    items: tuple[ItemTold, ...]
    explored: dict[str, Any] | None
    judged: JudgedTold | None = None


@dataclass(frozen=True)
class Explanation:
    """A slate explained.

    `slate` and `event` are the records; `state_from` is `evidence`, or `events` where the state was rebuilt; `missing`
    are sentences about what could not be had. `revisions` are those that are kept; where there are several, `moves` has
    the ranks of what the first or the newest of them shows.
    """

    slate: dict[str, Any]
    event: dict[str, Any]
    arrived_at: str
    state_from: str
    session: SessionTold
    lineage: tuple[PlaceTold, ...]
    decision: DecisionTold | None
    missing: tuple[str, ...]
    revisions: tuple[int, ...] = (0,)
    moves: tuple[MoveTold, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Give it for scripts."""
        return asdict(self)
