"""Faults that end a log: each has a stage of its own, since nothing on it can be read from the beginning afterwards.

An operator has to act in them, and does: what is checked is also the sentence that tells what to do.
"""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Protocol

from kafka import TopicPartition

from models.visitor import Visitor
from schemas.errors import RefusedError
from schemas.topics import EVENTS, LEARNING, TopicName
from streams.admin import Admin
from tests.faults.checks import CHECKED, Checks, Verdict
from tests.faults.driver import Driver, Staged
from tests.faults.fault import Simple
from tests.faults.oracle import Oracle
from tests.faults.plan import in_order
from tests.faults.reader import Reader
from tests.faults.stage import HungError, Stage, open_stage

EVENTS_BEFORE = 200
REFUSES_WITHIN_S = 60.0
WORKS_WITHIN_S = 90.0


class Alone(Protocol):
    """A fault with a stage of its own."""

    name: str

    def run(self, stage: Stage) -> Staged:
        """Do all of it, from the first worker on.

        Raises:
            HungError: something does not come about.
        """


class Calm(Simple):
    """No fault at all, but some events."""

    name = "calm"

    def harm(self, stage: Stage, random: Random) -> None:
        """Send them."""
        stage.load.burst(EVENTS_BEFORE)


def calm(driver: Driver) -> None:
    """Let events pass, and hold everything against the oracle.

    Raises:
        HungError: it is not exact, although nothing happened.
    """
    (planned,) = in_order([Calm()], seed=1)
    staged = driver.run(planned)
    if not staged.exact:
        raise HungError(f"not exact before the fault: {staged}")


class SourceRecreated:
    """The topic of events is deleted and created anew under a worker: refused with both ids, then accepted.

    What the first topic's events came to stays; the new one's are answered once each, in an epoch of their own.
    """

    name = "source recreated"

    def run(self, stage: Stage) -> Staged:
        """Do it while a worker reads."""
        stage.adjust(1)
        driver = Driver(stage)
        try:
            calm(driver)
            before, states = driver.oracle, driver.positions()
        finally:
            driver.close()
        anew(stage)
        began = time.monotonic()
        checks = Checks(oracle=next_epoch(before))
        reader = Reader(stage.bootstrap, stage.topics, CHECKED, checks.take, starts=states | {EVENTS: {}})
        try:
            stage.load.forget_ends()
            stage.load.burst(EVENTS_BEFORE)
            stage.load.pause()
            refused(stage, r"state belongs to the topic with id \S+, but the broker's has \S+: .*--accept-gap")
            (slot,) = stage.live
            slot.stop()
            slot.start("--accept-gap")
            stage.wait_ready(WORKS_WITHIN_S)
            stage.load.burst(EVENTS_BEFORE)
            stage.load.pause()
            stage.wait(lambda: stage.lag() == 0, "no lag on the new topic", WORKS_WITHIN_S)
            took = time.monotonic() - began
            slot.kill()  # what it restores is the new epoch, and is not refused
            stage.wait_ready(WORKS_WITHIN_S)
            reader.read_to_end()
        finally:
            reader.close()
        return Staged(self.name, checks.verdict(), took, took)


def refused(stage: Stage, sentence: str) -> None:
    """Wait until the only worker refuses to go on, and look at what it says.

    Raises:
        HungError: it does not.
        AssertionError: it says something else.
    """
    (slot,) = stage.live
    stage.wait(slot.refusal, "the worker refuses", REFUSES_WITHIN_S)
    assert re.search(sentence, slot.refusal()), f"refused with another sentence: {slot.refusal()}"
    assert slot.running, "the supervisor has to stay and say why"


def anew(stage: Stage) -> None:
    """Delete the topic of events with its records and create it again."""
    with Admin(stage.node.settings, embedded=False) as admin:
        admin.delete([stage.topics[EVENTS]])
        admin.create(stage.topics, replication=1)


def next_epoch(oracle: Oracle) -> Oracle:
    """Give the oracle of a source created anew: contexts are kept, and no offset of theirs means anything any more."""
    following = Oracle(epoch=oracle.epoch + 1)
    following.begin({key: None if one is None else _rebased(one) for key, one in oracle.states().items()})
    return following


def _rebased(visitor: Visitor) -> Visitor:
    return replace(visitor, applied=-1)


class LearningTruncated:
    """Retention takes the beginning of the learning log.

    Args:
        snapshots: whether the workers have a place for them. Without, a worker that starts is refused; with, it goes
            on from one, and so does a new worker with an empty disk: both have the model of the whole log.
    """

    def __init__(self, *, snapshots: bool) -> None:
        self._snapshots = snapshots
        self.name = f"learning log truncated, {'with' if snapshots else 'without'} snapshots"

    def run(self, stage: Stage) -> Staged:
        """Do it under a worker that has read it, and start others."""
        folder = stage.folder / "snapshots"
        if self._snapshots:
            for slot in stage.slots.values():
                slot.environment |= {"AISLE_SNAPSHOT_URL": str(folder), "AISLE_SNAPSHOT_INTERVAL_S": "1"}
        stage.adjust(1)
        driver = Driver(stage)
        try:
            calm(driver)
            end = driver.positions()[LEARNING][0]
            cut = self._newest(stage, folder, end) + 1 if self._snapshots else end // 2
            truncate(stage, LEARNING, cut)
            calm(driver)  # who has read it does not care
            began = time.monotonic()
            stage.live[0].kill()
            if not self._snapshots:
                refused(
                    stage, r"learning\[0\]: offset 0 is wanted next, but the log goes on at \d+: \d+ records are gone"
                )
                took = time.monotonic() - began
                return Staged(self.name, Verdict(), took, took)
            stage.wait_ready(WORKS_WITHIN_S)
            stage.adjust(2)
            took = time.monotonic() - began
            (planned,) = in_order([Calm()], seed=2, workers=2)
            return replace(driver.run(planned), name=self.name, first_s=took, whole_s=took)
        finally:
            driver.close()

    def _newest(self, stage: Stage, folder: Path, end: int) -> int:
        """Wait for a snapshot of everything so far, and give its offset."""

        def found() -> bool:
            return any(file.name.endswith(f"-{end - 1}.snapshot") for file in folder.glob("*.snapshot"))

        stage.wait(found, f"a snapshot up to offset {end - 1}")
        return end - 1


def truncate(stage: Stage, topic: TopicName, offset: int) -> None:
    """Delete what stands before an offset of a topic's first partition."""
    with Admin(stage.node.settings, embedded=False) as admin:
        admin._client.delete_records({TopicPartition(stage.topics[topic], 0): offset})


ALONE: tuple[Alone, ...] = (
    SourceRecreated(),
    LearningTruncated(snapshots=False),
    LearningTruncated(snapshots=True),
)


def run_alone(fault: Alone, *, seed: int, rate: float, progress: Callable[[str], object]) -> Staged:
    """Stage one fault on a stage of its own."""
    with open_stage(seed=seed, rate=rate, progress=progress) as stage:
        try:
            return fault.run(stage)
        except (HungError, AssertionError, RefusedError) as error:
            return Staged(fault.name, Verdict(), hung=f"{error}\n{stage.logs()}")
