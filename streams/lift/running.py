"""What layer 3 adds to a log's lists: collect what must be judged, say what that costs, have it judged, compare."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import numpy as np

from models.demand import FEWEST_VISITORS, Demand, Need, Needs, Wish
from models.judgements import JudgingRules
from models.kernel import hash63
from models.ports import LanguageModel
from models.prompt import VERSION
from schemas.errors import RefusedError
from schemas.record import epoch_ms
from streams.evaluation.running import Evaluation, Outcome, Trained
from streams.judging.opening import make_caller, open_language_model
from streams.judging.prices import Prices
from streams.judging.tables import TableMaker
from streams.lift.cap import Cap
from streams.lift.estimate import estimate
from streams.lift.heard import Heard
from streams.lift.judging import Judging, JudgingPass
from streams.lift.measuring import measure, name_of
from streams.lift.outcome import Bill, Collected, Lift, Terms
from streams.lift.readable import Words
from streams.lift.store import JudgementStore, Kept, Source
from streams.lift.told import estimate_lines
from streams.settings import Settings

CENTURY_MS = 100 * 365 * 86_400_000
"""A log is of another time than its judgements: here none is too old."""

NO_MODEL = (
    "--judge needs a language model: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own (a local Ollama "
    "works: http://localhost:11434/v1), and AISLE_LLM_MODEL to the model's name. --judge-estimate needs neither."
)


def rules_of(settings: Settings) -> JudgingRules:
    """Give the rules of judgements in an evaluation: those of serving, but for their age."""
    return JudgingRules(model=settings.llm_model, ttl_ms=CENTURY_MS)


def check_model(settings: Settings) -> None:
    """Refuse to begin where nobody could be asked.

    Raises:
        RefusedError: neither a key nor an endpoint is set.
    """
    if not settings.llm_on:
        raise RefusedError(NO_MODEL)


def tried(
    evaluation: Evaluation,
    settings: Settings,
    terms: Terms,
    say: Callable[[str], object],
    *,
    model: LanguageModel | None = None,
) -> tuple[Lift, Outcome]:
    """Evaluate, and find out what judgements add.

    Args:
        evaluation: with a plan whose `judging` is `rules_of` the settings.
        settings: see `Lifting`.
        terms: of the run.
        say: is told the estimate, before the first call.
        model: who is asked; None for the one of the settings.

    Raises:
        RefusedError: there is nothing to judge, or nobody who does.
    """
    with evaluation.trained() as trained:
        lifting = Lifting(trained, settings, terms)
        collected = lifting.collect()
        for line in estimate_lines(collected, terms.most_usd):
            say(line)
        return lifting.judge(collected, model=model), evaluation.tested(trained)


def estimated(evaluation: Evaluation, settings: Settings, terms: Terms) -> Collected:
    """Say what would have to be judged, and what that would cost; nobody is asked.

    Raises:
        RefusedError: there is nothing to judge.
    """
    with evaluation.trained() as trained:
        return Lifting(trained, settings, terms).collect()


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
        self._words = Words(self._knowledge)

    def collect(self) -> Collected:
        """Work through the test part for what must be judged, and estimate what is not judged yet; no call is made.

        Raises:
            RefusedError: nothing would be judged.
        """
        needs = self._needs()
        prices = Prices(self._settings.llm_usd_per_million_prompt, self._settings.llm_usd_per_million_completion)
        with closing(self._store()) as store:
            self._put(store, needs)
            left = estimate(needs.keys, self._known, word=self._words, prices=prices)
        self._forget(needs)
        return Collected(needs, left)

    def judge(self, collected: Collected, *, model: LanguageModel | None = None) -> Lift:
        """Have judged what is not, within the terms, and compare the lists without and with judgements.

        Args:
            collected: from `collect`.
            model: who is asked; None for the one of the settings.

        Raises:
            RefusedError: there is no language model, or it will not answer until an operator changes something.
        """
        needs = collected.needs
        with closing(self._store()) as store:
            before = sum(kept.usd for kept in self._kept(store, needs))
            judging, bill = self._judged(store, collected, model or open_language_model(self._settings))
            answered_by = frozenset[str]().union(*(kept.answered_by for kept in self._kept(store, needs)))
            self._put(store, needs)
        measured = measure(self._trained, needs.names, self._terms.tried)
        self._forget(needs)
        ttl_ms = int(self._settings.judgement_ttl_s * 1000)
        bill = bill._replace(usd_before=before)
        return Lift(self._settings.llm_model, answered_by, self._terms, ttl_ms, collected, judging, bill, measured)

    def _judged(self, store: JudgementStore, collected: Collected, model: LanguageModel | None) -> tuple[Judging, Bill]:
        """Have judged what is not."""
        if model is None:
            raise RefusedError(NO_MODEL)
        heard, cap = Heard(model), Cap(self._terms.most_usd)
        caller = make_caller(self._settings, heard)
        assert caller is not None, "there is a model"
        rules = self._knowledge.judgements.rules
        maker = TableMaker(caller, rules, word=self._words, clock=lambda: datetime.now(UTC))
        self._trained.watch.stage("judging", collected.estimate.calls)
        work = JudgingPass(caller, maker, heard, store, cap, at_once=self._settings.llm_concurrency)
        judging = work.run(collected.needs.keys, called=self._trained.watch.reached)
        tokens = heard.prompt_tokens, heard.completion_tokens
        return judging, Bill(cap.calls, heard.answers, *tokens, cap.usd, 0.0, maker.faults)

    def _needs(self) -> Needs:
        demand, shop = Demand(), self._trained.work.shop
        for posed in self._trained.posed("collecting"):
            asked = shop.ask(posed.applied, context=posed.query.context)
            context, judged = asked.context, asked.judged
            at_ms = epoch_ms(posed.applied.event.at)
            wish = Wish(name_of(posed), at_ms, judged.keys, judged.best)
            demand.add(wish, hash63(context.user_id or context.visitor_id))
        needs = demand.needs(self._knowledge.facts.names, limit=self._terms.limit)
        _check(needs)
        return needs

    def _store(self) -> JudgementStore:
        settings = self._settings
        source = Source(settings.openai_base_url or "", settings.llm_model, VERSION)
        return JudgementStore(settings.data_dir / "judged" / "judgements.db", source)

    def _kept(self, store: JudgementStore, needs: Needs) -> list[Kept]:
        return [kept for need in needs.keys if (kept := store.get(need.key)) is not None]

    def _put(self, store: JudgementStore, needs: Needs) -> None:
        """Bring the tables that are kept into force."""
        for need in needs.keys:
            kept = store.get(need.key)
            if kept is not None:
                self._knowledge.judgements.put(need.key.encode(), kept.table)

    def _forget(self, needs: Needs) -> None:
        for need in needs.keys:
            self._knowledge.judgements.remove(need.key.encode())

    def _known(self, need: Need) -> set[str]:
        rows = np.array([self._knowledge.facts.row(item) for item in need.items], np.int32)
        return {*need.items} - {*self._knowledge.judgements.missing(need.key, rows, at_ms=0)}


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
