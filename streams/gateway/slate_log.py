"""Reads `recommendations`: all partitions, without a group, from where unexpired slates may begin.

By librdkafka in a thread of its own: measured on the embedded broker at 500 slates/s, it takes a quarter of the
processor time of an asyncio client, and a slate waits 1-6 ms less.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from schemas.topics import SLATES
from streams.flow import LogRecord
from streams.gateway.slate_reader import AwayError, SlateReader, reader_config
from streams.settings import Settings

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""Between two looks at the topic: is the broker there, are there more partitions."""

AWAY_S = 20.0
"""A broker that has not answered for so long is away."""

SLATE_BYTES = 2048
"""Slates are longer: a start never reads many more than the memory holds."""


class SlateLog:
    """A service: hands every slate to `take`, in each partition's order, in batches, in the event loop.

    Args:
        settings: the installation's.
        take: is given records as they come.
        lookback_s: slates older than this are stale, seconds.
        clock: monotonic seconds.
    """

    name = "slate log"

    def __init__(
        self,
        settings: Settings,
        take: Callable[[Sequence[LogRecord]], object],
        *,
        lookback_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topic = settings.topics[SLATES]
        self._take = take
        self._lookback_s = lookback_s
        self._most = settings.gateway_cache_mb * (1 << 20) // SLATE_BYTES
        self._clock = clock
        self._config = reader_config(settings)
        self._answered = clock()
        self._missing = "the slates' log was not read yet"
        self._behind: set[int] = set()

    def lacks(self) -> list[str]:
        """Say whether slates of before the start are missing, or what comes since: the broker is away."""
        away_s = self._clock() - self._answered
        if away_s >= AWAY_S:
            return [f"no broker has answered for {away_s:.0f} s: slates do not come in"]
        if self._missing:
            return [self._missing]
        return [f"{len(self._behind)} partitions of {self._topic} are still read"] if self._behind else []

    def stuck(self) -> list[str]:
        """Say what a restart would mend: nothing, a broker that is away is waited for."""
        return []

    async def run(self) -> None:
        """Read until cancelled."""
        reader = SlateReader(self._config, self._topic, self._arrived, asyncio.get_running_loop())
        try:
            while True:
                try:
                    await asyncio.to_thread(self._look, reader)
                except AwayError as error:
                    log.warning("%s: %s", self._topic, error)
                except _GrownError:  # all is read again, which changes no shelf: librdkafka may miss new partitions
                    log.info("%s has more partitions now", self._topic)
                    await asyncio.to_thread(reader.close)
                    reader = SlateReader(self._config, self._topic, self._arrived, asyncio.get_running_loop())
                    continue
                if reader.failure is not None:
                    raise reader.failure
                await asyncio.sleep(LOOK_S if not self._missing else LOOK_S / 10)
        finally:
            await asyncio.to_thread(reader.close)

    def _look(self, reader: SlateReader) -> None:
        """Ask the broker which partitions there are, and begin with those that are new."""
        found = reader.partitions()
        self._answered = self._clock()
        if not found:
            self._missing = f"there is no topic {self._topic}: run `aisle topics create`"
            return
        if found != reader.reading:
            if reader.reading:
                raise _GrownError
            since_ms = int((time.time() - self._lookback_s) * 1000)
            starts = reader.starts(sorted(found), since_ms=since_ms, most=self._most // len(found))
            self._behind = set(found)
            reader.begin(starts)
        self._missing = ""

    def _arrived(self, records: Sequence[LogRecord], ended: Sequence[int]) -> None:
        if records:
            self._take(records)
        self._behind.difference_update(ended)


class _GrownError(Exception):
    """There are other partitions than those that are read."""
