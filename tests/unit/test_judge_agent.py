"""The judge agent with a language model that says what the test wants, and a log in memory."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta

import numpy as np
import orjson
import pytest
from prometheus_client import REGISTRY

from models.content import Content
from models.intent import JudgementKey
from models.judgements import JudgingRules
from models.knowledge import Knowledge
from models.model import Model
from models.ports import Answer, Prompt
from models.prompt import VERSION
from schemas.errors import CallFailedError, DecodeError, RefusedError
from schemas.judgements import MAX_JUDGED, SPENDING_KEY, Judgement, JudgementRequest, JudgementTable, Spending
from schemas.products import Product
from streams.adapters.numpy_index import NumpyVectorIndex
from streams.asking import REQUEST_PARTITIONS
from streams.flow import LogRecord, Out
from streams.judge import JudgeAgent
from streams.judging.breaker import CircuitBreaker
from streams.judging.caller import Caller
from streams.judging.kept import KeptTables
from streams.judging.keys import MAX_LIVE
from streams.judging.prices import Prices
from streams.judging.queue import REST_S
from streams.judging.wordings import Wordings
from streams.kafka import partition_of
from streams.simulated.judge import judge
from tests.judging import NOON, shop, table

KEY, OTHER = JudgementKey("any", "outdoor/kids"), JudgementKey("loyal.mid.outdoor", "outdoor/kids.low.browsing")
FIRST = JudgementKey("new.any.any", "outdoor/kids.low.browsing")
PRODUCTS = shop()
KIDS = [name for name in PRODUCTS if name.startswith("kids")]
RULES = JudgingRules(model="double")
Story = Coroutine[object, object, None]


class Double:
    """Judge as the simulated judge does, or fail after so many good calls; a gate holds answers back."""

    name = "double"

    def __init__(self) -> None:
        self.prompts: list[str] = []
        self.fails: Exception | None = None
        self.good = 0
        self.says: str | None = None
        self.gate: asyncio.Event | None = None

    async def complete(self, prompt: Prompt, *, timeout_s: float) -> Answer:
        self.prompts.append(prompt.user)
        if self.gate is not None:
            await self.gate.wait()
        if self.fails is not None and len(self.prompts) > self.good:
            raise self.fails
        if self.says is not None:
            return Answer(self.says, 1000, 10, "double")
        scores = [{"n": one.n, "score": round(one.score)} for one in judge(prompt.user)]
        return Answer(json.dumps({"scores": scores}), 1000, 300, "double")

    async def close(self) -> None:
        """Hold nothing."""


class Desk:
    """An agent that owns all partitions, its model, and its log; what it writes comes back to it when told."""

    def __init__(self, log: Sequence[LogRecord] = (), usd_per_hour: float = 1.0) -> None:
        self.s = 0.0
        self.model = Double()
        self.log = list(log)
        self.kept, self.words = KeptTables(), Wordings()
        for product in PRODUCTS.values():
            self.words.put_product(product)
        for record in log:
            self.kept.apply(record)
        breaker, prices = CircuitBreaker(jitter=lambda: 0.0), Prices(0.40, 1.60)
        self.agent = JudgeAgent(
            Caller(self.model, breaker=breaker, prices=prices, clock=lambda: self.s, sleep=self.sleep), RULES,
            word=self.words.word, kept=self.kept, budget_usd_per_hour=usd_per_hour, write=self.write,
            clock=self.now, monotonic=lambda: self.s,
        )  # fmt: skip
        self.agent.own(range(REQUEST_PARTITIONS))

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.s)

    async def sleep(self, seconds: float) -> None:
        self.s += seconds

    async def write(self, outs: Sequence[Out]) -> int:
        await asyncio.sleep(0)
        for out in outs:
            self.append(out.key, out.value)
        return len(self.log)

    def append(self, key: bytes | None, value: bytes | None) -> LogRecord:
        """Write to `judgements`, as anybody may."""
        record = LogRecord(0, len(self.log), int(self.now().timestamp() * 1000), key, value)
        self.log.append(record)
        return record

    def ask(
        self, key: JudgementKey, items: Sequence[str] = KIDS, *, askers: int = 3, waits_s: float | None = 0.8,
        late_s: float = 0.0, ahead_s: float = 0.0, partition: int | None = None,
    ) -> None:  # fmt: skip
        """Let visitors ask."""
        name = key.encode()
        place = partition_of(name, REQUEST_PARTITIONS) if partition is None else partition
        theirs = self.now() + timedelta(seconds=ahead_s)
        deadline_at = None if waits_s is None else theirs + timedelta(seconds=waits_s)
        for n in range(askers):
            request = JudgementRequest(
                segment=key.segment, intent=key.intent, product_ids=tuple(items), asker=f"v{n}", at=theirs,
                deadline_at=deadline_at,
            )  # fmt: skip
            at_ms = int((self.now().timestamp() - late_s) * 1000)
            self.agent.handle([LogRecord(place, 0, at_ms, name, request.encode())])

    async def settle(self) -> None:
        """Let everything run that can."""
        for _ in range(200):
            await asyncio.sleep(0)

    def tables(self, key: JudgementKey = KEY) -> list[JudgementTable | None]:
        """Give what was written of a key, in order."""
        found = [record.value for record in self.log if record.key == key.encode()]
        return [None if data is None else JudgementTable.decode(data) for data in found]

    def spent(self) -> float:
        """Give what the log says was spent."""
        last = {one.key: Spending.decode(one.value) for one in self.log if (one.key or b"").startswith(SPENDING_KEY)}
        return sum(sum(one.usd.values()) for one in last.values())


def told(desk: Desk, story: Callable[[], Story], tasks: int = 1) -> None:
    """Run a story beside an agent at work."""

    async def run() -> None:
        works = [asyncio.create_task(desk.agent.work()) for _ in range(tasks)]
        try:
            async with asyncio.timeout(20):
                await story()
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)

    asyncio.run(run())


def counted(name: str, **labels: str) -> float:
    """Read a counter."""
    return REGISTRY.get_sample_value(f"aisle_{name}_total", labels) or 0.0


def test_a_key_is_judged_chunk_by_chunk_once_three_visitors_asked_for_it() -> None:
    """Each table holds the one before; the money was reserved before each call and settled after it."""
    desk = Desk()

    async def story() -> None:
        desk.ask(KEY, askers=2)
        await desk.settle()
        assert desk.log == []
        desk.ask(KEY)
        await desk.settle()

    told(desk, story)
    tables = desk.tables()
    assert [len(table.scores) for table in tables if table] == [30, 40]
    last = tables[-1]
    assert last is not None
    assert min(one.score for one in last.scores.values()) > 7
    first, second = [SPENDING_KEY + b"%d" % partition for partition in (partition_of(KEY.encode(), 4), 0)]
    assert [one.key for one in desk.log] == [first, first, KEY.encode(), second, second, KEY.encode()]
    assert desk.spent() == pytest.approx(2 * (1000 * 0.4 + 300 * 1.6) / 1e6)


def test_a_restarted_judge_needs_no_askers_and_asks_for_nothing_it_knows() -> None:
    """A table is enough; the money that was spent is spent."""
    first = Desk()

    async def ask() -> None:
        first.ask(KEY, KIDS[:20])
        await first.settle()

    told(first, ask)
    again = Desk(first.log)

    async def ask_more() -> None:
        again.ask(KEY, KIDS[:20], askers=1)
        await again.settle()
        assert again.model.prompts == []
        again.ask(KEY, KIDS[:25], askers=1)
        await again.settle()

    told(again, ask_more)
    assert [len(table.scores) for table in again.tables() if table] == [20, 25]
    assert again.spent() > first.spent()


def test_what_is_not_urgent_lets_a_slate_that_waits_go_first() -> None:
    """After its first chunk, which is what decides whether the slate is covered."""
    desk = Desk()

    async def story() -> None:
        desk.model.gate = asyncio.Event()
        desk.ask(FIRST)
        await desk.settle()
        desk.ask(OTHER)
        desk.model.gate.set()
        await desk.settle()

    told(desk, story)
    keys = [record.key for record in desk.log if not (record.key or b"").startswith(SPENDING_KEY)]
    assert keys == [FIRST.encode(), OTHER.encode(), OTHER.encode(), FIRST.encode()]
    assert len([table for table in desk.tables(FIRST) if table][-1].scores) == len(KIDS)


def test_what_nobody_waits_for_is_written_once() -> None:
    """Two calls, one table: each write is the whole of it, which every worker reads."""
    desk = Desk()

    async def story() -> None:
        desk.ask(KEY, waits_s=None)
        await desk.settle()

    told(desk, story)
    assert len(desk.model.prompts) == 2
    assert [len(made.scores) for made in desk.tables() if made] == [len(KIDS)]


def test_what_was_paid_for_is_written_although_the_next_call_fails() -> None:
    """The first thirty are judged; the server goes away before the rest."""
    desk = Desk()

    async def story() -> None:
        desk.model.good, desk.model.fails = 1, CallFailedError("malformed", "nonsense", paid=(1000, 10))
        desk.ask(KEY, waits_s=None)
        await desk.settle()

    told(desk, story)
    assert [len(made.scores) for made in desk.tables() if made] == [30]


def test_everybodys_key_is_judged_before_one_of_few() -> None:
    """It covers most slates: its table is filled first, whoever waits for the other."""
    desk = Desk()

    async def story() -> None:
        desk.model.gate = asyncio.Event()
        desk.ask(KEY)
        await desk.settle()
        desk.ask(OTHER)
        desk.model.gate.set()
        await desk.settle()

    told(desk, story)
    keys = [record.key for record in desk.log if not (record.key or b"").startswith(SPENDING_KEY)]
    assert keys == [KEY.encode(), KEY.encode(), OTHER.encode(), OTHER.encode()]


def test_what_has_no_answer_is_asked_once_in_five_seconds_whatever_the_traffic() -> None:
    """Failures are counted; a call that was not made does not count as one."""
    desk = Desk()
    failed = counted("judge_turns", outcome="failed")

    async def story() -> None:
        desk.model.fails = CallFailedError("connection", "cut", paid=(0, 0))
        for _ in range(50):
            desk.ask(KEY, KIDS[:20], askers=3)
            await desk.settle()
            desk.s += 0.2
        assert len(desk.model.prompts) == 2
        desk.model.fails = None
        desk.s += 1
        desk.ask(KEY, KIDS[:20])
        await desk.settle()

    told(desk, story)
    assert len(desk.model.prompts) == 3
    assert len(desk.tables()) == 1
    assert counted("judge_turns", outcome="failed") == failed + 2


@pytest.mark.parametrize("answer", ["no scores", CallFailedError("refusal", "declined", paid=(1000, 10))])
def test_a_key_whose_answer_says_nothing_rests_and_others_go_on(answer: str | Exception) -> None:
    """The same question has the same answer, and would be paid for every five seconds."""
    desk = Desk()

    async def story() -> None:
        if isinstance(answer, Exception):
            desk.model.fails = answer
        else:
            desk.model.says = answer
        for _ in range(40):
            desk.ask(KEY, KIDS[:20])
            await desk.settle()
            desk.s += 7
        assert len(desk.model.prompts) == 1
        desk.model.fails = desk.model.says = None
        desk.ask(OTHER, KIDS[:20])
        await desk.settle()
        assert desk.tables(OTHER)
        desk.s += REST_S
        desk.ask(KEY, KIDS[:20])
        await desk.settle()

    told(desk, story)
    assert desk.tables()


def test_a_key_of_which_all_is_judged_does_not_rest() -> None:
    """A product that is new a moment later is judged at once."""
    desk = Desk()

    async def story() -> None:
        desk.ask(KEY, KIDS[:20])
        await desk.settle()
        desk.s += 6
        desk.ask(KEY, KIDS[:20])
        await desk.settle()
        desk.s += 6
        desk.ask(KEY, KIDS[:25])
        await desk.settle()

    told(desk, story)
    assert [len(table.scores) for table in desk.tables() if table] == [20, 25]


def test_turns_without_a_call_let_others_go_first() -> None:
    """A full queue and a spent budget: the group would take a worker for dead that is busy with nothing."""
    desk = Desk(usd_per_hour=0.0)

    async def story() -> None:
        for n in range(20):
            desk.ask(JudgementKey("any", f"outdoor/{n}"))
        for left in (19, 18, 17):
            await asyncio.sleep(0)
            assert len(desk.agent.queue) == left

    told(desk, story)


@pytest.mark.parametrize("ahead_s", [-3600.0, 3600.0, 1e9])
def test_a_clock_of_who_asks_that_is_wrong_holds_nothing_up(ahead_s: float) -> None:
    """A server that wants to be left alone for an hour is not waited for by one key all that time."""
    desk = Desk()

    async def story() -> None:
        desk.model.fails = CallFailedError("rate_limited", "429", again=True, after_s=600.0, paid=(0, 0))
        desk.ask(KEY, KIDS[:20], ahead_s=ahead_s)
        await desk.settle()

    told(desk, story)
    assert len(desk.model.prompts) == 1
    assert desk.s < 1


@pytest.mark.parametrize(("waits_s", "outcome"), [(0.8, "in_time"), (-0.1, "late"), (None, "unwaited")])
def test_it_is_told_whether_a_slate_was_still_waiting(waits_s: float | None, outcome: str) -> None:
    """By the wall clock of the request."""
    desk = Desk()
    before = counted("judge_turns", outcome=outcome)

    async def story() -> None:
        desk.ask(KEY, KIDS[:20], waits_s=waits_s)
        await desk.settle()

    told(desk, story)
    assert counted("judge_turns", outcome=outcome) == before + 1


def test_a_backlog_and_what_is_not_a_request_are_left(caplog: pytest.LogCaptureFixture) -> None:
    """An outage's requests are over; a request in another partition would have two judges."""
    desk = Desk()
    old, unreadable = counted("judge_shed", why="old"), counted("unreadable", topic="judgements.requests")

    async def story() -> None:
        desk.ask(KEY, late_s=61)
        desk.ask(KEY, partition=(partition_of(KEY.encode(), 4) + 1) % 4)
        desk.agent.handle([LogRecord(0, 0, 0, KEY.encode(), data) for data in (b"rubbish", None)])
        await desk.settle()

    told(desk, story)
    assert desk.log == []
    assert counted("judge_shed", why="old") == old + 3
    assert counted("unreadable", topic="judgements.requests") == unreadable + 5


@pytest.mark.parametrize("segment", [SPENDING_KEY.decode() + "0", "any|outdoor", "any\x7f"])
def test_no_segment_passes_for_a_key_of_our_own(segment: str) -> None:
    """What was spent cannot be written over by a request, nor one key's table by another's."""
    data = orjson.dumps(
        {"segment": segment, "intent": "outdoor", "product_ids": KIDS, "at": "2026-05-01T12:00:00Z", "asker": "v"}
    )
    with pytest.raises(DecodeError, match="segment"):
        JudgementRequest.decode(data)


def test_a_server_that_wants_an_operator_is_asked_once_a_minute() -> None:
    """It says what to change as long as that is so."""
    desk = Desk()

    async def story() -> None:
        desk.model.fails = RefusedError("set OPENAI_API_KEY")
        for _ in range(30):
            desk.ask(KEY)
            desk.ask(OTHER)
            await desk.settle()
            desk.s += 1.9
        assert len(desk.model.prompts) == 1
        assert desk.agent.refusal == "set OPENAI_API_KEY"
        desk.s += 60
        desk.model.fails = None
        desk.ask(KEY)
        await desk.settle()

    told(desk, story)
    assert desk.tables()
    assert desk.agent.refusal == ""


def test_a_spent_budget_stops_calls_and_a_restart_does_not_begin_anew() -> None:
    """What a killed worker had reserved is spent."""
    killed = Desk(usd_per_hour=0.004)

    async def die() -> None:
        killed.model.gate = asyncio.Event()
        killed.ask(KEY)
        await killed.settle()

    told(killed, die)
    assert len(killed.model.prompts) == 1
    again = Desk(killed.log[:1], usd_per_hour=0.004)
    assert 0.002 < again.spent() <= 0.004
    budget = counted("llm_calls", outcome="budget")

    async def ask() -> None:
        again.ask(OTHER)
        await again.settle()

    told(again, ask)
    assert again.model.prompts == []
    assert counted("llm_calls", outcome="budget") == budget + 1


def test_an_answer_for_a_partition_that_has_gone_is_dropped() -> None:
    """Neither table nor spending is written once the agent has left."""
    desk = Desk()

    async def story() -> None:
        desk.model.gate = asyncio.Event()
        desk.ask(KEY)
        await desk.settle()
        await desk.agent.leave()
        written = len(desk.log)
        desk.model.gate.set()
        await desk.settle()
        assert len(desk.log) == written
        desk.agent.own({(partition_of(KEY.encode(), 4) + 1) % 4})
        desk.ask(KEY)
        await desk.settle()
        assert len(desk.log) == written

    told(desk, story)


def test_a_table_that_somebody_else_wrote_meanwhile_stays() -> None:
    """The next turn builds on it."""
    desk = Desk()
    theirs = table(PRODUCTS, dict.fromkeys(KIDS[:5], 4.0), at=NOON)

    async def story() -> None:
        desk.model.gate = asyncio.Event()
        desk.ask(KEY, KIDS[:20])
        await desk.settle()
        desk.kept.apply(desk.append(KEY.encode(), theirs.encode()))
        desk.model.gate.set()
        await desk.settle()
        assert desk.tables() == [theirs]
        desk.s += 6
        desk.ask(KEY, KIDS[:20])
        await desk.settle()

    told(desk, story)
    last = desk.tables()[-1]
    assert last is not None
    assert [last.scores[item].score for item in KIDS[:5]] == [4.0] * 5
    assert len(last.scores) == 20


def test_what_was_written_is_known_before_and_after_the_log_comes_round() -> None:
    """An older record of the same key does not take a newer one back, nor a tombstone."""
    kept = KeptTables()
    records = [LogRecord(0, n, 0, KEY.encode(), data) for n, data in enumerate((b"a", b"b", None))]
    for record in records[:2]:
        kept.wrote(KEY.encode(), record.value, record.offset, 0)
    kept.apply(records[0])
    assert kept.offset(KEY.encode()) == 1
    kept.wrote(KEY.encode(), None, 2, 0)
    for record in records[1:]:
        kept.apply(record)
        assert not kept.has(KEY.encode())
    kept.apply(LogRecord(0, 3, 0, KEY.encode(), b"c"))
    kept.wrote(KEY.encode(), b"b", 1, 0)
    assert kept.offset(KEY.encode()) == 3


def test_spending_counts_under_its_own_key_alone() -> None:
    """A record that names another partition would empty, or fill, a purse that is not its own."""
    kept, spent = KeptTables(), Spending(partition=1, usd={7: 0.5})
    kept.apply(LogRecord(0, 0, 0, spent.key(), spent.encode()))
    for offset, key in enumerate((SPENDING_KEY + b"0", SPENDING_KEY, SPENDING_KEY + b"01"), start=1):
        kept.apply(LogRecord(0, offset, 0, key, Spending(partition=1, usd={}).encode()))

    assert kept.spending == {1: spent}


def full_partition(desk: Desk) -> list[bytes]:
    """Fill the partition of OTHER with tables."""
    place, names = partition_of(OTHER.encode(), REQUEST_PARTITIONS), []
    n = 0
    while len(names) < MAX_LIVE:
        name = b"new.any.any|i%d" % (n := n + 1)
        if partition_of(name, REQUEST_PARTITIONS) == place:
            names.append(name)
            desk.kept.apply(desk.append(name, b"{}"))
    return names


def test_a_new_key_takes_the_place_of_the_rarest() -> None:
    """With its first table, in one write."""
    desk = Desk()
    names = full_partition(desk)

    async def story() -> None:
        desk.ask(OTHER, KIDS[:20])
        await desk.settle()

    told(desk, story)
    assert [(record.key, record.value is None) for record in desk.log[-2:]] == [
        (OTHER.encode(), False), (names[0], True),
    ]  # fmt: skip
    assert desk.kept.count(partition_of(OTHER.encode(), REQUEST_PARTITIONS)) == MAX_LIVE


def test_tables_of_which_nothing_holds_any_more_are_taken_away() -> None:
    """A record's age says it: no judgement is younger."""
    desk = Desk()

    async def story() -> None:
        desk.ask(KEY, KIDS[:20])
        await desk.settle()
        desk.s += RULES.ttl_ms / 1000 - 1
        desk.ask(OTHER, KIDS[:20])
        await desk.settle()
        await desk.agent.sweep()
        assert desk.tables()[-1] is not None
        desk.s += 2
        await desk.agent.sweep()

    told(desk, story)
    assert desk.tables()[-1] is None
    assert desk.tables(OTHER)[-1] is not None


def test_of_a_full_table_only_the_best_candidates_are_judged() -> None:
    """Twenty of them decide whether a slate is covered."""
    desk = Desk()
    many = {f"x{n}": Product(product_id=f"x{n}", title=f"Thing {n}") for n in range(MAX_JUDGED)}
    for product in many.values():
        desk.words.put_product(product)
    desk.kept.apply(desk.append(KEY.encode(), table(many, dict.fromkeys(many, 5.0), at=NOON).encode()))

    async def story() -> None:
        desk.ask(KEY, askers=1)
        await desk.settle()

    told(desk, story)
    assert len(desk.model.prompts) == 1
    last = desk.tables()[-1]
    assert last is not None
    assert len(last.scores) == MAX_JUDGED
    assert [item in last.scores for item in KIDS] == [True] * 20 + [False] * 20


def test_words_are_those_that_slates_hold_judgements_against() -> None:
    """Of variants, hidden ones, changes and tombstones, the same as in every clicks worker."""
    knowledge = Knowledge(content=Content(lambda _model, dim: NumpyVectorIndex(dim)), model=Model())
    words = Wordings()
    steps = [
        Product(product_id="a2", group_id="g", title="Red", price=20),
        Product(product_id="a1", group_id="g", title="Blue", price=10, stock=0),
        Product(product_id="a1", group_id="g", title="Blue", price=10, stock=3),
        Product(product_id="a1", group_id="h", title="Blue", price=10),
        Product(product_id="a2", group_id="g", title="Red", price=20, hidden=True),
        Product(product_id="r", title="Knife", restricted=True),
        Product(product_id="g", title="Alone", sale_price=5),
        "a2",
        "g",
    ]
    for step in steps:
        for taker in (knowledge, words):
            if isinstance(step, str):
                taker.remove_product(step)
            else:
                taker.put_product(step)
        for item in ("g", "h", "r", "a1", "a2"):
            worded, row = words.word(item), np.array([knowledge.facts.row(item)], np.int32)
            wanted = knowledge.judgements.missing(KEY, row, 0)
            assert wanted == ([item] if worded else [])
            if worded:
                one = Judgement(score=5, text_hash=worded.text_hash, price_band=worded.price_band, judged_at=NOON)
                table = JudgementTable(
                    segment=KEY.segment, intent=KEY.intent, model=knowledge.judgements.rules.model,
                    prompt_version=VERSION, scores={item: one},
                )  # fmt: skip
                knowledge.judgements.put(KEY.encode(), table)
                assert knowledge.judgements.missing(KEY, row, 0) == []
                knowledge.judgements.remove(KEY.encode())
