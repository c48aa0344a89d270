"""`aisle audit`: logs of slates made by hand, read from files and from topics."""

import asyncio
import gzip
import io
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from schemas.errors import RefusedError
from schemas.products import Product
from schemas.record import Record, epoch_ms
from schemas.topics import EMBEDDINGS, EVENTS, PRODUCTS, SLATES, Topics
from streams.audit.figures import Figure
from streams.audit.files import Named, audit_files
from streams.audit.findings import Findings
from streams.audit.report import report
from streams.audit.showing import show
from streams.audit.topics import TopicAudit, Window
from streams.cli.main import main
from streams.settings import Settings
from streams.writer import Row
from tests.audit_log import (
    BUBBLE_SLATES,
    CATALOGUE,
    FAIR_EVENTS,
    FAIR_SLATES,
    HOSTILE,
    NOON,
    SKEWED_EVENTS,
    SKEWED_SLATES,
    event,
    product,
    slate,
    vector_of,
)
from tests.memory_log import MemoryLog


class Silent:
    """Nobody watches."""

    def stage(self, name: str, total: int) -> None:
        """Nobody is told."""

    def reached(self, done: int) -> None:
        """Nobody is told."""


def settings(**limits: Any) -> Settings:
    """Give thresholds for logs as short as these."""
    return Settings(_env_file=None, audit_evidence=4, audit_new_days=1, **limits)


def write(path: Path, records: Sequence[Record | bytes], *, packed: bool = False) -> Path:
    """Write records, one a line."""
    lines = b"".join((one if isinstance(one, bytes) else one.encode()) + b"\n" for one in records)
    path.write_bytes(gzip.compress(lines) if packed else lines)
    return path


def audited(
    folder: Path,
    slates: Sequence[Record | bytes],
    events: Sequence[Record | bytes] | None = None,
    *,
    products: Sequence[Record | bytes] = CATALOGUE,
    placement: str | None = None,
    **limits: Any,
) -> Findings:
    """Audit logs through files."""
    shop = Named(write(folder / "products.jsonl", products), "jsonl")
    done = None if events is None else Named(write(folder / "events.jsonl", events), "jsonl")
    shown = write(folder / "slates.jsonl.gz", slates, packed=True)
    return audit_files(shown, done, shop, settings(**limits), placement=placement, watch=Silent())


def figures(found: Findings) -> dict[str, Figure]:
    """Give the figures by name."""
    return {figure.name: figure for figure in found.figures}


def verdicts(found: Findings) -> dict[str, str]:
    """Give the verdicts by name."""
    return {figure.name: figure.verdict for figure in found.figures}


def test_a_fair_log_crosses_nothing(tmp_path: Path) -> None:
    """Equal exposure of equal demand; only the vectors are not known from files."""
    found = audited(tmp_path, FAIR_SLATES, FAIR_EVENTS)

    assert found.crossed == []
    assert [name for name, verdict in verdicts(found).items() if verdict != "ok"] == ["cold products", "stale vectors"]
    assert figures(found)["cold products"].note == "every product has 5 touches or more"
    assert "not known from files" in figures(found)["stale vectors"].note
    assert figures(found)["amplification"].value == 1.0
    assert figures(found)["coverage"].value == 1.0
    assert {row.group: round(row.shown, 9) for row in found.exposure["category"]} == {
        f"Home > {kind}": 0.25 for kind in (HOSTILE, "kind 1", "kind 2", "kind 3")
    }


def test_shares_are_those_one_counts_by_hand(tmp_path: Path) -> None:
    """Two slates of two places; rank 1 is looked at fully, rank 2 at 1 / log2(3); reserves are not shown."""
    slates = [slate(0, ["p0", "p5"]), slate(10, ["p0", "p10"])]
    events = [event(1, "p5"), event(2, "p5", name="add_to_cart"), event(3, "p10", name="purchase"), event(11, "p0")]
    found = audited(tmp_path, slates, events)

    rows = {row.group: row for row in found.exposure["category"]}
    second = 1 / np.log2(3)
    mine, first, next_ = rows[f"Home > {HOSTILE}"], rows["Home > kind 1"], rows["Home > kind 2"]
    assert (mine.catalogue, mine.shown, mine.demand) == (0.25, 0.5, 0.0)
    assert mine.examined == pytest.approx(2 / (2 + 2 * second))
    assert (first.clicks, first.carts, first.purchases, first.demand) == (1.0, 1.0, 0.0, pytest.approx(2 / 3))
    assert (next_.clicks, next_.purchases, next_.examined) == (0.0, 1.0, pytest.approx(second / (2 + 2 * second)))
    assert found.counts["events of another time"] == 1
    assert found.counts["shown"] == 4


def test_showing_the_same_few_to_everybody_crosses_what_it_should(tmp_path: Path) -> None:
    """More skewed than what people want, and more so from hour to hour."""
    found = audited(tmp_path, SKEWED_SLATES, SKEWED_EVENTS)

    assert found.crossed == ["amplification", "top decile", "rise of Gini"]
    assert figures(found)["top decile"].note.endswith("17.5% of demand")
    assert figures(found)["rise of Gini"].value == pytest.approx(0.8, abs=0.1)


def test_a_group_that_is_wanted_and_not_shown_is_named(tmp_path: Path) -> None:
    """Four of five touches, a quarter of the exposure: its category, brand and price band."""
    events = [event(n // 4, f"p{5 + n % 5 if n % 5 else n % 20}") for n in range(480)]
    found = audited(tmp_path, FAIR_SLATES, events)

    assert found.crossed == ["least exposed group"]
    assert [(one.grouping, one.group) for one in found.under_exposed] == [
        ("brand", "kind 1 & Sons"),
        ("category", "Home > kind 1"),
        ("price band", "14.75 to 19.50"),
    ]
    assert all(0.25 < one.held.ratio < 0.5 for one in found.under_exposed)


def test_a_visitor_who_sees_one_category_is_in_a_bubble(tmp_path: Path) -> None:
    """Whatever the slates are worth otherwise."""
    found = audited(tmp_path, BUBBLE_SLATES, FAIR_EVENTS)

    assert found.crossed == ["filter bubble"]
    assert figures(found)["filter bubble"].value == 1.0
    assert "what they do themselves" in figures(found)["filter bubble"].note


def test_slates_that_narrow_are_said_to(tmp_path: Path) -> None:
    """First four categories, later one."""
    wide, narrow = [f"p{n}" for n in (0, 5, 10, 15)], ["p0", "p1", "p2", "p3"]
    slates = [slate(n, wide if n < 16 else narrow) for n in range(32)]

    assert "narrowing" in audited(tmp_path, slates, FAIR_EVENTS).crossed


def test_products_nobody_knows_yet_must_be_shown_too(tmp_path: Path) -> None:
    """p15 to p19 have no touches, and no place."""
    events = [event(n // 4, f"p{n % 15}") for n in range(480)]
    slates = [slate(n, [f"p{(n + k) % 15}" for k in range(0, 15, 5)]) for n in range(120)]
    found = audited(tmp_path, slates, events, audit_coverage=0.8)

    assert found.crossed == ["cold products", "coverage"]
    assert figures(found)["cold products"].value == 0.0
    assert figures(found)["coverage"].value == 0.75


def test_slates_of_another_shop_are_found_out(tmp_path: Path) -> None:
    """Of unknown products alone nothing else can be told."""
    found = audited(tmp_path, [slate(n, ["x", "y"]) for n in range(8)], FAIR_EVENTS)

    assert found.crossed == ["unknown products"]
    assert set(verdicts(found).values()) == {"crossed", "not judged"}
    assert figures(found)["unknown products"].value == 1.0


def test_without_events_demand_is_not_known_and_the_rest_is(tmp_path: Path) -> None:
    """It is said, not zero."""
    found = audited(tmp_path, FAIR_SLATES)

    not_judged = [name for name, verdict in verdicts(found).items() if verdict == "not judged"]
    assert not_judged == ["amplification", "top decile", "least exposed group", "cold products", "stale vectors"]
    assert "0 clicks, carts and purchases" in figures(found)["amplification"].note
    assert found.plain()["exposure"]["brand"][0]["demand"] is None


def test_one_product_and_one_visitor_are_no_error(tmp_path: Path) -> None:
    """Nothing to compare it with; the report is written all the same."""
    found = audited(
        tmp_path, [slate(n, ["p0"], visitor="v") for n in range(9)], [event(3, "p0")], products=CATALOGUE[:1]
    )

    assert found.crossed == []
    assert verdicts(found)["filter bubble"] == "not judged"
    assert "Not known: fewer than two visitors" in report(found)
    json.dumps(found.plain(), allow_nan=False)


def test_too_little_is_not_judged(tmp_path: Path) -> None:
    """Thresholds are for logs, not for a handful of slates."""
    found = audited(tmp_path, FAIR_SLATES[:3], FAIR_EVENTS)

    assert {verdicts(found)[name] for name in ("amplification", "coverage", "rise of Gini")} == {"not judged"}
    assert figures(found)["coverage"].note == "3 slates, at least 4 are needed"


def test_what_cannot_be_read_is_counted_and_said(tmp_path: Path) -> None:
    """Lines of other things, of other versions, blank ones, and later revisions of a slate."""
    odd = [b"not json", b'{"visitor_id": 1}', b"", b'{"schema_version": "9.0"}', slate(1, ["p0"], revision=1)]
    found = audited(tmp_path, [*odd, *FAIR_SLATES], [b"{", *FAIR_EVENTS], products=[b"[]", *CATALOGUE])

    assert found.read.unreadable == {
        "catalogue": {"schema": 1},
        "slates": {"not_json": 1, "schema": 1, "unknown_version": 1},
        "events": {"not_json": 1},
    }
    said = printed(found)
    assert "Not readable in slates: not_json (1), schema (1), unknown_version (1)." in said
    assert "Left out: 1 revisions." in said


def test_what_nobody_in_particular_was_shown_is_left_out(tmp_path: Path) -> None:
    """Contextual slates and the events that ask for them change no figure."""
    fair = audited(tmp_path, FAIR_SLATES, FAIR_EVENTS)
    asked = [event(n, "p0", visitor="~0af3") for n in range(50)]
    shown = [slate(n, ["p0", "p1"], visitor="~0af3") for n in range(50)]
    found = audited(tmp_path, [*FAIR_SLATES, *shown], [*FAIR_EVENTS, *asked])
    assert found.figures == fair.figures
    assert found.counts == fair.counts | {"contextual slates": 50}


def test_a_placement_is_audited_alone(tmp_path: Path) -> None:
    """With its own size: a home slate shows 20 places of 40."""
    home = [slate(n, [f"p{k}" for k in range(20)], placement="home") for n in range(8)]
    found = audited(tmp_path, [*FAIR_SLATES, *home], FAIR_EVENTS, placement="home")

    assert (found.counts["slates"], found.counts["shown"]) == (8, 160)
    with pytest.raises(RefusedError, match=r"no slate of that placement: there are shelf \(120\), home \(8\)\."):
        audited(tmp_path, [*FAIR_SLATES, *home], placement="cart")


def test_variants_are_one_item_and_hidden_products_no_part_of_the_shop(tmp_path: Path) -> None:
    """Only one variant is ever shown, and nobody can be shown what is hidden."""
    red, blue = (product(0).model_copy(update={"product_id": name, "group_id": "g"}) for name in ("red", "blue"))
    hidden = product(1).model_copy(update={"hidden": True})
    found = audited(tmp_path, [slate(n, ["red"]) for n in range(8)], products=[red, blue, hidden])

    assert (found.counts["products"], found.counts["items"]) == (3, 1)
    assert figures(found)["coverage"].value == 1.0


def test_new_products_are_those_on_sale_for_less_than_a_while(tmp_path: Path) -> None:
    """By the time of the last slate; one without a time is neither new nor older."""
    since = [NOON - timedelta(hours=1), NOON - timedelta(days=9), None]
    products = [product(n).model_copy(update={"available_from": at}) for n, at in enumerate(since)]
    found = audited(tmp_path, [slate(n, ["p0", "p1", "p2"]) for n in range(8)], products=products)

    assert [(row.group, round(row.catalogue, 3)) for row in found.exposure["age"]] == [
        ("new", 0.333),
        ("older", 0.333),
        ("(not known)", 0.333),
    ]


def test_price_bands_are_quartiles_of_the_catalogue(tmp_path: Path) -> None:
    """Five of twenty products each, and one without a price."""
    found = audited(tmp_path, FAIR_SLATES, products=[*CATALOGUE, Product(product_id="x", title="x")])

    assert found.exposure["price band"][0].group == "up to 14.75"
    assert [round(21 * row.catalogue) for row in found.exposure["price band"]] == [5, 5, 5, 5, 1]


def test_nothing_of_a_record_is_obeyed_by_the_terminal(tmp_path: Path) -> None:
    """Brands and categories are shops' texts."""
    assert "Home > <script>[bold]Kettles[/]</script>" in printed(audited(tmp_path, SKEWED_SLATES, SKEWED_EVENTS))


def test_equal_logs_give_equal_findings(tmp_path: Path) -> None:
    """What is drawn is drawn from the same seed."""
    once, again = (audited(tmp_path, SKEWED_SLATES, SKEWED_EVENTS).plain() for _ in range(2))

    assert json.dumps(once) == json.dumps(again)


def test_topics_say_the_same_and_know_the_vectors(tmp_path: Path) -> None:
    """p0 has the vector of another text, p1 none, p19's product is gone."""
    found = asyncio.run(audit_of(log(), Window()))
    filed = audited(tmp_path, FAIR_SLATES, FAIR_EVENTS, products=CATALOGUE[:19])

    assert {name: one for name, one in figures(found).items() if name != "stale vectors"} == {
        name: one for name, one in figures(filed).items() if name != "stale vectors"
    }
    stale = figures(found)["stale vectors"]
    assert (stale.value, stale.verdict) == (2 / 19, "crossed")
    assert stale.note == "1 missing and 1 older than their text, of 19"


def test_topics_are_read_within_a_window_of_arrival() -> None:
    """Each record arrives when it happens; the catalogue counts whole."""
    hour = Window(epoch_ms(NOON), epoch_ms(NOON + timedelta(hours=1)))
    found = asyncio.run(audit_of(log(), hour))

    assert (found.counts["slates"], found.counts["events"]) == (60, 240)
    with pytest.raises(RefusedError, match="in the time that was asked for, holds no slate that can be read: it is"):
        asyncio.run(audit_of(log(), Window(0, 1)))


class TimedLog(MemoryLog):
    """A log that knows when its records arrived, in each partition in order."""

    async def starts_at(self, topic: Any, ms: int) -> dict[int, int]:
        """Count what arrived before."""
        partitions = await self.ends(topic)
        return {one: sum(record.timestamp_ms < ms for record in self.logs[topic, one]) for one in partitions}


def log() -> TimedLog:
    """Write the fair log to topics, with vectors."""
    found = TimedLog(Topics(partitions=2))
    for n, one in enumerate(CATALOGUE):
        found.append(PRODUCTS, n % 4, Row(one.product_id.encode(), one.encode()), at_ms=0)
        vector = vector_of(one if n else one.model_copy(update={"title": "before"}))
        if n != 1:
            found.append(EMBEDDINGS, 0, Row(one.product_id.encode(), vector.encode()))
    found.append(PRODUCTS, 19 % 4, Row(b"p19", None))
    for n, shown in enumerate(FAIR_SLATES):
        found.append(SLATES, n % 2, Row(b"v", shown.encode()), at_ms=epoch_ms(shown.event_at))
    for n, done in enumerate(FAIR_EVENTS):
        found.append(EVENTS, n % 2, Row(b"v", done.encode()), at_ms=epoch_ms(done.at))
    return found


async def audit_of(topics: TimedLog, window: Window) -> Findings:
    """Audit topics."""
    return await TopicAudit(topics, settings(), window, placement=None, watch=Silent()).run()


def printed(found: Findings) -> str:
    """Give what the terminal shows."""
    console = Console(file=io.StringIO(), width=120)
    show(found, console)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_the_command_prints_writes_a_report_and_exits_by_its_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 for a fair log, 1 for one that crosses a threshold; both are reports, not errors."""
    monkeypatch.setenv("AISLE_AUDIT_EVIDENCE", "4")
    shop = write(tmp_path / "products.jsonl", CATALOGUE)
    shared = ["--catalog", str(shop), "--format-catalog", "jsonl", "--format", "jsonl", "--json"]
    shared += ["--events", str(write(tmp_path / "events", FAIR_EVENTS))]
    page = tmp_path / "narrow.html"
    calls = {
        "fair": ["--slates", str(write(tmp_path / "fair", FAIR_SLATES))],
        "narrow": ["--slates", str(write(tmp_path / "narrow", BUBBLE_SLATES)), "--report", str(page)],
    }
    codes, crossed = [], []
    for call in calls.values():
        with pytest.raises(SystemExit) as ended:
            main(["audit", *call, *shared])
        codes.append(ended.value.code)
        crossed.append(json.loads(capsys.readouterr().out)["crossed"])

    assert codes == [0, 1]
    assert crossed == [[], ["filter bubble"]]
    assert "Crossed: filter bubble." in page.read_text()
    assert "<script" not in page.read_text()
    assert "&lt;script&gt;" in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--slates", "{slates}"], "Slates alone say nothing of products"),
        (["--events", "{events}", "--format", "jsonl"], "go with --slates FILE"),
        (["--slates", "{slates}", "--events", "{events}"], "--events needs --format"),
        (["--slates", "{slates}", "--format", "uci"], "belong to --events FILE"),
        (["--slates", "{slates}", "--events", "{events}", "--format", "jsonl"], "name a catalogue with --catalog"),
        (["--slates", "{slates}", "--events", "{events}", "--format", "xml"], "--format xml is not known"),
        (["--slates", "{slates}", "--from", "2h"], "times of arrival, which files do not have"),
        (["--from", "2026-05-02", "--to", "2026-05-01"], "--to lies before --from"),
        (["--slates", "nowhere", "--catalog", "{shop}", "--format-catalog", "jsonl"], "nowhere cannot be read"),
        (["--slates", "{empty}", "--catalog", "{shop}", "--format-catalog", "jsonl"], "that can be read: it is empty."),
        (
            ["--slates", "{events}", "--catalog", "{shop}", "--format-catalog", "jsonl"],
            r"that can be read: schema (2).",
        ),
        (["--slates", "{slates}", "--catalog", "{empty}", "--format-catalog", "jsonl"], "holds no product"),
        (["--slates", "{slates}", "--catalog", "{shop}", "--report", "{slates}"], "name another file to write"),
        (
            ["--slates", "{slates}", "--catalog", "{shop}", "--format-catalog", "jsonl", "--report", "/no/where"],
            "/no/where cannot be written",
        ),
    ],
)
def test_what_cannot_be_audited_is_refused_with_one_sentence(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what to do; nothing is printed that looks like a result."""
    files = {
        "slates": write(tmp_path / "slates", FAIR_SLATES[:2]),
        "events": write(tmp_path / "events", FAIR_EVENTS[:2]),
        "shop": write(tmp_path / "shop", CATALOGUE),
        "empty": write(tmp_path / "empty", []),
    }
    with pytest.raises(SystemExit) as ended:
        main(["audit", *(one.format(**files) for one in arguments)])

    out, err = capsys.readouterr()
    assert ended.value.code == 1
    assert said in err.splitlines()[-1]
    assert out == ""
