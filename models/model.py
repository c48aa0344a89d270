"""The model: a fold of `learning` and of nothing else."""

import hashlib
import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from models.bandit import PoolBandit
from models.basket_knn import BasketKnn
from models.blend import Blend
from models.complements import Complements, substitutes
from models.covisitation import Covisitation
from models.decay import Decay
from models.drift import Drift
from models.examination import Examination
from models.factors import Factors
from models.history import History
from models.items import ByItem, Registry, State, Stateful, mask_of, part, prefixed
from models.kernel import hash63
from models.landing import LandingPopularity
from models.leaf_pairs import LeafPairs, backed_off
from models.model_rules import ModelRules
from models.pair_limit import DAY_MS, PairLimit
from models.ranked import NONE, Ranked, without
from models.repurchase import RepurchaseIntervals
from models.session_bpr import SessionBpr
from models.session_knn import SessionKnn
from models.trending import Trending
from models.watermark import Watermark
from schemas.learning import LearningStep, StepKind
from schemas.record import epoch_ms

__all__ = ["Blend", "Model", "ModelRules", "Query", "Ranked"]

VISITS: dict[StepKind, int] = {"view": 0, "click": 0, "cart": 1, "purchase": 2}
"""Kinds of visits, numbered by what of a person's day they count as."""

JOINED = len(VISITS)
STRONG: frozenset[StepKind] = frozenset({"cart", "purchase"})
MOST_NAMES = 260
"""The most items one step can name: items, cart and context."""


def _fading(count: int) -> np.ndarray:
    """Give 1, 1/2, 1/3 ..: float32, shape (count,)."""
    return (1 / np.arange(1, count + 1)).astype(np.float32)


class Query(NamedTuple):
    """What the model is asked.

    `items` are (item, weight), oldest first, negative weights included (they are passed over); `session` is excluded
    from its own neighbours; `key` is the user or visitor id; `cart` asks for what goes with it.
    """

    items: tuple[tuple[str, float], ...]
    session: str | None
    key: str
    cart: tuple[str, ...] = ()


class Model:
    """Everything learned from clicks.

    Args:
        rules: constants; caps bound the memory.
    """

    def __init__(self, rules: ModelRules | None = None) -> None:
        self.rules = r = rules or ModelRules()
        self.offset = -1
        self.clock_ms = 0
        self.items = Registry(r.items, unknown=min(r.unknown_items, r.items // 2))
        self.counts = np.zeros(64, np.int32)
        limit = PairLimit(r.pair_cells, r.pair_limit)
        self.covisitation = Covisitation(
            cap=r.items, slots=r.slots, backward=r.backward, query_decay=r.query_decay, limit=limit,
            decay=Decay(r.half_life_share, r.half_life_min, r.half_life_max),
        )  # fmt: skip
        self.transitions = Covisitation(
            cap=r.items, slots=r.transition_slots, backward=0.0, query_decay=1.0,
            limit=PairLimit(r.pair_cells, r.pair_limit),
            decay=Decay(r.half_life_share, r.half_life_min, r.half_life_max),
        )  # fmt: skip
        self.session_knn = SessionKnn(
            cap=r.items, sessions=r.sessions, session_items=r.session_items, postings=r.postings, k=r.neighbours,
            position_decay=r.position_decay, step_decay=r.step_decay, age_share=r.session_age_share, idf=r.idf,
        )  # fmt: skip
        self.session_bpr = SessionBpr(
            cap=r.items, factors=r.bpr_factors, negatives=r.bpr_negatives, lr=r.bpr_lr, l2=r.bpr_l2,
            context=r.bpr_context, decay=r.bpr_decay, ring=r.bpr_ring, seed=r.seed,
        )  # fmt: skip
        self.trending = Trending(cap=r.items, decay=Decay(r.trend_share, r.half_life_min, r.trend_max))
        self.landing = LandingPopularity(
            cap=r.landings, items=r.landing_items, strength=r.landing_strength, most=r.landing_events
        )
        self.history = History(cap=r.people, slots=r.history_slots, half_life_days=r.history_half_life_days)
        self.factors = Factors(
            cap_items=r.items, cap_users=r.users, k=r.factors, negatives=r.negatives, latent_lr=r.latent_lr,
            bias_lr=r.bias_lr, seed=r.seed,
        )  # fmt: skip
        self.complements = Complements(
            cap=r.items, slots=r.together_slots, least=r.together_least, shrink=r.together_shrink,
            popularity=r.together_popularity, limit=PairLimit(r.pair_cells, r.pair_limit),
        )  # fmt: skip
        self.bandit = PoolBandit()
        self.examination = Examination()
        self.leaf_pairs = LeafPairs(
            cap=r.leaves, slots=r.leaf_slots, items=r.leaf_items, least=r.together_least, shrink=r.together_shrink,
            popularity=r.together_popularity, limit=self.complements.limit,
        )  # fmt: skip
        self.repurchase = RepurchaseIntervals(cap=r.leaves, kept=r.repurchase_gaps, least=r.repurchase_least)
        self.basket_knn = BasketKnn(
            cap=r.items, baskets=r.baskets, basket_items=r.basket_items, postings=r.basket_postings,
            k=r.basket_neighbours, length_power=r.basket_length_power, cart_age_share=r.cart_age_share,
            person_age_share=r.person_age_share, idf=r.basket_idf,
        )  # fmt: skip
        self.blend = Blend(first=r.blend_first, lr=r.blend_lr)
        self.drift = Drift()
        self.visit_limit = PairLimit(r.pair_cells // 4, r.pair_limit)
        self._watermark = Watermark(r.seen_offsets)
        self._popular: tuple[int, int, Ranked] | None = None
        self._version = 0

    def learn_one(self, step: LearningStep, offset: int) -> bool:
        """Learn one step.

        Args:
            step: the record.
            offset: its offset in `learning`.

        Returns:
            False when the step's source record has been learned already; `offset` moves all the same.
        """
        self.offset = offset
        if not self._watermark.take(step.origin):
            return False
        self._version += 1
        self.clock_ms = max(self.clock_ms, epoch_ms(step.at))
        if step.kind == "forget":
            self.forget(step.visitor_id)
            if step.user_id:
                self.forget(step.user_id)
            return True
        if step.user_id and (step.kind == "identify" or self._was_nobody(step)):
            self._identify(step.visitor_id, step.user_id)
        if step.items:
            self._learn_items(step)
        if step.explored:
            self.bandit.learn_one(step.explored, step.kind)
            self.examination.learn_one(step.rank or 0, step.kind)
        self.drift.learn_one(step, self.blend, offset=offset, clock_ms=self.clock_ms)
        if step.row is not None:
            self.blend.learn_one(step.row)
        return True

    def _was_nobody(self, step: LearningStep) -> bool:
        """Say whether a user's step comes from a visitor who has something under their own id: any step may sign in.

        A late step of another user than the visitor's has no session, and takes nothing over.
        """
        visitor = step.visitor_id
        if step.session is None or visitor == step.user_id:
            return False
        return visitor in self.history.keys.numbers or visitor in self.factors.users.names.numbers

    def _identify(self, visitor: str, user: str) -> None:
        self.history.identify(visitor, user)
        self.factors.identify(visitor, user)
        self.session_knn.identify(visitor, user)
        self.basket_knn.identify(visitor, user)

    def forget(self, key: str) -> None:
        """Erase a visitor's or user's history, factors and sessions."""
        self.history.forget(key)
        self.factors.forget(key)
        self.session_knn.forget(key)
        self.basket_knn.forget(key)

    def _learn_items(self, step: LearningStep) -> None:
        self._make_room()
        unknown = step.unknown_items()
        key = step.user_id or step.visitor_id
        numbers = [self.items.intern(item) for item, _ in step.items]
        for number, (_, weight) in zip(numbers, step.items, strict=True):
            if step.kind != "impression" and weight:
                self.history.learn_one(key, number, weight=weight, at_ms=self.clock_ms)
        if step.kind in VISITS:
            first = {
                number for number in dict.fromkeys(numbers) if self._nth_today(step, number, VISITS[step.kind]) == 1
            }
            before = [self.items.known(item) for item, _ in step.context]
            self._visit(step, numbers, before, unknown, first)
            if step.kind in STRONG:
                self._buy(step, key, numbers, unknown, first)
        if unknown or self.items.unknown:
            self.items.sort_out(step.names(), unknown)
        self._grow(self.items.rows)

    def _nth_today(self, step: LearningStep, number: int, way: int) -> int:
        """Say which of today's this is, of a person, an item, and what is done with it; 0 beyond the limit of pairs."""
        person, day = hash63(step.user_id or step.visitor_id), self.clock_ms // DAY_MS
        return self.visit_limit.nth(person, number, self.rules.items + way, day)

    def _visit(
        self,
        step: LearningStep,
        numbers: Sequence[int],
        before: list[int],
        unknown: Collection[str],
        first: Collection[int],
    ) -> None:
        """Learn what was looked at after what, and what is popular.

        Nobody makes a product popular alone: of a person's day the `first` visits count, one of each kind.
        """
        rules, rows = self.rules, self.items.rows
        self._grow(rows)
        own = rules.own_click_weight if step.slate_id else 1.0
        visitor, day = hash63(step.visitor_id), self.clock_ms // DAY_MS
        owners = _owners(step)
        cart = set(step.cart)
        for number, (item, weight) in zip(numbers, step.items, strict=True):
            self.counts[number] += 1
            if weight > 0 and number in first:
                self.trending.learn_one(number, rows=rows, weight=own * weight)
                if item not in unknown:  # of a landing few items are kept, and these cannot be shown
                    self.landing.learn_one(step.landing, number, weight=own * weight)
            if step.kind == "purchase" and (number in before or item in cart):
                continue  # buying what was looked at is no further visit
            window = np.array(before[-rules.window :], np.int32)
            self.covisitation.learn_one(window, number, rows=rows, visitor=visitor, day=day, weight=own)
            self.transitions.learn_one(window[-1:], number, rows=rows, visitor=visitor, day=day, weight=own)
            self.session_bpr.learn_one(step.session, number, own, {"context": before})
            if step.session and self._joins(step, step.session, number):
                self.session_knn.learn_one(step.session, number, rows=rows, owners=owners)
            before.append(number)

    def _joins(self, step: LearningStep, session: str, number: int) -> bool:
        """Say whether a visit belongs to its session: strong ones of what is in it are no further visit.

        Nor do a person's sessions of one day beyond the limit: they would be everybody's nearest.
        """
        if self.session_knn.holds(session, number):
            return step.kind not in STRONG
        return self._nth_today(step, number, JOINED) > 0

    def _buy(
        self, step: LearningStep, key: str, numbers: Sequence[int], unknown: Collection[str], first: Collection[int]
    ) -> None:
        """Learn what goes together and what this person wants; an item counts once per basket."""
        cart = list(dict.fromkeys(self.items.known(item) for item in step.cart))
        new = [number for number in dict.fromkeys(numbers) if number not in cart]
        visitor, day = hash63(step.visitor_id), self.clock_ms // DAY_MS
        self.complements.learn_one(np.array(cart, np.int32), new, rows=self.items.rows, visitor=visitor, day=day)
        if step.leaves:
            leaf = dict(zip(numbers, step.leaves, strict=False))
            told = [(number, leaf.get(number, "")) for number in new]
            self.leaf_pairs.learn_one(step.cart_leaves, told, visitor=visitor, day=day)
            self.repurchase.learn_one(step.leaves, step.gap_days)
        mine = [number for number in new if number in first]
        if step.session:
            self.basket_knn.add(step.session, mine, opens=not cart, rows=self.items.rows, owners=_owners(step))
        for item in (self.items.names[number] for number in mine):
            if item not in unknown:
                self.factors.learn_one(key, item)

    def _make_room(self) -> None:
        gone = self.items.make_room(MOST_NAMES)
        if not len(gone):
            return
        self._grow(self.items.rows)
        mask = mask_of(gone, self.items.rows)
        self.counts[: len(mask)][mask] = 0
        for table in self.by_item():
            table.drop(mask)
        # The limits know pairs by numbers, which now may mean others.
        for table in (self.covisitation, self.transitions, self.complements):
            table.limit.clear()
        self.visit_limit.clear()

    def by_item(self) -> tuple[ByItem, ...]:
        """Give what keeps numbers of items."""
        return (
            self.covisitation, self.transitions, self.session_knn, self.session_bpr, self.trending, self.landing,
            self.history, self.complements, self.leaf_pairs, self.basket_knn,
        )  # fmt: skip

    def _grow(self, rows: int) -> None:
        """Give every item a row wherever items are looked up: no kernel checks, and room alone may decide nothing."""
        for table in (
            self.covisitation, self.transitions, self.session_knn, self.session_bpr, self.trending, self.complements,
            self.basket_knn,
        ):  # fmt: skip
            table.grow(rows)
        if rows > len(self.counts):
            bigger = np.zeros(max(rows, 2 * len(self.counts)), np.int32)
            bigger[: len(self.counts)] = self.counts
            self.counts = bigger

    def candidates(
        self, query: Query, *, limit: int = 100, category_of: Callable[[str], str | None] | None = None
    ) -> dict[str, Ranked]:
        """Ask every source.

        Args:
            query: the visitor.
            limit: at most this many per source.
            category_of: the leaf category of an item, None or empty where it has none; with it, `together` leaves out
                what replaces rather than goes with the cart, and goes on with complementary categories.

        Returns:
            sources that have something, of those in `SOURCES` that the model has; ids are numbers of `items`. What
            the session holds is the business of `session` and of other people's sessions: its own pairs and history
            have just been learned, and would say again that it was there.
        """
        found: dict[str, Ranked] = {}
        own = self._held(query.items)
        recent = own[: self.rules.window]
        wider = limit + len(own)
        if len(recent):
            found["session"] = Ranked(own, _fading(len(own)))
            found["session_knn"] = Ranked(*self.session_knn.rank(recent, query.session, limit))
            found["covisitation"] = without(Ranked(*self.covisitation.rank(recent, wider)), own, limit)
            found["transitions"] = without(Ranked(*self.transitions.rank(recent[:1], wider)), own, limit)
        history = NONE
        if query.key:
            history = Ranked(*self.history.rank(query.key, wider))
            found["history"] = self._in_season(without(history, own, limit))
            found["factors"] = self._numbered(*self.factors.rank(query.key, limit))
        found["popular"] = self._trending(limit)
        if query.cart:
            found["together"] = self._together(query.cart, limit, category_of)
        if len(recent):
            found["session_bpr"] = without(self._following(recent, found, wider), own, limit)
        found["basket_knn"] = self._baskets(query, history, limit)
        return {source: ranked for source, ranked in found.items() if len(ranked.ids)}

    def _following(self, recent: np.ndarray, found: Mapping[str, Ranked], limit: int) -> Ranked:
        """Rank by session BPR what goes with the session, partners of its best partners, and what the others found.

        Partners of partners are where the vectors know more than counts do, and there are few of them to read. All
        items take too long, and were found to be less often right.
        """
        best = found["covisitation"].ids
        partners = self.covisitation.partners(np.concatenate([best[: self.rules.bpr_hops], recent]))
        items = np.concatenate([found["session_knn"].ids, best, partners, *(ranked.ids for ranked in found.values())])
        return Ranked(*self.session_bpr.best(recent, items, limit, most=self.rules.bpr_scored))

    def names(self, ranked: Ranked) -> list[str]:
        """Name candidates, best first."""
        names = self.items.names
        return [names[number] for number in ranked.ids.tolist()]

    def _numbered(self, items: Sequence[str], scores: np.ndarray) -> Ranked:
        """Number candidates by name, leaving out what was evicted."""
        if not items:
            return NONE
        numbers = np.fromiter(map(self.items.numbers.get, items, itertools.repeat(-1)), np.int32, len(items))
        known = numbers >= 0
        return Ranked(numbers[known], scores[known])

    def _held(self, items: Sequence[tuple[str, float]]) -> np.ndarray:
        """Return the distinct items that speak for something, most recent first: int32, shape (n,)."""
        known: dict[int, None] = {}
        for item, weight in reversed(items):
            number = self.items.get(item)
            if weight > 0 and 0 <= number < len(self.counts):
                known[number] = None
        return np.array(list(known), np.int32)

    def _together(self, cart: Sequence[str], limit: int, category_of: Callable[[str], str | None] | None) -> Ranked:
        numbers = self._numbers(cart)
        ids, scores = self.complements.rank(numbers, limit)
        if category_of is not None:
            names = self.items.names
            more = self.leaf_pairs.rank([leaf for item in cart if (leaf := category_of(item))], limit)
            ids, scores = backed_off(Ranked(ids, scores), Ranked(*more), numbers, limit)
            kept = ~substitutes(
                ids, numbers, bought=self.complements.count, viewed=self.covisitation.weight,
                category_of=lambda number: category_of(names[number]),
            )  # fmt: skip
            ids, scores = ids[kept], scores[kept]
        return Ranked(ids, scores)

    def _in_season(self, own: Ranked) -> Ranked:
        """Weigh what a person comes back to by how many want it now: x (1 + recent weight / floor) ** popularity.

        Measured on UCI Online Retail, next baskets of returning customers: P@10 .239 instead of .219.
        """
        if not len(own.ids):
            return own
        now = 1.0 + self.trending.weights_of(own.ids) / self.rules.history_floor
        scores = (own.scores * now**self.rules.history_popularity).astype(np.float32)
        order = np.lexsort((own.ids, -scores))
        return Ranked(own.ids[order], scores[order])

    def _baskets(self, query: Query, history: Ranked, limit: int) -> Ranked:
        """Complete the cart; with an empty one, say what baskets hold that are like what the person comes back to."""
        if query.cart:
            return Ranked(*self.basket_knn.complete(self._numbers(query.cart), query.session, limit))
        if not len(history.ids):
            return NONE
        most = self.rules.basket_query
        return Ranked(*self.basket_knn.next_basket(history.ids[:most], history.scores[:most], limit))

    def _numbers(self, items: Sequence[str]) -> np.ndarray:
        """Number the distinct items that are known, int32, in their order."""
        return np.array([n for item in dict.fromkeys(items) if (n := self.items.get(item)) >= 0], np.int32)

    def _trending(self, limit: int) -> Ranked:
        if self._popular is None or self._popular[:2] != (self._version, limit):
            self._popular = (self._version, limit, Ranked(*self.trending.rank(limit)))
        return self._popular[2]

    def popularity(self, landing: Mapping[str, str], *, limit: int = 100) -> Ranked:
        """Rank by recent popularity within the finest landing contexts that have evidence.

        Args:
            landing: context values, see `models.landing.landing_of`.
            limit: at most this many.

        Returns:
            shares of the context's events, best first; ids are numbers of `items`.
        """
        trending = self.trending
        return self.landing.rank(landing, self._trending(limit).ids, trending.weight, trending.total, limit=limit)

    def count_of(self, item: str) -> int:
        """Count the events learned for an item."""
        number = self.items.get(item)
        return int(self.counts[number]) if 0 <= number < len(self.counts) else 0

    def counts_of(self, numbers: np.ndarray) -> np.ndarray:
        """Count the events learned for many items.

        Args:
            numbers: int, shape (n,), of `items`; -1 for what is not known.

        Returns:
            int32, shape (n,).
        """
        known = (numbers >= 0) & (numbers < len(self.counts))
        return np.where(known, self.counts[np.where(known, numbers, 0)], 0)

    def _parts(self) -> dict[str, Stateful]:
        return {
            "items": self.items,
            "covisitation": self.covisitation,
            "covisitation_limit": self.covisitation.limit,
            "transitions": self.transitions,
            "transitions_limit": self.transitions.limit,
            "session_knn": self.session_knn,
            "session_bpr": self.session_bpr,
            "trending": self.trending,
            "landing": self.landing,
            "history": self.history,
            "factors": self.factors,
            "complements": self.complements,
            "complements_limit": self.complements.limit,
            "bandit": self.bandit,
            "examination": self.examination,
            "leaf_pairs": self.leaf_pairs,
            "repurchase": self.repurchase,
            "basket_knn": self.basket_knn,
            "blend": self.blend,
            "drift": self.drift,
            "visit_limit": self.visit_limit,
            "watermark": self._watermark,
        }

    def state(self) -> State:
        """Return everything that decides predictions, and where the log stands."""
        state: State = {
            "at": np.array([self.offset, self.clock_ms], np.int64),
            "counts": np.trim_zeros(self.counts, "b"),
        }
        for name, piece in self._parts().items():
            state |= prefixed(name, piece.state())
        return state

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned under the same rules; the model must be new."""
        self.offset, self.clock_ms = state["at"].tolist()
        self._grow(len(state["counts"]))
        self.counts[: len(state["counts"])] = state["counts"]
        for name, piece in self._parts().items():
            piece.restore(part(name, state))
        self._grow(self.items.rows)
        self._version += 1

    def digest(self) -> str:
        """Hash everything that decides predictions; equal logs give equal digests in every process."""
        sha = hashlib.sha256()
        for name, array in sorted(self.state().items()):
            sha.update(f"{name} {array.dtype.str} {array.shape} ".encode())
            sha.update(np.ascontiguousarray(array).tobytes())
        return sha.hexdigest()


def _owners(step: LearningStep) -> tuple[int, int]:
    """Hash whom a step's session belongs to: the visitor, and the user or 0."""
    return hash63(step.visitor_id), hash63(step.user_id) if step.user_id else 0
