"""Revision 1 of a slate: the same question answered again, in time, or not at all."""

from datetime import timedelta

import pytest

from models.explore import explored_rank
from schemas.events import EventName
from schemas.slates import Evidence, Slate
from schemas.topics import EVIDENCE, SLATES
from streams import waiting
from streams.deciding import Answers, answered
from streams.flow import Out
from tests.judging import Serving, slates, table


def evidence(outputs: list[Out], slate: Slate) -> Evidence:
    """Find the evidence of a decision."""
    found = [Evidence.decode(out.value) for out in outputs if out.topic == EVIDENCE]
    return next(one for one in found if (one.slate_id, one.decided_at) == (slate.slate_id, slate.decided_at))


def test_a_table_in_time_makes_revision_1_of_the_same_slate() -> None:
    """Same id, cause, shelf, event and place of exploration; decided later, from more judgements; once."""
    serving = Serving()
    outputs = serving.look()
    (first,) = slates(outputs)
    serving.pass_ms(300)
    serving.judge()
    revised = serving.revised()
    (second,) = slates(revised)
    assert (first.revision, second.revision) == (0, 1)
    same = ("slate_id", "cause", "visitor_id", "placement", "anchor", "view_id", "event_at", "expires_at")
    assert [getattr(first, name) for name in same] == [getattr(second, name) for name in same]
    assert second.decided_at - first.decided_at == timedelta(milliseconds=300)
    assert (first.lineage.judgements, second.lineage.judgements) == (-1, 0)
    assert first.judged is not None
    assert second.judged is not None
    assert (first.judged.covered, second.judged.covered, second.judged.by) == (False, True, "coarse")
    assert {one.product_id.split("-")[0] for one in second.items[:6] if one.sources.get("cold_start") is None} == {
        "kids"
    }
    assert [out.partition for out in revised if out.topic == SLATES] == [first.cause.partition]
    assert [out.placement for out in revised] == ["", ""], "a restore must not take it for an answer to the event"
    assert serving.revised() == []
    serving.judge()
    assert serving.revised() == [], "a slate is revised once"


def test_exploration_keeps_its_place() -> None:
    """It follows from the slate's id; the product may be another one."""
    serving = Serving()
    for n in range(60):
        serving.look(visitor=f"o{n % 9}", product=f"adults-boots-{n % 10}")
    (first,) = slates(serving.look(product="kids-boots-2"))
    serving.judge()
    (second,) = [one for one in slates(serving.revised()) if one.slate_id == first.slate_id]
    assert first.explored is not None
    assert second.explored is not None
    assert first.explored.rank == second.explored.rank == explored_rank(first.slate_id, 20)


def test_a_revision_has_evidence_of_its_own() -> None:
    """The visitor as they were just after the event, whatever they did since; told apart by when it was decided."""
    serving = Serving()
    outputs = serving.look()
    (first,) = slates(outputs)
    before = evidence(outputs, first)
    serving.feed(serving.visits("page_ping").model_copy(update={"at": serving.now}))
    serving.pass_ms(100)
    serving.judge()
    revised = serving.revised()
    again = evidence(revised, slates(revised)[0])
    assert again == before.model_copy(update={"decided_at": serving.now})
    assert again.state is not None


def test_the_share_of_evidence_counts_for_revisions_too() -> None:
    """Without evidence of the slate there is none of its revision."""
    serving = Serving(evidence_share=0.0)
    serving.look()
    serving.judge()
    assert [out.topic for out in serving.revised()] == [SLATES]


def test_too_few_judgements_do_not_make_a_revision() -> None:
    """The slate goes on waiting for more, and gets them."""
    serving = Serving()
    (first,) = slates(serving.look())
    some = dict.fromkeys([one.product_id for one in first.items[:8]], 9.0)
    serving.world.knowledge.judgements.put(b"any|outdoor/kids", table(serving.products, some))
    assert serving.revised() == []
    serving.judge()
    assert len(slates(serving.revised())) == 1


@pytest.mark.parametrize(("ms", "revisions"), [(800, 1), (801, 0)])
def test_after_the_deadline_there_is_no_revision(ms: int, revisions: int) -> None:
    """Whoever waited has looked elsewhere by then."""
    serving = Serving()
    serving.look()
    serving.pass_ms(ms)
    serving.judge()
    assert len(slates(serving.revised())) == revisions


def test_the_deadline_counts_for_each_of_many() -> None:
    """Some are decided at a time; one whose turn comes too late is not."""
    serving = Serving()
    at = serving.visits("page_ping").at
    for n in range(6):
        event = serving.visits("view_item", "kids-boots-1", visitor=f"v{n}").model_copy(update={"at": at})
        serving.feed(event)
    serving.judge()
    some = serving.revisions.revise(most=2)
    assert some is not None
    assert len(slates(some)) == 2
    serving.tick = timedelta(milliseconds=390)
    assert len(slates(serving.revisions.revise(most=4) or [])) == 2, "the others' turn came too late"
    assert serving.revised() == []


def test_a_slate_is_in_turn_once_however_many_tables_come() -> None:
    """A judge writes a table after each call, and a portion is four slates."""
    serving = Serving()
    at = serving.visits("page_ping").at
    for n in range(9):
        serving.feed(serving.visits("view_item", "kids-boots-1", visitor=f"v{n}").model_copy(update={"at": at}))
    done = []
    for left in (8, 7, 6):
        serving.judge()
        done += slates(serving.revisions.revise(most=1) or [])
        assert len(vars(serving.revisions)["_ripe"]) == left
    done += slates(serving.revised())
    assert [one.visitor_id for one in done] == [f"v{n}" for n in range(9)]


def test_a_newer_slate_of_the_shelf_ends_the_wait() -> None:
    """Whatever it was decided from: covered, of history, or without anything to judge by."""
    for what in ("again", "import", "covered"):
        serving = Serving()
        (first,) = slates(serving.look())
        if what == "covered":
            serving.judge()
        serving.visits.at -= timedelta(seconds=30)  # the next event happens in the same moment
        newer = serving.look(*([("origin", b"import")] if what == "import" else []), product="kids-boots-2")
        assert len(slates(newer)) == 1
        serving.judge()
        serving.judge(segment="new.any.any", intent="outdoor/kids.low.browsing")
        assert first.slate_id not in {one.slate_id for one in slates(serving.revised())}, what


@pytest.mark.parametrize("what", ["forget", "withdraw", "another user", "forget elsewhere"])
def test_nothing_comes_after_somebody_has_withdrawn(what: str) -> None:
    """Whoever asked to be forgotten, no longer consents, or has given the device to somebody else gets no revision."""
    serving = Serving()
    event = serving.visits("view_item", "kids-boots-1").model_copy(update={"user_id": "u"})
    assert len(slates(serving.feed(event))) == 1
    assert len(slates(serving.look(visitor="w"))) == 1
    serving.now = event.at
    names: dict[str, EventName] = {"withdraw": "page_view", "another user": "identify"}
    then = serving.visits(names.get(what, "forget")).model_copy(
        update={
            "at": event.at + timedelta(milliseconds=1),
            "consent": "none" if what == "withdraw" else "personalisation",
            "user_id": {"another user": "somebody", "forget elsewhere": "u"}.get(what),
            "visitor_id": "phone" if what == "forget elsewhere" else "v",
        }
    )
    serving.feed(then)
    serving.now = event.at + timedelta(milliseconds=2)
    serving.judge()
    revised = serving.revised()
    assert {one.visitor_id for one in slates(revised)} == {"w"}, "others still get theirs"
    assert all(b'"visitor_id":"v"' not in (out.value or b"") for out in revised)


def test_no_revision_comes_after_a_visitor_left_while_it_was_ripe() -> None:
    """Between two portions somebody asks to be forgotten."""
    serving = Serving()
    at = serving.visits("page_ping").at
    for n in range(6):
        serving.feed(serving.visits("view_item", "kids-boots-1", visitor=f"v{n}").model_copy(update={"at": at}))
    serving.judge()
    done = {one.visitor_id for one in slates(serving.revisions.revise(most=4) or [])}
    left = sorted({f"v{n}" for n in range(6)} - done)
    serving.feed(serving.visits("forget", visitor=left[0]).model_copy(update={"at": at}))
    assert [one.visitor_id for one in slates(serving.revised())] == left[1:]


def test_partitions_that_are_gone_take_their_slates_along() -> None:
    """The next owner knows what the visitor did since, we do not."""
    serving = Serving()
    serving.look()
    serving.judge()
    serving.revisions.drop()
    assert serving.revised() == []
    serving.look(product="kids-boots-3")
    assert len(slates(serving.look(visitor="w", product="kids-fleeces-3"))) == 1


def test_a_catalogue_that_changed_meanwhile_is_what_counts() -> None:
    """What was sold out or taken out is not shown, and rows that mean other products by now confuse nothing."""
    serving = Serving()
    (first,) = slates(serving.look())
    gone, sold = "kids-boots-2", "kids-boots-3"
    assert {gone, sold} <= {one.product_id for one in first.items}
    serving.apply("catalog.products", gone.encode(), None)
    stranger = serving.products["lamp-1"].model_copy(update={"product_id": "stranger", "title": "Stranger"})
    serving.put_products([stranger, serving.products[sold].model_copy(update={"stock": 0})])
    assert serving.world.knowledge.facts.row("stranger") > 0
    serving.judge()
    (second,) = slates(serving.revised())
    shown = [one.product_id for one in second.items]
    assert not {gone, sold} & set(shown)
    assert "" not in shown
    assert second.judged is not None
    assert second.judged.of == 20


def test_what_the_index_found_and_is_gone_is_left_out() -> None:
    """It has no row any more, and no row stands for it."""
    serving = Serving()
    found = (("gone", 0.9), ("kids-boots-1", 0.8), ("also gone", 0.7), ("lamp-1", 0.6))
    retrieved = answered(Answers(found, (), (), ()), serving.world.knowledge)
    content = retrieved.found["content"]
    assert [serving.world.knowledge.facts.names[row] for row in content.ids] == ["kids-boots-1", "lamp-1"]
    assert content.scores.tolist() == pytest.approx([0.8, 0.6])


def test_few_wait_and_the_rest_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many visitors come within a deadline, memory is bounded."""
    monkeypatch.setattr(waiting, "MOST", 3)
    serving = Serving()
    at = serving.visits("page_ping").at
    for n in range(9):
        serving.feed(serving.visits("view_item", "kids-boots-1", visitor=f"v{n}").model_copy(update={"at": at}))
    serving.judge()
    assert [one.visitor_id for one in slates(serving.revised())] == ["v6", "v7", "v8"]


def test_nothing_waits_where_nothing_can_be_judged() -> None:
    """A visitor of whom nothing is known has no key, and the slate says so."""
    serving = Serving()
    (first,) = slates(serving.feed(serving.visits("search").model_copy(update={"query": "boots"})))
    assert first.judged is None
    assert vars(serving.revisions)["_waiting"].of_visitor("v") == []
