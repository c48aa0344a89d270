"""What the simulated judge was asked."""

import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

from streams.simulated.request import Asked


class Calls:
    """Counts calls by their outcome; safe to use from many threads.

    An outcome is `answered`, a fault's name, `rejected` (it asked for what is not taken) or `hung_up` (the client left
    before a good answer came).

    Args:
        keep: so many of the last prompts.
    """

    def __init__(self, keep: int) -> None:
        self._lock = threading.Lock()
        self._outcomes: Counter[str] = Counter()
        self._prompts: deque[Asked] = deque(maxlen=keep)
        self._number = self._now = 0
        self.most_at_once = 0

    @contextmanager
    def one(self) -> Iterator[int]:
        """Take a call, until the block ends.

        Yields:
            Its number, from 1.
        """
        with self._lock:
            self._number += 1
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            number = self._number
        try:
            yield number
        finally:
            with self._lock:
                self._now -= 1

    def asked(self, prompt: Asked) -> None:
        """Keep a prompt."""
        with self._lock:
            self._prompts.append(prompt)

    def ended(self, outcome: str) -> None:
        """Count a call."""
        with self._lock:
            self._outcomes[outcome] += 1

    @property
    def outcomes(self) -> Counter[str]:
        """Calls by their outcome."""
        with self._lock:
            return Counter(self._outcomes)

    @property
    def prompts(self) -> list[Asked]:
        """The last prompts, oldest first."""
        with self._lock:
            return list(self._prompts)
