"""A snapshot and the rest of the log make the model of the whole log, or a refusal; never half a model."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from models.model import Model, ModelRules
from models.snapshot import encode
from schemas.errors import RefusedError, RetryError
from schemas.learning import LearningStep, Origin
from schemas.record import from_epoch_ms
from streams.bootstrap import build_world
from streams.flow import LogRecord
from streams.settings import Settings
from streams.snapshot_store import SnapshotStore, Stored
from streams.snapshot_writer import SnapshotWriter
from streams.snapshots import LearningLog, newest_valid, tail_name
from streams.world import LearningFold

NOON = 1_790_000_000.0

KINDS = ("view", "cart", "purchase", "view")


def record(offset: int, kind: str = "", *, shop: str = "ours") -> LogRecord:
    """Write one step of a log."""
    step = LearningStep(
        origin=Origin(topic="clickstream.events", partition=0, offset=offset),
        at=from_epoch_ms(1_700_000_000_000 + 1_000 * offset),
        visitor_id=f"v{offset % 5}",
        session=f"v{offset % 5}-{shop}",
        kind=kind or KINDS[offset % 4],
        items=() if kind == "forget" else ((f"i{offset % 7}", 1.0),),
    )
    return LogRecord(0, offset, 0, None, step.encode())


LOG = [record(offset) for offset in range(60)]


def fold_of(records: Sequence[LogRecord], model: Model | None = None) -> LearningFold:
    """Follow a log, from where a model stands."""
    fold = build_world(Settings(_env_file=None, index="numpy"), model=model).learning
    for one in records[fold.positions().get(0, -1) + 1 :]:
        fold.apply(one)
    return fold


def looking(records: Sequence[LogRecord], start: int = 0) -> Callable[[Sequence[int]], LearningLog]:
    """Look at a log whose records before `start` are gone."""

    def look(offsets: Sequence[int]) -> LearningLog:
        there = [offset for offset in offsets if start <= offset < len(records)]
        return LearningLog(start, len(records), {offset: tail_name(records[offset].value) for offset in there})

    return look


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    """Give an empty store."""
    return SnapshotStore(str(tmp_path), "learning")


def put(store: SnapshotStore, upto: int, hour: int = 0, log: Sequence[LogRecord] = LOG) -> Path:
    """Write the snapshot of a log's first steps, as a worker does."""
    writer = SnapshotWriter(store, fold_of(log[:upto]), interval_s=3600, clock=lambda: NOON + 3600 * hour)
    asyncio.run(writer.look(lambda: True, nullcontext))
    return Path(store.folder) / store.snapshots()[0].name


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Give what was logged."""
    return [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]


def test_snapshot_and_rest_are_the_whole_log(store: SnapshotStore) -> None:
    """To the last bit, and whatever the writer learned while its snapshot was on the way."""
    put(store, 40)
    model = newest_valid(store, looking(LOG))
    assert model is not None
    assert model.offset == 39
    assert fold_of(LOG, model).model.digest() == fold_of(LOG).model.digest()


def test_a_snapshot_is_not_torn(store: SnapshotStore) -> None:
    """Nothing is learned while the arrays are copied; what is learned while they are written is not among them."""
    fold = fold_of(LOG[:30])
    before = fold.model.digest()
    done: list[str] = []

    @contextmanager
    def held() -> Iterator[None]:
        done.append("held")
        yield
        done.append("released")
        for one in LOG[30:]:
            fold.apply(one)

    class Told(SnapshotStore):
        def write(self, pieces: Iterator[bytes], offset: int, written_ms: int) -> Stored:
            done.append("written")
            return super().write(pieces, offset, written_ms)

    writer = SnapshotWriter(Told(store.folder, "learning"), fold, interval_s=60, clock=lambda: NOON)
    asyncio.run(writer.look(lambda: True, held))
    model = newest_valid(store, looking(LOG))
    assert done == ["held", "released", "written"]
    assert model is not None
    assert model.digest() == before != fold.model.digest()


def test_forget_holds(store: SnapshotStore) -> None:
    """Who is erased after the snapshot was written is in it, and is gone when the rest was followed."""
    put(store, 40)
    log = [*LOG[:50], record(50, "forget")]
    model = newest_valid(store, looking(log))
    assert model is not None
    assert "v0" in model.history.keys.numbers
    fold_of(log, model)
    assert "v0" not in model.history.keys.numbers
    assert b'"v0"' not in encode(model)


def cut(path: Path) -> None:
    """Lose a file's end."""
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    """Change one byte in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def empty(path: Path) -> None:
    """Lose all of a file."""
    path.write_bytes(b"")


def rename(path: Path) -> None:
    """Call it by another offset."""
    path.rename(path.with_name(path.name.replace("-49.", "-48.")))


@pytest.mark.parametrize(
    ("damage", "why"),
    [(cut, "checksum"), (flip, "damaged"), (empty, "not a model snapshot"), (rename, "another log")],
)
def test_damaged_ones_are_passed_over(
    store: SnapshotStore, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None], why: str
) -> None:
    """The one before it is taken, with one line that says why."""
    put(store, 40)
    damage(put(store, 50, hour=1))
    model = newest_valid(store, looking(LOG))
    assert model is not None
    assert model.offset == 39
    (line,) = warnings(caplog)
    assert why in line


def test_other_rules_are_passed_over(store: SnapshotStore, caplog: pytest.LogCaptureFixture) -> None:
    """A model learned under other constants is not this model; the log is learned anew."""
    put(store, 40)
    assert newest_valid(store, looking(LOG), ModelRules(window=3)) is None
    (line,) = warnings(caplog)
    assert "other model rules" in line


def test_other_rules_and_a_cut_log_refuse_with_the_reason(store: SnapshotStore) -> None:
    """There is no way to the model of these constants but a new generation."""
    put(store, 40)
    with pytest.raises(RefusedError, match=r"goes as far .*other model rules"):
        newest_valid(store, looking(LOG, start=20), ModelRules(window=3))


def test_newer_than_the_log_is_passed_over(store: SnapshotStore, caplog: pytest.LogCaptureFixture) -> None:
    """A snapshot that knows more than the log belongs to a log that is gone."""
    put(store, 20)
    put(store, 40, hour=1)
    model = newest_valid(store, looking(LOG[:30]))
    assert model is not None
    assert model.offset == 19
    assert "ends with offset 39, the log with 29" in warnings(caplog)[0]


def test_of_another_log_is_passed_over(store: SnapshotStore, caplog: pytest.LogCaptureFixture) -> None:
    """A log that was created anew and has grown past the snapshot has another step where the snapshot ends."""
    put(store, 40)
    assert newest_valid(store, looking([record(offset, shop="new") for offset in range(60)])) is None
    assert "the topic was created anew" in warnings(caplog)[0]


@pytest.mark.parametrize("start", [1, 39, 40])
def test_a_cut_log_that_a_snapshot_reaches(store: SnapshotStore, start: int) -> None:
    """The snapshot has what the log lost; at 40 nothing of it is left to compare, and nothing is missing either."""
    put(store, 40)
    model = newest_valid(store, looking(LOG, start))
    assert model is not None
    assert model.offset == 39


@pytest.mark.parametrize("upto", [0, 40])
def test_a_cut_log_that_no_snapshot_reaches(store: SnapshotStore, upto: int) -> None:
    """Without the steps between it would be half a model: refused, with what can be done."""
    if upto:
        put(store, upto)
    with pytest.raises(
        RefusedError, match=r"starts at offset 41 and no snapshot .* `aisle topics create --recreate learning`"
    ):
        newest_valid(store, looking(LOG, 41))


def test_a_store_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    """A whole log is learned without it; else the worker comes back later, since the snapshot may be there then."""

    class Away(SnapshotStore):
        def snapshots(self) -> list:
            raise RetryError("the snapshot store does not answer")

    store = Away("memory://nowhere", "learning")
    assert newest_valid(store, looking(LOG)) is None
    assert warnings(caplog) == ["going on without snapshots: the snapshot store does not answer"]
    with pytest.raises(RetryError):
        newest_valid(store, looking(LOG, 1))


def test_written_when_due_by_the_one_elected(store: SnapshotStore) -> None:
    """One an interval, by one worker, wherever the last one was written; and never of nothing."""
    now = [NOON]
    fold = fold_of([])
    writer = SnapshotWriter(store, fold, interval_s=60, clock=lambda: now[0])

    def look(*, elected: bool) -> int:
        asyncio.run(writer.look(lambda: elected, nullcontext))
        return len(store.snapshots())

    assert look(elected=True) == 0
    fold.apply(LOG[0])
    assert look(elected=False) == 0
    assert look(elected=True) == look(elected=True) == 1
    now[0] += 59
    assert look(elected=True) == 1
    now[0] += 1
    assert look(elected=False) == 1
    assert look(elected=True) == 2
    now[0] -= 1000  # this worker's clock is right, that of the one before was ahead: what it dated ahead goes
    assert look(elected=True) == 1


def test_a_failed_one_is_tried_again(store: SnapshotStore, caplog: pytest.LogCaptureFixture) -> None:
    """A store that comes back has a snapshot soon after; the worker goes on all the while."""

    class Flaky(SnapshotStore):
        calls = 0

        def snapshots(self) -> list:
            self.calls += 1
            if self.calls < 3:
                raise RetryError("the snapshot store does not answer")
            return super().snapshots()

    flaky = Flaky(store.folder, "learning")

    async def work() -> None:
        task = asyncio.create_task(SnapshotWriter(flaky, fold_of(LOG), interval_s=0.01).run(lambda: True, nullcontext))
        until = time.monotonic() + 10
        while not store.snapshots() and time.monotonic() < until:
            await asyncio.wait([task], timeout=0.01)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(work())
    assert store.snapshots()
    assert warnings(caplog) == ["no model snapshot for now: the snapshot store does not answer"] * 2
