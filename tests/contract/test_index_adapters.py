"""What each index does when its place is taken, broken, away or foreign."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import SecretStr
from qdrant_client import QdrantClient, models

from schemas.errors import DegradedError, RefusedError
from streams.adapters.edge import EdgeVectorIndex
from streams.adapters.numpy_index import NumpyVectorIndex
from streams.adapters.opening import index_opener, open_index
from streams.adapters.qdrant import QdrantVectorIndex
from streams.settings import Settings

ONE = np.ones((1, 4), np.float32)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_edge_directory_has_one_owner(tmp_path: Path) -> None:
    """A second index on the directory is refused, and the first one works on; after it closes the place is free."""
    first = EdgeVectorIndex(4, tmp_path / "edge")
    with pytest.raises(RefusedError, match="AISLE_DATA_DIR"):
        EdgeVectorIndex(4, tmp_path / "edge")
    first.upsert(["a"], ONE, categories=[""])
    assert first.near(ONE[0], limit=1)[0].product_id == "a"
    first.close()

    second = EdgeVectorIndex(4, tmp_path / "edge")
    assert len(second) == 0
    assert second.near(ONE[0], limit=1) == []
    second.close()


def test_edge_starts_over_a_broken_directory(tmp_path: Path) -> None:
    """What a crash left behind does not matter: the directory is a cache of the log."""
    broken = tmp_path / "edge"
    (broken / "segments").mkdir(parents=True)
    (broken / "edge_config.json").write_bytes(b"\x00garbage")

    index = EdgeVectorIndex(4, broken)
    index.upsert(["a"], ONE, categories=[""])

    assert index.near(ONE[0], limit=1)[0].product_id == "a"
    index.close()


def test_edge_says_where_it_cannot_write(tmp_path: Path) -> None:
    """A place that cannot be a directory is refused in a sentence."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RefusedError, match="cannot be written"):
        EdgeVectorIndex(4, tmp_path / "file" / "edge")


def test_memory_stands_in_for_an_index_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a full disk: the worker serves, and its log says from where."""

    def full(directory: str, _config: object) -> None:
        raise Exception(f"Service runtime error: {directory}: No space left on device (os error 28)")  # noqa: TRY002

    monkeypatch.setattr("qdrant_edge.EdgeShard", SimpleNamespace(create=full))
    index = open_index(Settings(_env_file=None, index="edge", data_dir=tmp_path), 4)
    assert isinstance(index, NumpyVectorIndex)
    monkeypatch.undo()
    index = open_index(Settings(_env_file=None, index="edge", data_dir=tmp_path), 4)
    assert isinstance(index, EdgeVectorIndex)
    index.close()


def test_qdrant_refuses_a_foreign_collection() -> None:
    """A collection of another dim is refused with both numbers."""
    client = QdrantClient(":memory:")
    client.create_collection("products", vectors_config=models.VectorParams(size=8, distance=models.Distance.COSINE))

    with pytest.raises(RefusedError, match="8 numbers, the embeddings have 4"):
        QdrantVectorIndex(client, 4, collection="products", timeout_ms=50)


def test_qdrant_away_is_no_reason_to_wait() -> None:
    """A server that is not there: starting works, searching is degraded at once, closing does not hang."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = QdrantClient(url=f"http://127.0.0.1:{port}", timeout=1, check_compatibility=False)
    index = QdrantVectorIndex(client, 4, collection="products", timeout_ms=50)
    index.upsert(["a"], ONE, categories=[""])

    with pytest.raises(DegradedError):
        index.near(ONE[0], limit=1)
    assert not index.flush(0.05)
    index.close()


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")
def test_qdrant_slow_is_served_without(silent_port: int) -> None:
    """A server that stops answering costs a slate the set time and no more; a full queue of searches costs nothing."""
    index = QdrantVectorIndex(QdrantClient(":memory:"), 4, collection="products", timeout_ms=50)
    index.upsert(["a"], ONE, categories=[""])
    assert index.flush()
    index._client = QdrantClient(url=f"http://127.0.0.1:{silent_port}", timeout=1, check_compatibility=False)

    start = time.monotonic()
    for _ in range(8):
        with pytest.raises(DegradedError):
            index.near(ONE[0], limit=1)
    assert time.monotonic() - start < 1.0
    index.close()


def test_settings_choose_the_index(tmp_path: Path) -> None:
    """The server where one is set, else what `index` says; each model has its own place."""
    assert isinstance(open_index(Settings(qdrant_url=None), 4), NumpyVectorIndex)

    opener = index_opener(Settings(qdrant_url=None, index="edge", data_dir=tmp_path))
    one, other = opener("org/model-a", 4), opener("model-b", 4)
    assert isinstance(one, EdgeVectorIndex)
    assert isinstance(other, EdgeVectorIndex)
    one.close()
    other.close()


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection:UserWarning")
def test_settings_name_the_server() -> None:
    """`QDRANT_URL` and its key make a client of the server; one that is away is not an error at the start."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = Settings(qdrant_url=f"http://127.0.0.1:{port}", qdrant_api_key=SecretStr("key"))

    index = open_index(settings, 4)

    assert isinstance(index, QdrantVectorIndex)
    index.close()
