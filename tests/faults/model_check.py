"""Hold every worker's model against a follower that has only the log."""

import hashlib
import time
from collections import deque
from collections.abc import Sequence

from models.model import Model
from models.snapshot import encode
from schemas.errors import DecodeError
from schemas.learning import LearningStep
from schemas.topics import LEARNING, TopicName
from streams.flow import LogRecord
from tests.faults.slot import Slot
from tests.faults.stage import Stage

AGREES_WITHIN_S = 60.0


class ModelCheck:
    """A model that folds the learning log, as far as it is asked to."""

    def __init__(self) -> None:
        self._model = Model()
        self._waiting: deque[LogRecord] = deque()
        self._end = 0

    def take(self, topic: TopicName, records: Sequence[LogRecord]) -> None:
        """Take records of any topic; those of `learning` are kept until they are folded."""
        if topic == LEARNING:
            self._waiting.extend(records)
            self._end = records[-1].offset + 1

    def digest(self, offset: int) -> str:
        """Fold up to an offset and give the model's digest."""
        while self._waiting and self._waiting[0].offset <= offset:
            record = self._waiting.popleft()
            try:
                self._model.learn_one(LearningStep.decode(record.value), record.offset)
            except DecodeError:
                continue
        return hashlib.sha256(encode(self._model)).hexdigest()

    def check(self, stage: Stage) -> list[str]:
        """Ask every worker for its model at the log's end.

        Returns:
            a sentence for each that has another, or does not get there.
        """
        wanted = self.digest(self._end - 1)
        return [told for slot in stage.live if (told := self._one(slot, wanted)) is not None]

    def _one(self, slot: Slot, wanted: str) -> str | None:
        until, model = time.monotonic() + AGREES_WITHIN_S, None
        while time.monotonic() < until:
            model = slot.model()
            if model is not None and model[0] == self._end - 1:
                return None if model[1] == wanted else f"the model of {slot.name} at {model[0]} is another one"
            time.sleep(0.05)
        return f"worker {slot.name} does not learn to offset {self._end - 1}: {model}"
