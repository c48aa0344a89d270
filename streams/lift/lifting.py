"""What judgements add to a log's lists: collect what must be judged, have it judged, compare."""

import time
from contextlib import closing
from datetime import UTC, datetime
from functools import partial

import numpy as np

from models.demand import FEWEST_VISITORS, Demand, Need, Needs, Wish
from models.kernel import hash63
from models.ports import LanguageModel
from models.prompt import VERSION
from schemas.errors import RefusedError
from schemas.record import epoch_ms
from streams.evaluation.running import Trained
from streams.judging.opening import make_caller
from streams.judging.prices import Prices
from streams.judging.questions import worded_of
from streams.judging.tables import TableMaker
from streams.lift.cap import Cap
from streams.lift.estimate import estimate
from streams.lift.heard import Heard
from streams.lift.judging import Judging, JudgingPass
from streams.lift.measuring import measure, name_of
from streams.lift.outcome import Bill, Collected, Lift, Terms
from streams.lift.store import JudgementStore, Kept, Source
from streams.settings import Settings


class Lifting:
    """Finds out what judgements add.

    Args:
        trained: the engine; its plan's `judging` are `rules_of` the settings.
        settings: `openai_*`, `llm_*`, `judgement_ttl_s` and `data_dir` are used.
        terms: of the run.
    """

    def __init__(self, trained: Trained, settings: Settings, terms: Terms) -> None:
        self._trained = trained
        self._settings = settings
        self._terms = terms
        self._knowledge = trained.work.shop.knowledge
        self._word = partial(worded_of, knowledge=self._knowledge)

    def collect(self) -> Collected:
        """Work through the test part for what must be judged, and estimate what is not judged yet; no call is made.

        Raises:
            RefusedError: nothing would be judged.
        """
        needs = self._needs()
        prices = Prices(self._settings.llm_usd_per_million_prompt, self._settings.llm_usd_per_million_completion)
        with closing(self._store()) as store:
            self._put(store, needs)
            left = estimate(needs.keys, self._known, word=self._word, prices=prices)
        self._forget(needs)
        return Collected(needs, left)

    def judge(self, collected: Collected, model: LanguageModel) -> Lift:
        """Have judged what is not, within the terms, and compare the lists without and with judgements.

        Args:
            collected: from `collect`.
            model: who is asked.

        Raises:
            RefusedError: nothing was judged, or nothing will be until an operator changes something.
        """
        needs = collected.needs
        with closing(self._store()) as store:
            before = sum(_cost_of(need, kept) for need, kept in self._kept(store, needs))
            judging, bill = self._judged(store, collected, model)
            answered_by = frozenset[str]().union(*(kept.answered_by for _, kept in self._kept(store, needs)))
            self._put(store, needs)
        measured = measure(self._trained, needs.names, self._terms.tried)
        self._forget(needs)
        ttl_ms = int(self._settings.judgement_ttl_s * 1000)
        bill = bill._replace(usd_before=before)
        return Lift(self._settings.llm_model, answered_by, self._terms, ttl_ms, collected, judging, bill, measured)

    def _judged(self, store: JudgementStore, collected: Collected, model: LanguageModel) -> tuple[Judging, Bill]:
        """Have judged what is not."""
        heard, cap = Heard(model), Cap(self._terms.most_usd)
        caller = make_caller(self._settings, heard)
        assert caller is not None, "there is a model"
        rules = self._knowledge.judgements.rules
        maker = TableMaker(caller, rules, word=self._word, clock=lambda: datetime.now(UTC))
        begun = time.monotonic()
        self._trained.watch.stage("judging", collected.estimate.calls)
        work = JudgingPass(caller, maker, heard, store, cap, at_once=self._settings.llm_concurrency)
        judging = work.run(collected.needs.keys, called=self._trained.watch.reached)
        self._trained.seconds["judging"] = time.monotonic() - begun
        if not any(judging.judged):
            raise RefusedError(_nothing_judged(judging))
        tokens = heard.prompt_tokens, heard.completion_tokens
        return judging, Bill(cap.calls, heard.answers, *tokens, cap.usd, 0.0, maker.faults)

    def _needs(self) -> Needs:
        demand, shop = Demand(self._terms.limit), self._trained.work.shop
        for posed in self._trained.posed("collecting"):
            asked = shop.ask(posed.applied, context=posed.query.context)
            context, judged = asked.context, asked.judged
            at_ms = epoch_ms(posed.applied.event.at)
            wish = Wish(name_of(posed), at_ms, judged.keys, judged.best)
            demand.add(wish, hash63(context.user_id or context.visitor_id))
        needs = demand.needs(self._knowledge.facts.names)
        _check(needs)
        return needs

    def _store(self) -> JudgementStore:
        settings = self._settings
        source = Source(settings.openai_base_url or "", settings.llm_model, VERSION)
        return JudgementStore(settings.data_dir / "judged" / "judgements.db", source)

    def _kept(self, store: JudgementStore, needs: Needs) -> list[tuple[Need, Kept]]:
        return [(need, kept) for need in needs.keys if (kept := store.get(need.key)) is not None]

    def _put(self, store: JudgementStore, needs: Needs) -> None:
        """Bring the tables that are kept into force."""
        for need, kept in self._kept(store, needs):
            self._knowledge.judgements.put(need.key.encode(), kept.table)

    def _forget(self, needs: Needs) -> None:
        for need in needs.keys:
            self._knowledge.judgements.remove(need.key.encode())

    def _known(self, need: Need) -> set[str]:
        rows = np.array([self._knowledge.facts.row(item) for item in need.items], np.int32)
        return {*need.items} - {*self._knowledge.judgements.missing(need.key, rows, at_ms=0)}


def _cost_of(need: Need, kept: Kept) -> float:
    """Give what a need's share of a key's judgements has cost, USD: the others may be another log's."""
    scores = kept.table.scores
    return kept.usd * sum(item in scores for item in need.items) / max(1, len(scores))


def _nothing_judged(judging: Judging) -> str:
    why = ", ".join(f"{reason} for {times:,} keys" for reason, times in judging.given_up.items())
    return (
        f"No product was judged: {why}. Raise --judge-most-usd if it is the cap, and look at OPENAI_BASE_URL, "
        "AISLE_LLM_TIMEOUT_S and the server if it is not."
    )


def _check(needs: Needs) -> None:
    """Refuse to judge nothing."""
    if not needs.asked:
        raise RefusedError("The test part asks nothing of a frozen engine: give a longer one, such as --last 30%.")
    if not needs.keyed:
        raise RefusedError(
            "--judge goes by what visits are about, and none of the test part says it: products need a category, "
            "whose first level is the department (--columns category=COLUMN for --format csv)."
        )
    if not needs.keys:
        raise RefusedError(
            f"No segment with an intent has {FEWEST_VISITORS} visitors in the test part: give a longer one, such as "
            "--last 30%, or a greater --judge-limit."
        )
