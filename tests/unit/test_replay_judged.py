"""Replay, backfill and new generations with judgements: as they stand now, and nothing is asked for."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from models.blend import JUDGED
from models.wording import word
from schemas.judgements import Judgement, JudgementTable, judgement_key
from schemas.learning import LearningStep
from schemas.products import Product
from schemas.slates import Slate
from schemas.topics import EVENTS, JUDGEMENT_REQUESTS, JUDGEMENTS, LEARNING, SLATES
from streams.bootstrap import judging_rules
from streams.replay.applying import Apply
from streams.replay.backfilling import Backfill
from streams.replay.replaying import Asked, target_topics
from tests.memory_logs import NOON, Shop, Worker


class Nobody:
    """A group without workers."""

    def members(self) -> int:
        """Count them."""
        return 0


class JudgedShop(Shop):
    """A shop with a language model, whose judgements were made the day after its events."""

    def __init__(self) -> None:
        super().__init__(40)
        self.settings = self.settings.model_copy(update={"openai_api_key": "sk-double", "training_per_s": 50})
        assert self.settings.llm_on
        rules, at = judging_rules(self.settings), NOON + timedelta(days=1)
        scores = {}
        for n in range(40):
            worded = word(Product(product_id=f"p{n}", title=f"Lamp {n}", category=("home", "lamps")))
            assert worded is not None
            scores[f"p{n}"] = Judgement(
                score=n % 10, text_hash=worded.text_hash, price_band=worded.price_band, judged_at=at
            )
        table = JudgementTable(
            segment="any", intent="home/any", model=rules.model, prompt_version=rules.prompt_version, scores=scores
        )
        self.logs.put(self.topics[JUDGEMENTS], 0, judgement_key("any", "home/any"), table.encode(), at)

    def replayed(self) -> str:
        """Replay; give where the model's steps are."""
        self.replay(Asked(into="one"))
        return target_topics(self.settings, "one")[LEARNING]

    def applied(self) -> str:
        """Build a new generation of what a worker has worked through."""
        Worker(self).run()
        asyncio.run(Apply("g1", self.site, Nobody(), wait_s=5).build(lambda _: None))
        return replace(self.topics, generation="g1")[LEARNING]

    def filled(self) -> str:
        """Work through the history."""
        events = {place: self.logs.topics.pop(place) for place in list(self.logs.topics) if place[0] == EVENTS}
        asyncio.run(Backfill(self.site, {}).begin())
        self.logs.topics |= events
        asyncio.run(Backfill(self.site, {}).work())
        return self.topics[LEARNING]


@pytest.mark.parametrize("command", [JudgedShop.replayed, JudgedShop.applied, JudgedShop.filled])
def test_what_is_learned_again_is_learned_with_judgements_and_nothing_is_asked_for(
    command: Callable[[JudgedShop], str],
) -> None:
    """Training rows say what the judge thinks of the candidates; whoever waited for a slate is long gone."""
    shop = JudgedShop()
    learned = shop.logs.topics[command(shop), 0]
    rows = [step.row for one in learned if (step := LearningStep.decode(one.value)).row]
    assert sum(bool(row.array()[:, JUDGED].any()) for row in rows) > 10
    assert not [name for name, _ in shop.logs.topics if JUDGEMENT_REQUESTS in name]


def test_replayed_slates_are_decided_with_judgements() -> None:
    """They say so, their lineage names the record, and a second replay is equal to the first."""
    shop = JudgedShop()
    one, two = shop.replay(Asked(into="one")), shop.replay(Asked(into="two"))
    assert one.digest == two.digest
    slates = [Slate.decode(value) for _, _, _, value in shop.read("one", SLATES)]
    assert {slate.lineage.judgements for slate in slates} == {0}
    assert {slate.revision for slate in slates} == {0}
    by = [slate.judged.by for slate in slates if slate.judged]
    assert by.count("coarse") > len(by) / 2
