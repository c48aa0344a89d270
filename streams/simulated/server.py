"""The simulated judge as a server: `with SimulatedJudge() as judge: AsyncOpenAI(base_url=judge.base_url, ...)`."""

import math
import threading
from collections import Counter
from random import Random
from types import TracebackType
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streams.simulated.answer import Call, answer
from streams.simulated.calls import Calls
from streams.simulated.faults import FAULTS, Fault, Switch
from streams.simulated.reply import ApiError, Reply, as_json, parse
from streams.simulated.request import Ability, Asked, check, check_key
from streams.simulated.wire import HOST, Request, Wait, Wire

MAX_BODY = 1_000_000
SPREAD = 0.35
"""Of the logarithm of how long an answer takes: one in twenty takes 1.8 times the median."""

ABLE = Ability()


class Turned(BaseModel):
    """The body of `POST /faults`: one fault by name, or any at random, or none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fault: Fault | None = None
    random: bool = False
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    times: Annotated[int, Field(ge=1)] | None = None

    def faults(self) -> tuple[Fault, ...]:
        """Give the faults to draw from."""
        if self.random:
            return tuple(FAULTS)
        return () if self.fault is None else (self.fault,)


class SimulatedJudge:
    """A local server that speaks OpenAI's chat completions; it listens at once, until it is closed.

    Beside the API it has `GET /faults` (what there is, and what is on), `POST /faults` (see `Turned`) and `GET /calls`.

    Args:
        port: 0 takes a free one.
        latency_ms: how long an answer takes: the median of a log-normal distribution; 0 answers at once.
        seed: of latencies and faults.
        ability: what it takes, and which key it demands.
        keep_prompts: so many of the last prompts can be looked at.
        retry_after_s: what clients are told to wait where too many ask.
        slow_s: how long the fault `slow` takes.

    Raises:
        RefusedError: nothing can listen there.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        latency_ms: float = 250.0,
        seed: int = 0,
        ability: Ability = ABLE,
        keep_prompts: int = 0,
        retry_after_s: int = 1,
        slow_s: float = 3600.0,
    ) -> None:
        self._ability, self._retry_after_s, self._slow_s = ability, retry_after_s, slow_s
        self._latency_s = latency_ms / 1000
        self._random, self._lock = Random(f"latency-{seed}"), threading.Lock()
        self._calls, self._switch = Calls(keep_prompts), Switch(seed)
        self._wire = Wire(port, self._serve, max_body=MAX_BODY)
        self.port = self._wire.port
        self.url = f"http://{HOST}:{self.port}"
        self.base_url = f"{self.url}/v1"

    def close(self) -> None:
        """Free the port; clients that wait are cut off."""
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def fail(self, *faults: Fault, share: float = 1.0, times: int | None = None) -> None:
        """Fail from now on, each time by one of these faults.

        Args:
            faults: drawn from with equal chances.
            share: of the calls that fail, 0..1.
            times: so many calls at most.
        """
        self._switch.turn(faults, share=share, times=times)

    def fail_at_random(self, *, share: float) -> None:
        """Fail a share of the calls, 0..1, each by any of the faults."""
        self._switch.turn(tuple(FAULTS), share=share)

    def recover(self) -> None:
        """Fail no more."""
        self._switch.turn(())

    @property
    def outcomes(self) -> Counter[str]:
        """Calls by their outcome: `answered`, a fault's name, `rejected`, `hung_up`."""
        return self._calls.outcomes

    @property
    def prompts(self) -> list[Asked]:
        """The last prompts, oldest first."""
        return self._calls.prompts

    @property
    def most_at_once(self) -> int:
        """The most calls that were being answered at one time."""
        return self._calls.most_at_once

    def _serve(self, request: Request, wait: Wait) -> Reply | None:
        try:
            return self._route(request, wait)
        except ApiError as error:
            return error.reply()

    def _route(self, request: Request, wait: Wait) -> Reply | None:
        match request.method, request.path:
            case "POST", "/v1/chat/completions":
                return self._chat(request, wait)
            case "GET", "/v1/models":
                check_key(request.key, self._ability)
                return as_json(200, self._models())
            case "GET", "/faults":
                return as_json(200, {"known": FAULTS, "on": self._switch.state()})
            case "POST", "/faults":
                return self._turn(request)
            case "GET", "/calls":
                return as_json(200, {"outcomes": self.outcomes, "most_at_once": self.most_at_once})
        raise ApiError(404, f"Invalid URL ({request.method} {request.path})")

    def _chat(self, request: Request, wait: Wait) -> Reply | None:
        with self._calls.one() as number:
            call = Call(number, self._ability.model, self._asked(request))
            fault = self._switch.draw()
            if fault:
                self._calls.ended(fault)
            there = wait(self._slow_s if fault == "slow" else self._latency())
            if not fault:
                self._calls.ended("answered" if there else "hung_up")
            return answer(call, fault, retry_after_s=self._retry_after_s) if there else None

    def _asked(self, request: Request) -> Asked:
        try:
            check_key(request.key, self._ability)
            asked = check(parse(_body(request)), self._ability)
        except ApiError:
            self._calls.ended("rejected")
            raise
        self._calls.asked(asked)
        return asked

    def _latency(self) -> float:
        with self._lock:
            return self._latency_s * math.exp(self._random.gauss(0, SPREAD))

    def _models(self) -> dict[str, object]:
        one = {"id": self._ability.model, "object": "model", "created": 0, "owned_by": "simulated"}
        return {"object": "list", "data": [one]}

    def _turn(self, request: Request) -> Reply:
        try:
            turned = Turned.model_validate_json(_body(request))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ApiError(400, f"{where or 'body'}: {first['msg']}; GET /faults lists the faults.") from None
        self._switch.turn(turned.faults(), share=turned.share, times=turned.times)
        return as_json(200, {"on": self._switch.state()})


def _body(request: Request) -> bytes:
    if request.body is None:
        raise ApiError(413, f"Request body too large: at most {MAX_BODY} bytes.")
    return request.body
