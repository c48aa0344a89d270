"""What an audit says of exploration: bars and numbers where there is enough, sentences where there is not."""

import io
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from models.off_policy import Estimate, estimates
from models.pairing import explored_samples
from schemas.events import Event
from schemas.slates import Explored, Slate
from streams.audit.exploration import TITLE
from streams.audit.files import Named, audit_files
from streams.audit.findings import Findings
from streams.audit.report import report
from streams.audit.showing import WIDTH, show
from streams.settings import Settings
from tests.audit_log import CATALOGUE, slate


class Silent:
    """Nobody watches."""

    def stage(self, name: str, total: int) -> None:
        """Nobody is told."""

    def reached(self, done: int) -> None:
        """Nobody is told."""


def explored(n: int) -> Slate:
    """Explore at rank 2: new products on two slates of three, else the long tail."""
    pool, share = ("new", 2 / 3) if n % 3 else ("long_tail", 1 / 3)
    slot = Explored(rank=2, propensity=share / 8, pool=pool, shares={"new": 2 / 3, "long_tail": 1 / 3})
    return slate(n, ["p0", f"p{n % 20}", "p5"], visitor=f"v{n}").model_copy(update={"explored": slot})


def told(shown: Slate, name: str) -> Event:
    """Say that a slate was seen from its top, or that its rank 2 was clicked."""
    clicked = name == "select_item"
    items = [{"product_id": one.product_id} for one in (shown.items[1:2] if clicked else shown.items[:3])]
    where = {"slate_id": shown.slate_id, "placement": shown.placement, **({"rank": 2} if clicked else {})}
    plain: dict[str, Any] = {"visitor_id": shown.visitor_id, "at": shown.event_at, "items": items, "shown": where}
    return Event(event_id=f"{name}{shown.slate_id}", name=name, **plain)


def audited(folder: Path, slates: list[Slate], events: list[Event]) -> Findings:
    """Audit logs through files."""
    named = {"slates": slates, "events": events, "products": CATALOGUE}
    for name, records in named.items():
        (folder / name).write_bytes(b"".join(one.encode() + b"\n" for one in records))
    shop, done = (Named(folder / name, "jsonl") for name in ("products", "events"))
    settings = Settings(_env_file=None)
    return audit_files(folder / "slates", done, shop, settings, placement=None, watch=Silent())


def printed(found: Findings) -> str:
    """Print on a hundred columns."""
    out = io.StringIO()
    show(found, Console(file=out, width=WIDTH))
    return out.getvalue()


@pytest.fixture(scope="module")
def log() -> tuple[list[Slate], list[Event]]:
    """Give 180 slates that were seen: of new products a third is clicked, of the long tail none."""
    slates = [explored(n) for n in range(180)]
    clicks = [told(one, "select_item") for n, one in enumerate(slates) if n % 3 == 1 and n % 2]
    return slates, [*(told(one, "impression") for one in slates), *clicks]


def test_other_policies_are_told_beside_what_was_drawn(log: tuple[list[Slate], list[Event]], tmp_path: Path) -> None:
    """The same numbers as the estimates themselves, in all three places; one pool has too few draws."""
    slates, events = log
    found = audited(tmp_path, slates, events)
    truth = estimates(explored_samples(slates, events))

    assert dict(found.explored) == truth
    always_new = truth["new"]
    assert isinstance(always_new, Estimate)
    assert always_new.rate == pytest.approx(0.25)
    plain = json.loads(json.dumps(found.plain()["exploration"]))
    assert plain["new"]["rate"] == always_new.rate
    assert plain["long_tail"] == {"refused": truth["long_tail"]}
    out = printed(found)
    assert re.search(r"^new +25\.00% +\d+\.\d\d% to \d+\.\d\d% +120 ", out, re.MULTILINE)
    assert "long_tail: 180 explored products that were seen say as much as 60" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= WIDTH
    page = report(found)
    assert "25.00%" in page
    assert "Clicks by exploration policy" in page


def test_too_few_samples_are_one_sentence_and_no_number(log: tuple[list[Slate], list[Event]], tmp_path: Path) -> None:
    """Without impressions nothing explored is known to have been seen."""
    slates, events = log
    found = audited(tmp_path, slates, events[180:])

    assert "refused" in found.plain()["exploration"]["logged"]
    out = printed(found)
    assert out.count("explored products that were seen say") == 1
    assert "%" not in out[out.index(TITLE) :]


def test_clicks_after_the_last_slate_still_pay(log: tuple[list[Slate], list[Event]], tmp_path: Path) -> None:
    """They are no demand of the slates' time, and the answer to them all the same."""
    slates, events = log
    later = [one.model_copy(update={"at": one.at + timedelta(minutes=20)}) for one in events]
    found = audited(tmp_path, slates, later)

    assert found.counts["events of another time"] > 0
    assert found.explored == audited(tmp_path, slates, events).explored


def test_a_grouping_nobody_knows_is_left_out(log: tuple[list[Slate], list[Event]], tmp_path: Path) -> None:
    """A table of one row (not known) says nothing; the line above says that it is missing."""
    out = printed(audited(tmp_path, *log))

    assert "Not known of any product: age." in out
    assert "Exposure by age" not in out
