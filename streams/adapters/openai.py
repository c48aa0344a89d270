"""Any server that speaks OpenAI's chat completions, through `openai`."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from schemas.errors import CallFailedError, RefusedError
from streams.adapters.capped import TooLongError, capped_transport
from streams.adapters.chat_answer import read_answer
from streams.adapters.chat_request import Output, Shape, arguments, named
from streams.adapters.openai_faults import Complaint, unreached

if TYPE_CHECKING:
    import httpx2

    from models.ports import Answer, Prompt

log = logging.getLogger(__name__)

DEFAULT_URL = "https://api.openai.com/v1"
NO_KEY = "none"
"""What a server without keys is sent: the package insists on one."""

BODY_BYTES = 256 * 1024
"""The longest body that is read; a table of 30 scores is 2 KiB."""

CONNECT_S = 5.0
ABOUT_US = ("Lang", "Package-Version", "OS", "Arch", "Runtime", "Runtime-Version", "Async")
"""Headers of the package that tell the server about this machine: left out."""


class OpenAILanguageModel:
    """A language model behind OpenAI's interface: OpenAI itself, Azure, vLLM, Ollama, llama.cpp and others.

    One call is one question: no retries, and never longer than it is given. Parameters that the server says it does
    not take are left out, within the same time, and from then on.

    Args:
        model: what the server calls it.
        api_key: None for a server that asks for none.
        base_url: where the server is, as `Settings` has checked it; None for OpenAI.
        output: how the answer is held to JSON; "auto" begins with the schema and loosens as the server wants.

    Raises:
        RefusedError: the key cannot be used.
    """

    def __init__(self, model: str, *, api_key: str | None, base_url: str | None, output: Output = "auto") -> None:
        import openai

        self.name = model
        self._shape = Shape() if output == "auto" else Shape(format=output)
        self._loosens = output == "auto"
        self._client = openai.AsyncOpenAI(
            api_key=_key(api_key),
            base_url=base_url or DEFAULT_URL,
            max_retries=0,
            http_client=_http(),
            default_headers={"Accept-Encoding": "identity"}
            | {f"X-Stainless-{name}": openai.Omit() for name in ABOUT_US},  # type: ignore[arg-type]
        )

    async def complete(self, prompt: Prompt, *, timeout_s: float) -> Answer:
        """Ask once; see `models.ports.LanguageModel`."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._ask(prompt, timeout_s)
        except TimeoutError:
            raise CallFailedError("timeout", f"no answer in {timeout_s:g} s", again=True) from None

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()

    async def _ask(self, prompt: Prompt, timeout_s: float) -> Answer:
        """Ask until the server takes the parameters; what it took is remembered, not what it merely named."""
        shape = first = self._shape
        while isinstance(told := await self._send(arguments(prompt, self.name, shape), timeout_s), Complaint):
            shape = self._other(shape, told, first)
        self._remember(shape)
        return read_answer(told, prompt, self.name)

    def _other(self, shape: Shape, told: Complaint, first: Shape) -> Shape:
        """Give the next shape to try, or raise; there are at most four after the first."""
        parameter = named(told.untaken)
        other = None if parameter is None else shape.without(parameter, first)
        if other is None or (parameter == "format" and not self._loosens):
            raise told.failure(self.name)
        return other

    async def _send(self, asked: dict[str, Any], timeout_s: float) -> bytes | Complaint:
        import httpx2
        import openai

        patience = httpx2.Timeout(timeout_s, connect=min(timeout_s, CONNECT_S))
        try:
            answer = await self._client.chat.completions.with_raw_response.create(**asked, timeout=patience)
        except openai.APIStatusError as error:
            return Complaint(error.response)
        except openai.APIConnectionError as error:
            raise unreached(error) from None
        except TooLongError:
            raise CallFailedError("too_long", f"the answer is longer than {BODY_BYTES // 1024} KiB") from None
        return answer.http_response.content

    def _remember(self, shape: Shape) -> None:
        if shape != self._shape:
            log.warning("the language model's server is asked by %s from now on", shape)
            self._shape = shape


def _http() -> httpx2.AsyncClient:
    """Give a client that takes nothing from the environment: no proxy that a local server would be sought behind."""
    import httpx2

    return httpx2.AsyncClient(transport=capped_transport(BODY_BYTES), trust_env=False, follow_redirects=False)


def _key(key: str | None) -> str:
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise RefusedError("OPENAI_API_KEY cannot be a key: it holds spaces, line ends or letters beyond ASCII.")
    return key or NO_KEY
