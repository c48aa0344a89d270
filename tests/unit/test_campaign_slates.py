"""Slates that no event asked for: what is on them, and that nobody takes them for answers."""

import asyncio

import pytest

from models.placements import OF_CAMPAIGNS, PLACEMENTS
from schemas.errors import RefusedError
from schemas.slates import Slate, campaign_slate_id
from schemas.topics import PRODUCTS, SLATES
from streams.audit.topics import TopicAudit, Window
from streams.partitions import Restore
from streams.past.finding import Wanted
from streams.settings import Settings
from streams.writer import Row
from tests.audit_log import CATALOGUE, slate
from tests.memory_log import MemoryLog
from tests.memory_logs import Silent
from tests.shelf import Shelf, ids


def for_campaign(n: int) -> Slate:
    """Make the slate of minute `n`, of a campaign."""
    name = campaign_slate_id(campaign="spring", visitor_id=f"v{n % 8}", placement="email")
    shown = slate(n, [f"p{k}" for k in range(8)], placement="email")
    return shown.model_copy(update={"slate_id": name, "anchor": "spring"})


def test_campaigns_have_shelves_that_no_event_asks_for() -> None:
    """Neither explores nor keeps a rank for what is hardly known."""
    assert {(one.name, one.size) for one in OF_CAMPAIGNS} == {("email", 8), ("push", 4)}
    assert not any(one.explores or one.reserves_cold or one.restricted or one.triggers for one in OF_CAMPAIGNS)
    with pytest.raises(RefusedError, match="no placement is called email"):
        Settings(_env_file=None, judged_placements="email")


@pytest.mark.parametrize("placement", [one.name for one in PLACEMENTS if one.anchor == "none"])
def test_what_is_restricted_never_leaves_the_shop(placement: str) -> None:
    """It stands on the front page of who looks at its category, and in no e-mail, whatever variant speaks for it."""
    shop = Shelf(each=4)
    for n in range(12):
        shop.put(f"blade{n}", category=("shop", "blades"), restricted=True)
    shop.put("set-a", category=("shop", "blades"), group_id="set", stock=0, markets={"NL": {"stock": 3}})
    shop.put("set-b", category=("shop", "blades"), group_id="set", restricted=True)
    shop.browse("blade0", "blade1", "blade2", "set-a")
    shown = ids(shop.slate(shop.context("blade0", "blade1"), placement, name="page_view"))
    assert any(name.startswith("blade") for name in shown) == (placement == "home")
    assert ("set-b" in shown) == (placement == "home")


def test_the_same_campaign_gives_the_same_names() -> None:
    """By campaign, visitor and placement."""
    names = {
        campaign_slate_id(campaign=campaign, visitor_id=visitor, placement=placement)
        for campaign in ("a", "b")
        for visitor in ("v", "w")
        for placement in ("email", "push")
    }
    assert len(names) == 8
    assert campaign_slate_id(campaign="a", visitor_id="v", placement="push") in names


def test_a_restore_takes_no_campaign_for_an_answer() -> None:
    """In the output's tail only what answers an event says that the event was answered."""
    restore = Restore(0)
    restore.outputs([Row(None, slate(3, ["p0"]).encode()), Row(None, for_campaign(4).encode())])  # type: ignore[list-item]
    assert restore.finish().emitted == {(3, "shelf")}


def test_a_campaigns_slate_is_not_explained() -> None:
    """No event could say why."""
    with pytest.raises(RefusedError, match="a campaign's slate: it answers no event"):
        Wanted(for_campaign(1).slate_id).partition(8)


def test_an_audit_leaves_campaigns_out_unless_their_placement_is_named() -> None:
    """Nobody may ever open what was mailed; it is counted and said."""
    settings = Settings(_env_file=None, audit_evidence=4)
    logs = MemoryLog(settings.topics)
    for product in CATALOGUE:
        logs.append(PRODUCTS, 0, Row(product.product_id.encode(), product.encode()))
    for n in range(8):
        logs.append(SLATES, 0, Row(b"v", for_campaign(n).encode()))

    def audit(placement: str | None = None) -> dict[str, int]:
        job = TopicAudit(logs, settings, Window(), placement=placement, watch=Silent())  # type: ignore[arg-type]
        return dict(asyncio.run(job.run()).counts)

    assert audit("email")["slates"] == 8
    with pytest.raises(RefusedError, match="only slates of campaigns: name a placement"):
        audit()
    logs.append(SLATES, 0, Row(b"v", slate(9, ["p1", "p2"]).encode()))
    found = audit()
    assert (found["slates"], found["slates of campaigns"], found["shown"]) == (1, 8, 2)
