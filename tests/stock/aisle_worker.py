"""The same job on aisle's engine: raise the visitor's count, answer."""

import json
from collections.abc import Sequence

from schemas.errors import DecodeError
from schemas.topics import EVENTS, EVENTS_DEAD, SLATES
from streams.app import serve
from streams.flow import LogRecord, Out, Outcome
from streams.partitions import PartitionState
from streams.settings import Settings
from streams.worker import Job
from tests.stock.switches import Switches

PAD = "." * 1000
PLACEMENT = "home"


class Counting:
    """Counts events by visitor."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches

    def handle(self, records: Sequence[LogRecord], part: PartitionState) -> Outcome:
        """Count, and say so."""
        outcome = Outcome()
        for record in records:
            self._switches.check(json.loads(record.value or b""))
            key = record.key or b""
            count = json.loads(part.visitors.get(key, b'{"count": 0}'))["count"] + 1
            state = b'{"applied":%d,"count":%d,"pad":"%s"}' % (record.offset, count, PAD.encode())
            outcome.touched[key] = state
            part.put(key, state)
            part.mark = record.offset
            if (record.offset, PLACEMENT) not in part.emitted:
                cause = {"offset": record.offset, "epoch": part.epoch}
                slate = {"offset": record.offset, "cause": cause, "placement": PLACEMENT, "revision": 0, "pad": PAD}
                value = json.dumps(slate | {"count": count}).encode()
                outcome.outputs.append(Out(SLATES, record.partition, key, value, record.offset, PLACEMENT))
        return outcome


def refused(record: LogRecord, error: DecodeError, *, attempts: int) -> Out:
    """Make a dead letter."""
    value = json.dumps({"reason": error.reason, "offset": record.offset, "attempts": attempts}).encode()
    return Out(EVENTS_DEAD, record.partition, record.key, value, record.offset)


def build(_settings: Settings) -> Job:
    """Build the counting job."""
    return Job(kind="clicks", topic=EVENTS, agent=Counting(Switches.of_environment()), folds=[], refuse=refused)


if __name__ == "__main__":
    Switches.of_environment().slow_produce()
    serve(build)
