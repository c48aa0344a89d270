"""All indexes answer alike; the exact one in numpy is the oracle."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from models.ports import VectorIndex
from streams.adapters.edge import EdgeVectorIndex
from streams.adapters.numpy_index import NumpyVectorIndex
from streams.adapters.qdrant import QdrantVectorIndex

# The local client says that it ignores payload indexes, which is why it only doubles for a server here.
pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")

DIM = 16
IDS = [f"p{n:04}" for n in range(600)]
CATEGORIES = [f"c{n % 7}" for n in range(600)]
VECTORS = np.random.default_rng(7).normal(size=(600, DIM)).astype(np.float32)


class Bench(NamedTuple):
    """An index under test; `settle` waits until its writes can be found."""

    index: VectorIndex
    settle: Callable[[], object]


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    """Start a Qdrant server in Docker, where there is Docker."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True, check=False).returncode != 0:
        pytest.skip("a real Qdrant server needs Docker")
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import HttpWaitStrategy

    server = DockerContainer("qdrant/qdrant:v1.16.3").with_exposed_ports(6333)
    with server.waiting_for(HttpWaitStrategy(6333).for_status_code(200)):
        yield f"http://{server.get_container_host_ip()}:{server.get_exposed_port(6333)}"


@pytest.fixture(params=["numpy", "edge", "qdrant-local", "qdrant-server"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """One empty index of each kind."""
    from qdrant_client import QdrantClient

    index: VectorIndex
    if request.param == "numpy":
        index = NumpyVectorIndex(DIM)
    elif request.param == "edge":
        index = EdgeVectorIndex(DIM, tmp_path / "edge")
    else:
        remote = request.param == "qdrant-server"
        client = (
            QdrantClient(url=request.getfixturevalue("server_url"), timeout=5) if remote else QdrantClient(":memory:")
        )
        index = QdrantVectorIndex(client, DIM, collection=tmp_path.name, timeout_ms=5000)
    yield Bench(index, getattr(index, "flush", lambda: None))
    index.close()


def fill(bench: Bench) -> NumpyVectorIndex:
    """Put all products into an index and into the oracle."""
    oracle = NumpyVectorIndex(DIM)
    for index in (bench.index, oracle):
        index.upsert(IDS, VECTORS, categories=CATEGORIES)
    bench.settle()
    return oracle


def test_recall(bench: Bench) -> None:
    """At least 97 of the 100 nearest are found, with the oracle's scores."""
    oracle = fill(bench)
    hits = 0
    for query in VECTORS[:20] * 3:
        expected = dict(oracle.near(query, limit=100))
        found = bench.index.near(query, limit=100)
        hits += len(expected.keys() & {neighbour.product_id for neighbour in found})
        assert len(found) == 100
        assert found == sorted(found, key=lambda neighbour: (-neighbour.score, neighbour.product_id))
        assert all(abs(score - expected.get(product_id, score)) < 1e-4 for product_id, score in found)
    assert hits >= 0.97 * 20 * 100


def test_filter_by_category(bench: Bench) -> None:
    """Only the category asked for is searched, and all of it can be found."""
    oracle = fill(bench)
    expected = [neighbour.product_id for neighbour in oracle.near(VECTORS[3], limit=200, category="c3")]

    assert [neighbour.product_id for neighbour in bench.index.near(VECTORS[3], limit=200, category="c3")] == expected
    assert len(expected) == CATEGORIES.count("c3")
    assert bench.index.near(VECTORS[3], limit=5, category="no such") == []


def test_exclude(bench: Bench) -> None:
    """Excluded products make room for the next ones; unknown ones may be excluded too."""
    fill(bench)
    best = [neighbour.product_id for neighbour in bench.index.near(VECTORS[3], limit=6)]

    found = bench.index.near(VECTORS[3], limit=4, exclude=[*best[:2], "unknown"])

    assert best[0] == IDS[3]
    assert [neighbour.product_id for neighbour in found] == best[2:]
    same = bench.index.near(VECTORS[3], limit=600, category="c3", exclude={IDS[3]})
    assert len(same) == CATEGORIES.count("c3") - 1


def test_remove(bench: Bench) -> None:
    """Removed products are not found, the others are; unknown ones are ignored."""
    fill(bench)
    bench.index.remove([*IDS[:300], "unknown"])
    bench.settle()

    assert len(bench.index) == 300
    assert {found.product_id for found in bench.index.near(VECTORS[3], limit=600)} == set(IDS[300:])


def test_replace(bench: Bench) -> None:
    """The last vector and category of a product count, within one upsert as well."""
    fill(bench)
    twice = np.stack([VECTORS[8], -VECTORS[3]])
    bench.index.upsert([IDS[3], IDS[3]], twice, categories=["old", "moved"])
    bench.settle()

    assert len(bench.index) == len(IDS)
    (found,) = bench.index.near(-VECTORS[3] * 5, limit=10, category="moved")
    assert found == (IDS[3], pytest.approx(1.0, abs=1e-5))
    assert bench.index.near(VECTORS[3], limit=10, category="old") == []


def test_removed_and_put_again(bench: Bench) -> None:
    """A product that comes back is found again."""
    bench.index.upsert(["a"], VECTORS[:1], categories=[""])
    bench.index.remove(["a"])
    bench.index.upsert(["a"], VECTORS[1:2], categories=[""])
    bench.settle()

    assert bench.index.near(VECTORS[1], limit=3) == [("a", pytest.approx(1.0, abs=1e-5))]
    assert bench.index.near(VECTORS[1], limit=3, category="") == [("a", pytest.approx(1.0, abs=1e-5))]


def test_ties_are_ordered_by_id(bench: Bench) -> None:
    """Products with the same direction come in the order of their ids, whatever the order they came in."""
    ids = ["b", "a", "d", "c"]
    bench.index.upsert(ids, np.outer([1, 2, 3, 4], VECTORS[0]), categories=["", "", "", ""])
    bench.settle()

    assert [found.product_id for found in bench.index.near(VECTORS[0], limit=4)] == ["a", "b", "c", "d"]


def test_empty(bench: Bench) -> None:
    """An empty index answers nothing; so does a limit of nothing."""
    assert bench.index.near(VECTORS[0], limit=5) == []
    assert bench.index.near(VECTORS[0], limit=5, category="c1", exclude=["a"]) == []
    bench.index.upsert([], np.zeros((0, DIM), np.float32), categories=[])
    bench.index.remove([])
    assert len(bench.index) == 0
    fill(bench)
    assert bench.index.near(VECTORS[0], limit=0) == []


def test_wrong_dim_is_refused(bench: Bench) -> None:
    """Vectors that do not fit are refused with both shapes, and change nothing."""
    with pytest.raises(ValueError, match=r"shape \(1, 3\) for an index that takes \(1, 16\)"):
        bench.index.upsert(["a"], np.ones((1, 3), np.float32), categories=[""])
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        bench.index.near(np.ones(3, np.float32), limit=5)
    assert len(bench.index) == 0


def test_any_id(bench: Bench) -> None:
    """Ids of any text are found under exactly that text."""
    ids = ["🛒 émoji", "x" * 128, "12", "3f0c9a0e-7b1d-4d8e-9a57-000000000000", "a/b?c=d", " "]
    bench.index.upsert(ids, VECTORS[: len(ids)], categories=["📦"] * len(ids))
    bench.settle()

    for product_id, vector in zip(ids, VECTORS, strict=False):
        assert bench.index.near(vector, limit=1, category="📦")[0].product_id == product_id


def test_closing_twice_is_harmless(bench: Bench) -> None:
    """Whoever closes last is not punished."""
    bench.index.close()
    bench.index.close()
