"""The parts of `aisle run` that need no broker."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from schemas.errors import RefusedError
from schemas.events import Event, Item
from streams.runs.children import Children
from streams.runs.on_kafka import environment_of
from streams.runs.progress import NOTHING, ProgressClient
from streams.runs.tally import Tally
from streams.runs.window import Window
from streams.settings import Settings

PYTHON = (sys.executable, "-c")


def view(minute: int, product_id: str) -> Event:
    """Make a view by one visitor."""
    at = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(minutes=minute)
    return Event(event_id=str(minute), name="view_item", visitor_id="v", at=at, items=(Item(product_id=product_id),))


def test_a_summary_has_the_keys_scripts_read() -> None:
    """All of them, even for nothing."""
    assert list(Tally({"view_item"}).summary()) == [
        "events",
        "slates",
        "dead_letters",
        "latency_ms",
        "hr@20",
        "mrr@20",
        "popularity_hr@20",
        "popularity_mrr@20",
        "cooc_hr@20",
        "cooc_mrr@20",
    ]


def test_only_home_slates_are_scored_and_all_are_counted() -> None:
    """Other shelves answer other questions."""
    tally = Tally({"view_item"})
    tally.event(view(0, "a"), partition=0, offset=0)
    tally.slate("product", ["x"], partition=0, cause=0, latency_ms=9.0)
    tally.slate("home", ["b"], partition=0, cause=0, latency_ms=1.0)
    tally.event(view(1, "b"), partition=0, offset=1)
    tally.scoring.finish()
    summary = tally.summary()
    assert (summary["events"], summary["slates"], summary["hr@20"]) == (2, 2, 1.0)
    assert summary["latency_ms"] == {"p50": 9.0, "p99": 9.0}


def test_a_slate_of_unknown_latency_still_counts() -> None:
    """Its event's acknowledgement may not have been seen yet."""
    tally = Tally({"view_item"})
    tally.slate("home", [], partition=0, cause=0, latency_ms=None)
    assert (tally.slates, tally.latencies.quantile(0.5)) == (1, 0.0)


def test_a_window_never_opens_beyond_half_its_bound() -> None:
    """Room shrinks with what is sent and grows only with what is worked through and learned."""
    window = Window(2, ahead=6)
    assert [window.send(0), window.send(0), window.send(1)] == [0, 1, 0]
    assert window.room == 0
    window.heard(marks={0: 0}, unlearned=0)
    assert window.room == 1
    window.heard(marks={0: 1, 1: 0}, unlearned=2)
    assert window.room == 1
    window.heard(marks={0: 1, 1: 0}, unlearned=0)
    assert window.room == 3


def test_a_window_counts_what_others_write() -> None:
    """Their records take room until they are worked through, whether an acknowledgement or a reading told of them."""
    window = Window(1, ahead=20)
    window.send(0)
    window.send(0)
    window.acknowledged(0, 3)  # three of others lie before it
    window.heard(marks={}, unlearned=0)
    assert window.room == 10 - 5
    window.acknowledged(0, 4)
    window.seen(0, 2)
    window.heard(marks={0: 4}, unlearned=0)
    assert window.done({0: 5})
    window.seen(0, 6)
    window.heard(marks={0: 4}, unlearned=0)
    assert (window.room, window.done({0: 5})) == (10 - 2, False)
    assert window.send(0) == 7


def test_a_window_is_not_confused_by_what_is_read_before_its_acknowledgement() -> None:
    """The same event is counted once."""
    window = Window(1, ahead=20)
    window.send(0)
    window.seen(0, 0)
    window.heard(marks={0: 0}, unlearned=0)
    assert window.room == 10
    window.acknowledged(0, 0)
    assert window.done({0: 1})


def test_a_run_is_done_when_all_is_written_and_learned() -> None:
    """Applied is not enough: slates may still be on their way."""
    window = Window(3)
    window.send(0)
    window.heard(marks={0: 0}, unlearned=1)
    assert not window.done({0: 1})
    window.heard(marks={0: 0}, unlearned=0)
    assert not window.done({0: -1, 1: -1})
    assert window.done({0: 1, 1: 0, 2: 0})
    assert window.done({0: 1, 1: -1, 2: -1})  # nothing was sent there, so nothing was committed


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    """Serve one fixed progress."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            partitions = {"0": {"mark": 7, "end": 9, "committed": 5}, "3": {"mark": 1, "end": 2, "committed": -1}}
            followers = {
                "learning": {"positions": {"0": 8}, "lag": 0},
                "catalog.products": {"positions": {"0": 1, "1": 4}, "lag": 3},
            }
            body = json.dumps({"ready": True, "partitions": partitions, "followers": followers}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
    thread.start()
    yield httpd
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_progress_is_read_over_one_connection(server: HTTPServer) -> None:
    """By partition, with the sums a run waits for."""
    client = ProgressClient(server.server_address[1])
    first, second = client.ask(), client.ask()
    client.close()
    assert first == second
    assert first.ready
    assert first.marks == {0: 7, 3: 1}
    assert first.committed == {0: 5, 3: -1}
    assert (first.model, first.products, first.embeddings) == (8, 7, 0)


def test_a_worker_that_does_not_answer_has_no_progress() -> None:
    """It may still be starting."""
    client = ProgressClient(1)
    assert client.ask() == NOTHING


def test_children_are_gone_when_the_block_ends(tmp_path: Path) -> None:
    """Also one that ignores being asked, and what it started itself; the logs go when all went well."""
    code = (
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print('up', flush=True); import time; time.sleep(60)"
    )
    logs = tmp_path / "logs"
    with Children(logs, {}, command=PYTHON) as children:
        children.start(code)
        (process,) = children._running.values()
        while not any(log.read_text() for log in logs.iterdir()):
            time.sleep(0.02)
        children.check()
    assert process.returncode is not None
    assert not logs.exists()
    deadline = time.monotonic() + 5  # a killed process takes a moment to be gone
    while _alive(process.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _alive(process.pid)


def _alive(group: int) -> list[Path]:
    """Find a group's living processes."""
    return [stat for stat in Path("/proc").glob("[0-9]*/stat") if _group_of(stat) == group]


def _group_of(stat: Path) -> int:
    """Give a living process's group."""
    try:
        state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
    except OSError:
        return -1
    return -1 if state in "ZX" else int(group)


def test_a_child_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    """So that nobody looks for a log file."""
    with Children(tmp_path, {"AISLE_LAST": "no topics", "HOME": None}, command=PYTHON) as children:
        children.start("import os, sys; print(os.environ['AISLE_LAST'], 'HOME' in os.environ); sys.exit(3)")
        (process,) = children._running.values()
        process.wait(20)
        with pytest.raises(RefusedError, match="code 3") as refused:
            children.check()
    assert "no topics False" in str(refused.value)


def test_a_child_whose_end_ends_nothing_is_told_of_once(tmp_path: Path) -> None:
    """The others go on, and are looked after as before."""
    with Children(tmp_path, {}, command=PYTHON) as children:
        children.start("import time; time.sleep(60)")
        children.start_other("shop", [*PYTHON, "print('no stock'); raise SystemExit(4)"])
        children._running["shop"].wait(20)
        words = children.bury()
        assert list(words) == ["shop"]
        assert "code 4" in words["shop"]
        assert "no stock" in words["shop"]
        assert children.bury() == {}
        children.check()


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "openai_api_key", "OPENAI_BASE_URL", "Openai_Base_Url"])
def test_a_run_over_a_file_never_finds_a_language_model(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the user's environment nor their `.env` gives its workers one."""
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text(f"{name}=http://paid/v1\n")
    monkeypatch.setenv(name, "http://paid/v1")
    assert Settings().llm_on
    for other, told in environment_of(Settings(), {}).items():
        if told is None:
            monkeypatch.delenv(other, raising=False)
        else:
            monkeypatch.setenv(other, told)
    assert not Settings().llm_on
