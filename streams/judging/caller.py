"""One question to a language model, with everything that guards it."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Literal

from models.ports import Answer, LanguageModel, Prompt
from schemas.errors import CallFailedError, CallFault, RefusedError
from streams.judging.breaker import LEVELS, CircuitBreaker
from streams.judging.payment import Payment, Purse
from streams.judging.prices import Prices
from streams.judging.slots import Slots
from streams.telemetry import count, gauge, observe

RETRIES = 2
FIRST_BACKOFF_S = 0.25
LONGEST_WAIT_S = 30.0
"""Who is asked to wait for longer gives the question up; it will be asked again when somebody needs the answer."""

NO_TICKET = -1

AWAY: frozenset[CallFault] = frozenset({"timeout", "connection", "rate_limited", "server"})
"""What opens the breaker: a server that talks nonsense is there."""


class NotCalledError(CallFailedError):
    """There was no call: the circuit breaker is open, or the budget is spent.

    Args:
        why: which of the two.
        fault: what opened the breaker; a spent budget is our own rate limit.
        detail: as a sentence.
        after_s: asking earlier is no use.
    """

    def __init__(
        self, why: Literal["open", "budget"], fault: CallFault, detail: str, *, after_s: float | None = None
    ) -> None:
        super().__init__(fault, detail, after_s=after_s, paid=(0, 0))
        self.why = why
        self.detail = detail

    def __str__(self) -> str:
        """Say it without a fault of the server: there was no call."""
        return self.detail


class Caller:
    """Ask a language model: at most so many calls at once, none while it is away, few retries, all of it counted.

    Args:
        model: who is asked.
        breaker: keeps calls from a server that is away.
        prices: what its tokens cost.
        concurrency: calls at the same time; the others wait.
        timeout_s: of one call.
        clock: monotonic seconds.
        sleep: waits between calls.
        jitter: a draw from 0..1 for the wait.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        breaker: CircuitBreaker,
        prices: Prices,
        concurrency: int = 4,
        timeout_s: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.model = model
        self.breaker = breaker
        self.prices = prices
        self.slots = Slots(concurrency)
        self._timeout_s = timeout_s
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._opened_by: CallFault = "server"

    async def call(self, prompt: Prompt, *, deadline_s: float | None, purse: Purse | None = None) -> Answer:
        """Ask once, and again while an answer could still be of use.

        Args:
            prompt: the question.
            deadline_s: by the clock; no retry begins after it. The first call is made however late it is: its answer
                serves the next slate. None waits for all retries.
            purse: pays for every call; None for one that is not limited.

        Raises:
            CallFailedError: there is no answer; `NotCalledError` when there was no call either.
            RefusedError: there will be none until an operator changes something.
        """
        for retries in range(RETRIES):
            try:
                return await self._attempt(prompt, purse)
            except CallFailedError as error:
                wait_s = self._wait_s(error, retries)
                if not error.again or not self._worth(wait_s, deadline_s):
                    raise
            await self._sleep(wait_s)
        return await self._attempt(prompt, purse)

    def leave_alone(self, seconds: float) -> None:
        """Make no call for so long: an operator has to change something first."""
        self._opened_by = "rejected"
        self.breaker.failed(NO_TICKET, self._clock(), seconds)
        self.show()

    async def close(self) -> None:
        """Let go of the model's connections."""
        await self.model.close()

    def _wait_s(self, error: CallFailedError, retries: int) -> float:
        """Draw a wait: full jitter on top of what the server asks for, and until the breaker lets a probe through."""
        backoff_s = self._jitter() * FIRST_BACKOFF_S * 2.0**retries
        return max((error.after_s or 0.0) + backoff_s, self.breaker.wait_s(self._clock()))

    def _worth(self, wait_s: float, deadline_s: float | None) -> bool:
        if deadline_s is None:
            return wait_s <= LONGEST_WAIT_S
        return self._clock() + wait_s < deadline_s

    async def _attempt(self, prompt: Prompt, purse: Purse | None) -> Answer:
        async with self.slots:
            ticket = self._ticket()
            try:
                payment = await self._reserved(prompt, purse)
                return await self._paid(prompt, ticket, payment)
            finally:
                self.breaker.dropped(ticket)
                self.show()

    def _ticket(self) -> int:
        now = self._clock()
        ticket = self.breaker.ask(now)
        self.show()
        if ticket is None:
            count("llm_calls", outcome="open")
            wait_s = self.breaker.wait_s(now)
            detail = f"the circuit breaker is open for {wait_s:.0f} s more" if wait_s else "a probe is on its way"
            raise NotCalledError("open", self._opened_by, detail, after_s=wait_s)
        return ticket

    async def _reserved(self, prompt: Prompt, purse: Purse | None) -> Payment:
        payment = Payment(self.prices, prompt, purse)
        if not await payment.reserve():
            count("llm_calls", outcome="budget")
            raise NotCalledError("budget", "rate_limited", "what is left of the budget is too little for a call")
        return payment

    async def _paid(self, prompt: Prompt, ticket: int, payment: Payment) -> Answer:
        try:
            answer = await self._timed(prompt)
        except CallFailedError as error:
            self._report(ticket, error)
            await payment.settle(error.paid)
            raise
        except RefusedError:
            self.breaker.answered(ticket, self._clock())
            await payment.settle((0, 0))
            raise
        self.breaker.answered(ticket, self._clock())
        await payment.settle((answer.prompt_tokens, answer.completion_tokens))
        return answer

    async def _timed(self, prompt: Prompt) -> Answer:
        began = self._clock()
        outcome = "ok"
        try:
            return await self.model.complete(prompt, timeout_s=self._timeout_s)
        except CallFailedError as error:
            outcome = error.fault
            raise
        except RefusedError:
            outcome = "rejected"
            raise
        except asyncio.CancelledError:
            outcome = "timeout"  # nobody waits for it any more
            raise
        finally:
            count("llm_calls", outcome=outcome)
            observe("llm_call_seconds", self._clock() - began)

    def _report(self, ticket: int, error: CallFailedError) -> None:
        if error.fault in AWAY:
            self._opened_by = error.fault
            self.breaker.failed(ticket, self._clock(), error.after_s)
        else:
            self.breaker.answered(ticket, self._clock())

    def show(self) -> None:
        """Tell how the breaker stands."""
        gauge("llm_breaker", LEVELS[self.breaker.state(self._clock())])
