"""The judge's processes in the demo: started with the other workers, and asked how they are."""

import time
from collections.abc import Callable, Mapping

from streams.demo.judge_client import JudgeClient
from streams.demo.judged import JudgeBoard
from streams.runs.children import Children
from streams.runs.on_kafka import free_port

HEAR_EVERY_S = 1.0


class Judging:
    """A judge worker, and the simulated judge where it is the demo's own; without a board there is neither.

    Args:
        board: what counts for the judge.
    """

    def __init__(self, board: JudgeBoard | None) -> None:
        self._board = board
        self._port = free_port()
        self._client = JudgeClient(self._port)
        self._heard_at = time.monotonic()

    @property
    def environment(self) -> Mapping[str, str]:
        """Give what workers need to know to ask, or to be asked."""
        return {} if self._board is None else self._board.judge.environment

    @property
    def judgement(self) -> Callable[[bytes, bytes | None], object] | None:
        """Give what takes the records of `judgements`."""
        board = self._board
        return None if board is None else lambda key, value: board.judgement(key, value, time.time())

    @property
    def ports(self) -> tuple[int, ...]:
        """Give where workers tell their metrics."""
        return () if self._board is None else (self._port,)

    def start(self, children: Children) -> None:
        """Start what there is."""
        if self._board is None:
            return
        if self._board.judge.command is not None:
            children.start_other("simulated judge", self._board.judge.command)
        children.start("worker", "judge", environment={**self.environment, "AISLE_HTTP_PORT": str(self._port)})

    def ready(self) -> bool:
        """Say whether whoever judges is ready.

        Raises:
            RefusedError: the worker may not run, with its reason.
        """
        return self._board is None or not self._client.why_not()

    def hear(self, *, every_s: float = HEAR_EVERY_S) -> None:
        """Ask now and then how the worker is, and what was spent."""
        if self._board is None or time.monotonic() - self._heard_at < every_s:
            return
        self._heard_at = time.monotonic()
        self._board.trouble = self._client.why_not()
        spent = self._client.spent()
        if spent is not None:
            self._board.heard(spent, time.time())

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
