"""The fold of `judgements`: whatever stands there, every worker knows the same afterwards."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.intent import JudgementKey
from schemas.judgements import JudgementTable, Spending
from schemas.products import Product
from schemas.topics import JUDGEMENTS
from streams import world
from streams.bootstrap import build_world
from streams.flow import LogRecord
from streams.world import World
from tests.judging import NOON, SETTINGS, fitting, table

BOOT = {"kids-boot": Product(product_id="kids-boot", title="Boot", price=9.0)}
KEY = b"any|outdoor/kids"
GOOD = table(BOOT, fitting(BOOT))


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keep why records were skipped."""
    found: list[str] = []
    monkeypatch.setattr(world, "unreadable", lambda topic, why, **_at: found.append(f"{topic}: {why}"))
    return found


def folded(*records: tuple[bytes | None, bytes | None]) -> World:
    """Fold records."""
    made = build_world(SETTINGS)
    fold = next(fold for fold in made.folds if fold.topic == JUDGEMENTS)
    for offset, (key, value) in enumerate(records):
        fold.apply(LogRecord(0, offset, 0, key, value))
    assert made.lineage().judgements == len(records) - 1
    return made


def tables(made: World) -> int:
    """Count the tables."""
    return len(made.knowledge.judgements)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.none() | st.binary(max_size=60) | st.just(KEY), st.none() | st.binary()), min_size=1))
def test_any_bytes_are_skipped(records: list[tuple[bytes | None, bytes | None]]) -> None:
    """Nothing raises, and nothing comes of what is no table."""
    assert tables(folded(*records)) == 0


@pytest.mark.parametrize(
    "value",
    [b"", b"null", b"[]", GOOD.encode()[:-1], GOOD.encode().replace(b'"1.0"', b'"9.0"'),
     GOOD.encode().replace(b'"score":9.0', b'"score":11')],
)  # fmt: skip
def test_what_cannot_be_read_is_counted_and_ends_the_older_table(value: bytes, counted: list[str]) -> None:
    """A compacted log has only the newer record: whoever reads that must know as much as whoever read both."""
    assert tables(folded((KEY, GOOD.encode()), (KEY, value))) == tables(folded((KEY, value))) == 0
    assert len(counted) == 2
    assert counted[0].startswith("judgements: ")


def test_a_table_under_another_key_is_skipped_and_counted(counted: list[str]) -> None:
    """It would be used for visitors it was not made for."""
    assert tables(folded((b"any|lamps", GOOD.encode()), (None, GOOD.encode()))) == 0
    assert counted == ["judgements: the key is not this table's"] * 2


def test_what_the_judge_has_spent_is_its_own_affair(counted: list[str]) -> None:
    """Neither a table nor unreadable, whatever its bytes."""
    spent = Spending(partition=1, usd={5: 0.1})
    assert tables(folded((spent.key(), spent.encode()), (spent.key(), b"rubbish"), (spent.key(), None))) == 0
    assert counted == []


def test_a_tombstone_ends_a_table(counted: list[str]) -> None:
    """And one for nothing is nothing."""
    assert tables(folded((KEY, GOOD.encode()))) == 1
    assert tables(folded((KEY, GOOD.encode()), (KEY, None))) == 0
    assert tables(folded((KEY, None), (None, None))) == 0
    assert counted == []


@pytest.mark.parametrize("change", [{"model": "another"}, {"prompt_version": "judge-0"}, {"scores": {}}])
def test_a_newer_table_of_another_judge_ends_the_older_one(change: dict[str, object]) -> None:
    """For the same reason; and nothing is left of it to be told as news."""
    made = folded((KEY, GOOD.encode()), (KEY, GOOD.model_copy(update=change).encode()))
    assert tables(made) == 0
    assert made.knowledge.judgements.news() == set()


def test_news_are_told_once() -> None:
    """A table that came is news until it was asked for."""
    made = folded((KEY, GOOD.encode()), (KEY, GOOD.encode()))
    assert made.knowledge.judgements.news() == {KEY}
    assert made.knowledge.judgements.news() == set()


def test_the_order_of_products_in_a_table_makes_no_difference() -> None:
    """The mean is the same to the last bit, whichever came first."""
    many = {f"p{n}": Product(product_id=f"p{n}", title=f"Boot {n}", price=9.0) for n in range(40)}
    scores = {name: 10 / (n + 3) for n, name in enumerate(many)}
    found = []
    for order in (list(many), list(reversed(many))):
        made = build_world(SETTINGS)
        for name in order:
            made.knowledge.put_product(many[name])
        one: JudgementTable = table(many, {name: scores[name] for name in order}, at=NOON)
        made.knowledge.judgements.put(KEY, one)
        rows = made.knowledge.facts.rows_of(sorted(many))
        columns = made.knowledge.judgements.columns(JudgementKey("any", "outdoor/kids"), rows, 0)
        found.append([column.tolist() for column in columns])
    assert found[0] == found[1]
    assert found[0][1] == [0.0] * 40
