"""Asking for judgements that a slate lacks: what, how often, and when not at all."""

from datetime import timedelta

import numpy as np
import pytest

from models.catalogue import NO_OFFER
from models.content import Content
from models.context import Context
from models.intent import JudgementKey
from models.judgements import Judged, Judgements, JudgingRules
from models.knowledge import Knowledge
from models.model import Model
from schemas.events import Event
from schemas.judgements import MAX_ASKED, JudgementRequest
from schemas.letter_id import REQUEUED_HEADER, LetterId
from schemas.products import Product
from schemas.slates import Cause
from schemas.topics import EVENTS, JUDGEMENT_REQUESTS
from streams import asking
from streams.asking import AGAIN_MS, Asking, asker_of
from streams.deciding import Occasion
from streams.kafka import partition_of
from tests.judging import NOON, Serving, requests, slates, table

FINE = JudgementKey("new.any.any", "outdoor/kids.low.browsing")
COARSE = JudgementKey("any", "outdoor/kids")
KEYS = {(key.segment, key.intent) for key in (FINE, COARSE)}


def test_three_distinct_visitors_ask_at_once_and_then_one_a_second() -> None:
    """The judge waits for three; a fourth, or one of them again, has to wait."""
    one = Asking()
    assert [one.wants(b"k", visitor, 0) for visitor in "aabbccd"] == [True, False, True, False, True, False, False]
    assert [one.wants(b"k", visitor, AGAIN_MS - 1) for visitor in "ad"] == [False, False]
    assert [one.wants(b"k", visitor, AGAIN_MS) for visitor in "ad"] == [True, False]
    assert one.wants(b"other", "a", AGAIN_MS)


def test_a_clock_that_is_set_back_asks_again() -> None:
    """Or a key would not be asked for until the clock has caught up."""
    one = Asking()
    for visitor in "abc":
        one.wants(b"k", visitor, 3_600_000)
    assert one.wants(b"k", "a", 5)
    assert not one.wants(b"k", "a", 6)


def test_only_the_latest_keys_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked for longest ago is forgotten first: it would only be asked for too early."""
    monkeypatch.setattr(asking, "KEYS", 3)
    one = Asking()
    for key in (b"a", b"b", b"c"):
        assert one.wants(key, "v", 0)
    assert one.wants(b"a", "v", AGAIN_MS)
    assert one.wants(b"d", "v", AGAIN_MS)
    assert [one.wants(key, "v", AGAIN_MS) for key in (b"a", b"c")] == [False, True]
    assert one.wants(b"b", "v", AGAIN_MS + 1), "it had to make room"


def test_nobody_can_be_followed_from_one_key_to_another() -> None:
    """The same visitor is another asker of another key, and the name says nothing of them."""
    assert asker_of("v", FINE) == asker_of("v", FINE)
    assert asker_of("v", FINE) not in {asker_of("v", COARSE), asker_of("w", FINE)}
    assert "v" not in asker_of("v", FINE)


def test_a_slate_that_lacks_judgements_asks_for_both_of_its_keys() -> None:
    """By key, with the slate, until when it waits, and who asks; each in the partition of its key."""
    serving = Serving()
    outputs = serving.look()
    slate, asked = slates(outputs)[0], requests(outputs)
    assert {(one.segment, one.intent) for one in asked} == KEYS
    assert {one.slate_id for one in asked} == {slate.slate_id}
    assert {one.deadline_at for one in asked} == {slate.decided_at + timedelta(milliseconds=800)}
    assert len({one.asker for one in asked}) == 2
    for out in outputs:
        if out.topic == JUDGEMENT_REQUESTS:
            assert out.partition == partition_of(out.key or b"", 4)
            assert b'"v"' not in (out.value or b"")
    assert {one.asker for one in requests(serving.look(visitor="w"))}.isdisjoint({one.asker for one in asked})


def test_a_slate_that_another_key_covers_asks_without_waiting() -> None:
    """Everybody's judgements do for now; the finer ones are asked for without a deadline."""
    serving = Serving()
    serving.judge()
    asked = requests(serving.look())
    assert [(one.segment, one.intent, one.deadline_at) for one in asked] == [(*FINE, None)]


def test_a_slate_that_is_covered_asks_only_for_a_key_of_its_own_that_was_never_judged() -> None:
    """What else its tables lack is not needed: calls follow keys, not traffic."""
    serving = Serving()
    serving.judge(segment=FINE.segment, intent=FINE.intent)
    assert requests(serving.look()) == []
    serving = Serving()
    serving.judge()
    assert [(one.segment, one.intent) for one in requests(serving.look())] == [FINE]


def test_a_finer_key_that_was_judged_is_not_asked_for_again() -> None:
    """Its table covers little, and everybody's has nothing yet: that one is filled up."""
    serving = Serving()
    serving.judge("kids-boots-1", segment=FINE.segment, intent=FINE.intent)
    assert [(one.segment, one.intent) for one in requests(serving.look())] == [COARSE]


def wanted(serving: Serving, case: str) -> list[JudgementRequest]:
    """Let somebody look who is not to be asked for."""
    letter = LetterId(EVENTS, 0, 7, 0).header() if case == "requeued" else b""
    headers = {"import": ("origin", b"import"), "replay": ("origin", b"replay"), "requeued": (REQUEUED_HEADER, letter)}
    event = serving.visits("view_item", "kids-boots-1")
    if case == "consent":
        event = event.model_copy(update={"consent": "none"})
    if case == "late":
        serving.now = event.at + timedelta(seconds=serving.rules.slates.expires_s)
    return requests(serving.feed(event, *([headers[case]] if case in headers else [])))


@pytest.mark.parametrize("case", ["consent", "import", "replay", "requeued", "late"])
def test_nothing_is_asked_for_slates_that_nobody_waits_for(case: str) -> None:
    """Without consent, of history, of what was sent again, or when the slate has expired before it is decided."""
    serving = Serving()
    assert wanted(serving, case) == []
    serving.judge()
    assert serving.revised() == []


@pytest.mark.parametrize("rules", [{"asks": False}, {"judged_placements": frozenset({"product"})}])
def test_nothing_is_asked_with_the_layer_off_or_elsewhere(rules: dict[str, object]) -> None:
    """Without a language model, and for a placement that is not among the judged."""
    serving = Serving(**rules)
    outputs = serving.look()
    home = slates(outputs)[0].slate_id
    assert home not in {one.slate_id for one in requests(outputs)}
    serving.judge()
    assert [one for one in slates(serving.revised()) if one.slate_id == home] == []


class Shelf:
    """Products by the hundred, some restricted, sold out, or judged, as candidates in the order of their ids."""

    def __init__(self) -> None:
        self.knowledge = Knowledge(content=Content(lambda _m, _d: None), model=Model(), judging=JudgingRules())
        self.products = {}
        for n in range(300):
            one = Product(product_id=f"p{n:03}", title=f"Boot {n}", price=9.0, stock=0 if n % 10 == 3 else None,
                          restricted=n % 10 == 5)  # fmt: skip
            self.products[one.product_id] = one
            self.knowledge.put_product(one)
        self.rows = self.knowledge.facts.rows_of(sorted(self.products))

    @property
    def judgements(self) -> Judgements:
        """Give the judgements."""
        return self.knowledge.judgements

    def judge(self, *products: str) -> None:
        """Judge some products for everybody who is here for outdoor gear for kids."""
        made = table(self.products, dict.fromkeys(products, 5.0), model=self.judgements.rules.model)
        self.judgements.put(COARSE.encode(), made)

    def asked(self, judged: Judged) -> list[str]:
        """Give what is asked for."""
        event = Event(event_id="e", name="view_item", visitor_id="v", at=NOON, consent="personalisation")
        cause = Cause(topic="t", partition=0, offset=1, event_id="e")
        out = next(
            Asking().requests(
                Occasion(event, Context("v", at_ms=0, consent=True), cause), judged, self.judgements,
                slate_id="s", now=NOON, deadline_at=NOON,
            )
        )  # fmt: skip
        return list(JudgementRequest.decode(out.value).product_ids)


def test_a_request_lists_the_best_that_can_be_shown_and_read() -> None:
    """At most a hundred, best first, judged or not, without restricted products and what is sold out."""
    shelf = Shelf()
    good = [name for name in sorted(shelf.products) if int(name[1:]) % 10 not in {3, 5}]
    judged = shelf.judgements.look_up((COARSE,), shelf.rows, 0)
    assert shelf.asked(judged) == good[:MAX_ASKED]
    shelf.judge(good[0], good[4])
    judged = shelf.judgements.look_up((COARSE,), shelf.rows, 0)
    assert (judged.hits, judged.used, judged.of) == ((2,), 0, 20)
    assert shelf.asked(judged) == good[:MAX_ASKED]
    backwards = shelf.judgements.look_up((COARSE,), shelf.rows[::-1], 0)
    assert shelf.asked(backwards)[0] == good[-1]
    assert not (shelf.knowledge.facts.offer[judged.best] == NO_OFFER).any()


@pytest.mark.parametrize(("candidates", "judged", "covered"), [(20, 16, True), (20, 15, False), (5, 4, True),
                                                              (5, 3, False), (1, 1, True), (0, 0, False)])  # fmt: skip
def test_sixteen_of_twenty_cover_a_slate_and_as_large_a_share_of_fewer(
    candidates: int, judged: int, *, covered: bool
) -> None:
    """Of five candidates four, of one that one; nothing covers nothing."""
    shelf = Shelf()
    good = [name for name in sorted(shelf.products) if int(name[1:]) % 10 not in {3, 5}]
    rows = shelf.knowledge.facts.rows_of(good[:candidates])
    if judged:
        shelf.judge(*good[:judged])
    found = shelf.judgements.look_up((COARSE,), np.array(rows, np.int32), 0)
    assert (found.of, found.hits) == (candidates, (judged,))
    assert shelf.judgements.covered(found, 0) == covered
    assert shelf.judgements.cover((COARSE,), good[:candidates], 0) == covered
