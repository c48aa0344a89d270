"""Where snapshots are kept: complete ones only, the newest three, whatever kind of store it is."""

from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from schemas.errors import RefusedError, RetryError
from streams.snapshot_store import SnapshotStore, Stored

NOON_MS = 1_790_000_000_000


class AwayFileSystem(MemoryFileSystem):
    """An object store that does not answer."""

    protocol = "away"

    def ls(self, path: str, **_: object) -> list[str]:
        raise TimeoutError("no route to host")

    def makedirs(self, path: str, **_: object) -> None:
        raise TimeoutError("no route to host")

    def cat_file(self, path: str, **_: object) -> bytes:
        raise TimeoutError("no route to host")


fsspec.register_implementation("away", AwayFileSystem, clobber=True)


@pytest.fixture(params=["directory", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of a folder that nobody has made yet; `memory` copies and removes where a disk renames."""
    return str(tmp_path / "models" / "here") if request.param == "directory" else f"memory://bucket-{token_hex(4)}/here"


def names(store: SnapshotStore) -> list[str]:
    """Give the names of all files in a store's folder."""
    return sorted(path.rpartition("/")[2] for path in store._fs.ls(store.folder, detail=False))


def test_what_was_written_is_read(url: str) -> None:
    """Newest first, by the time of writing: a log that was created anew starts over with its offsets."""
    store = SnapshotStore(url, "learning")
    assert store.snapshots() == []
    old = store.write([b"one", memoryview(b"two")], 900, NOON_MS)
    new = store.write([b"three"], 5, NOON_MS + 1)
    assert store.snapshots() == SnapshotStore(url, "learning").snapshots() == [new, old]
    assert (store.read(old), store.read(new)) == (b"onetwo", b"three")


def test_a_half_is_never_seen(url: str) -> None:
    """While a snapshot is written, and when its writer fails or dies, the one before is the newest."""
    store = SnapshotStore(url, "learning")
    before = store.write([b"whole"], 1, NOON_MS)

    def pieces() -> Iterator[bytes]:
        yield b"ha"
        assert SnapshotStore(url, "learning").snapshots() == [before]
        raise OSError("disk full")

    with pytest.raises(RetryError, match="disk full"):
        store.write(pieces(), 2, NOON_MS + 1)
    assert store.snapshots() == [before]


def test_the_newest_three_are_kept(url: str) -> None:
    """Older ones go, and so does what a writer left that died; a younger half may still be under way."""
    store = SnapshotStore(url, "learning")
    store.write([b"0"], 0, NOON_MS)
    for at in (0, 4):
        with store._fs.open(f"{store.folder}/learning-{NOON_MS + at}-7.snapshot.part", "wb") as file:
            file.write(b"half")
    written = [store.write([b"x"], at, NOON_MS + at) for at in range(1, 5)]
    assert store.snapshots() == written[:0:-1]
    assert names(store) == sorted([one.name for one in written[1:]] + [f"learning-{NOON_MS + 4}-7.snapshot.part"])


def test_a_clock_that_ran_ahead_does_not_stay_the_newest(url: str) -> None:
    """What is dated after the snapshot just written goes; the new one stays."""
    store = SnapshotStore(url, "learning")
    for at in range(1, 4):
        store.write([b"ahead"], at, NOON_MS + 3_600_000 + at)
    new = store.write([b"now"], 9, NOON_MS)
    assert store.snapshots() == [new]


def test_installations_share_a_store(url: str) -> None:
    """Each sees and prunes its own; a file that is no snapshot stays where it is."""
    ours, theirs = SnapshotStore(url, "learning"), SnapshotStore(url, "test.learning")
    one = theirs.write([b"theirs"], 1, NOON_MS)
    with theirs._fs.open(f"{theirs.folder}/README", "wb") as file:
        file.write(b"what this is")
    for at in range(5):
        ours.write([b"ours"], at, NOON_MS + at)
    assert theirs.snapshots() == [one]
    assert len(ours.snapshots()) == 3
    assert "README" in names(ours)


def test_a_snapshot_that_went_meanwhile(url: str) -> None:
    """Another worker removed it between looking and reading: said in words, so that the next one is tried."""
    with pytest.raises(RefusedError, match="removed meanwhile"):
        SnapshotStore(url, "learning").read(Stored(NOON_MS, 1, f"learning-{NOON_MS}-1.snapshot"))


def test_a_store_that_is_away() -> None:
    """Whatever the store's own error is, it means: later."""
    store = SnapshotStore("away://bucket/models", "learning")
    with pytest.raises(RetryError, match=r"does not answer.*no route"):
        store.snapshots()
    with pytest.raises(RetryError):
        store.write([b"x"], 1, NOON_MS)
    with pytest.raises(RetryError):
        store.read(Stored(NOON_MS, 1, "x"))


class NeedsPackage(MemoryFileSystem):
    """A kind of store whose package is not installed."""

    protocol = "needs-package"

    def __init__(self, **_: object) -> None:
        raise ImportError("Install s3fs to access S3")


fsspec.register_implementation("needs-package", NeedsPackage, clobber=True)


@pytest.mark.parametrize(("url", "why"), [("pigeon://roof", "pigeon"), ("needs-package://bucket", "Install s3fs")])
def test_a_store_that_cannot_be(url: str, why: str) -> None:
    """A kind of store nobody knows, or whose package is not installed, is a setting to change."""
    with pytest.raises(RefusedError, match=rf"AISLE_SNAPSHOT_URL cannot be used: .*{why}"):
        SnapshotStore(url, "learning")
