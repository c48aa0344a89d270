"""One question to a language model, by a clock that the test moves."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import REGISTRY

from models.ports import Answer, Prompt
from schemas.errors import CallFailedError, RefusedError
from streams.judging.breaker import CircuitBreaker
from streams.judging.budget import Budget
from streams.judging.caller import Caller, NotCalledError
from streams.judging.prices import Prices

PROMPT = Prompt("be fair", "judge these", "scores", {"type": "object"}, 300)
ANSWER = Answer("{}", 1_000_000, 500_000, "m")
AWAY = CallFailedError("server", "503", again=True, paid=(0, 0))


class ScriptedModel:
    """Say one thing after the other; each call takes a second."""

    name = "m"

    def __init__(self, *script: Answer | Exception) -> None:
        self.script: Iterator[Answer | Exception] = iter(script)
        self.calls = 0
        self.now = 0.0
        self.waits: list[float] = []
        self.gate: asyncio.Event | None = None

    async def complete(self, prompt: Prompt, *, timeout_s: float) -> Answer:
        self.calls += 1
        self.now += 1
        if self.gate is not None:
            await self.gate.wait()
        said = next(self.script)
        if isinstance(said, Exception):
            raise said
        return said

    async def close(self) -> None:
        """Hold nothing."""

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


class PaperPurse:
    """A budget at the first minute of all time."""

    def __init__(self, usd: float) -> None:
        self.budget = Budget(usd)

    async def reserve(self, usd: float) -> int | None:
        return 0 if self.budget.reserve(usd, 0) else None

    async def settle(self, reserved: float, actual: float, minute: int) -> None:
        self.budget.settle(reserved, actual, minute)


def caller(model: ScriptedModel, concurrency: int = 4, jitter: float = 1.0) -> Caller:
    """Make one by the model's own clock."""
    return Caller(
        model,
        breaker=CircuitBreaker(jitter=lambda: 0.0),
        prices=Prices(0.40, 1.60),
        concurrency=concurrency,
        clock=lambda: model.now,
        sleep=model.sleep,
        jitter=lambda: jitter,
    )


def ask(asked: Caller, deadline_s: float | None = None, purse: PaperPurse | None = None) -> Answer:
    """Ask one question."""
    return asyncio.run(asked.call(PROMPT, deadline_s=deadline_s, purse=purse))


@pytest.fixture
def counted() -> Callable[..., float]:
    """Give how far a metric has risen since the test began."""

    def value(name: str, labels: dict[str, str]) -> float:
        return REGISTRY.get_sample_value(f"aisle_{name}", labels) or 0.0

    names = ("ok", "server", "open", "budget", "rejected", "timeout")
    before = {("llm_calls_total", outcome): value("llm_calls_total", {"outcome": outcome}) for outcome in names}
    before |= {("llm_tokens_total", kind): value("llm_tokens_total", {"kind": kind}) for kind in ("prompt",)}
    before |= {("llm_usd_total", ""): value("llm_usd_total", {})}
    labels = {"llm_calls_total": "outcome", "llm_tokens_total": "kind"}

    def risen(name: str, label: str = "") -> float:
        return value(name, {labels[name]: label} if label else {}) - before[name, label]

    return risen


def test_an_answer_is_counted_and_paid_for(counted: Callable[..., float]) -> None:
    """A million tokens at $0.40, half a million at $1.60."""
    model, purse = ScriptedModel(ANSWER), PaperPurse(5.0)

    assert ask(caller(model), purse=purse) == ANSWER

    assert purse.budget.spent(0) == pytest.approx(1.2)
    assert counted("llm_calls_total", "ok") == 1
    assert counted("llm_tokens_total", "prompt") == 1_000_000
    assert counted("llm_usd_total") == pytest.approx(1.2)
    assert REGISTRY.get_sample_value("aisle_llm_breaker") == 0
    assert REGISTRY.get_sample_value("aisle_llm_in_flight") == 0


def test_a_server_that_is_away_is_asked_three_times_with_full_jitter() -> None:
    """Waits are drawn from twice as much each time."""
    model = ScriptedModel(AWAY, AWAY, AWAY, ANSWER)

    with pytest.raises(CallFailedError, match="503"):
        ask(caller(model))

    assert model.calls == 3
    assert model.waits == [0.25, 0.5]


def test_no_retry_begins_after_the_deadline_but_the_first_call_is_always_made() -> None:
    """A call takes a second: 1.2 s leave no room for a wait of 0.25 s, 1.3 s do for one."""
    for deadline_s, calls in ((-5.0, 1), (1.2, 1), (1.3, 2), (2.8, 3)):
        model = ScriptedModel(AWAY, AWAY, AWAY)
        with pytest.raises(CallFailedError):
            ask(caller(model), deadline_s=deadline_s)
        assert model.calls == calls


def test_what_would_fail_again_is_not_asked_again() -> None:
    """A refusal stays one."""
    model = ScriptedModel(CallFailedError("refusal", "declined", paid=(10, 0)), ANSWER)

    with pytest.raises(CallFailedError, match="declined"):
        ask(caller(model))

    assert model.calls == 1


def test_a_server_that_asks_for_time_gets_it() -> None:
    """The retry comes after it; without the time for it there is none."""
    limited = CallFailedError("rate_limited", "429", again=True, after_s=7.0)
    patient, hurried, hopeless = (ScriptedModel(limited, ANSWER) for _ in range(3))
    limited_for_an_hour = CallFailedError("rate_limited", "429", again=True, after_s=3600.0)
    hopeless.script = iter([limited_for_an_hour, ANSWER])

    assert ask(caller(patient), deadline_s=60.0) == ANSWER
    for model, deadline_s in ((hurried, 5.0), (hopeless, None)):
        with pytest.raises(CallFailedError, match="429"):
            ask(caller(model), deadline_s=deadline_s)

    assert patient.waits == [7.25]
    assert (hurried.calls, hopeless.calls) == (1, 1)


def test_an_open_breaker_lets_no_call_through_and_costs_nothing(counted: Callable[..., float]) -> None:
    """Five failures open it; the sixth question is refused at once, until a probe is answered."""
    model = ScriptedModel(*[AWAY] * 5, ANSWER)
    asked, purse = caller(model), PaperPurse(1.0)
    for _ in range(5):
        with pytest.raises(CallFailedError):
            ask(asked, deadline_s=0.0, purse=purse)

    with pytest.raises(NotCalledError) as refused:
        ask(asked, deadline_s=0.0, purse=purse)

    assert (refused.value.why, refused.value.fault, refused.value.after_s) == ("open", "server", 10.0)
    assert model.calls == 5
    assert purse.budget.spent(0) == 0
    assert (counted("llm_calls_total", "open"), counted("llm_calls_total", "server")) == (1, 5)
    assert REGISTRY.get_sample_value("aisle_llm_breaker") == 2
    model.now += 10
    assert ask(asked) == ANSWER
    assert REGISTRY.get_sample_value("aisle_llm_breaker") == 0


def test_nonsense_does_not_open_the_breaker() -> None:
    """The server is there."""
    nonsense = CallFailedError("malformed", "HTML", paid=(0, 0))
    model = ScriptedModel(*[nonsense] * 9, ANSWER)
    asked = caller(model)
    for _ in range(9):
        with pytest.raises(CallFailedError, match="HTML"):
            ask(asked)

    assert ask(asked) == ANSWER


def test_a_spent_budget_stops_calls_and_is_no_failure_of_the_server(counted: Callable[..., float]) -> None:
    """The breaker's probe is not used up by it either."""
    model = ScriptedModel(ANSWER)
    asked, empty = caller(model), PaperPurse(0.0)

    with pytest.raises(NotCalledError, match=r"^what is left of the budget is too little for a call$") as refused:
        ask(asked, purse=empty)

    assert (refused.value.why, model.calls, counted("llm_calls_total", "budget")) == ("budget", 0, 1)
    assert ask(asked, purse=PaperPurse(1.0)) == ANSWER


def test_a_call_that_nobody_saw_the_end_of_costs_all_that_was_reserved() -> None:
    """A timeout may well have been answered and paid for; a refused connection was not."""
    unknown, free = PaperPurse(1.0), PaperPurse(1.0)
    lost = CallFailedError("timeout", "no answer in 10 s", again=True)

    for purse, failure in ((unknown, lost), (free, AWAY)):
        with pytest.raises(CallFailedError):
            ask(caller(ScriptedModel(failure)), deadline_s=0.0, purse=purse)

    assert unknown.budget.spent(0) == pytest.approx(Prices(0.40, 1.60).at_most(PROMPT))
    assert free.budget.spent(0) == 0


def test_what_an_operator_has_to_change_goes_through(counted: Callable[..., float]) -> None:
    """No retry, no open breaker, no cost."""
    model, purse = ScriptedModel(*[RefusedError("set OPENAI_API_KEY")] * 6), PaperPurse(1.0)
    asked = caller(model)

    for _ in range(6):
        with pytest.raises(RefusedError, match="OPENAI_API_KEY"):
            ask(asked, purse=purse)

    assert (model.calls, purse.budget.spent(0), counted("llm_calls_total", "rejected")) == (6, 0, 6)


def test_a_server_that_refuses_the_key_is_there() -> None:
    """A probe that ends so closes the breaker: what is wrong is not that it is away."""
    model = ScriptedModel(RefusedError("set OPENAI_API_KEY"))
    asked = caller(model)
    for _ in range(5):
        asked.breaker.failed(asked.breaker.ask(0.0) or 0, 0.0)
    model.now = 10.0

    with pytest.raises(RefusedError, match="OPENAI_API_KEY"):
        ask(asked)

    assert asked.breaker.state(model.now) == "closed"


def test_more_calls_than_slots_wait_for_one() -> None:
    """Two at a time, and all get their answer."""

    async def run() -> None:
        model = ScriptedModel(*[ANSWER] * 5)
        model.gate = asyncio.Event()
        asked = caller(model, concurrency=2)
        calls = [asyncio.create_task(asked.call(PROMPT, deadline_s=None)) for _ in range(5)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (model.calls, asked.slots.in_flight) == (2, 2)
        model.gate.set()
        assert await asyncio.gather(*calls) == [ANSWER] * 5
        assert asked.slots.in_flight == 0

    asyncio.run(run())


def test_a_cancelled_probe_leaves_slot_and_breaker_as_they_were() -> None:
    """The next question is let through; what was reserved stays spent."""

    async def run() -> None:
        model, purse = ScriptedModel(ANSWER), PaperPurse(1.0)
        asked = caller(model, concurrency=1)
        for _ in range(5):
            asked.breaker.failed(asked.breaker.ask(0.0) or 0, 0.0)
        model.now, model.gate = 50.0, asyncio.Event()
        probe = asyncio.create_task(asked.call(PROMPT, deadline_s=None, purse=purse))
        await asyncio.sleep(0)
        probe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probe
        model.gate.set()
        assert purse.budget.spent(0) > 0
        assert await asked.call(PROMPT, deadline_s=None) == ANSWER

    asyncio.run(run())
