"""`aisle run` as an engineer starts it: one file in, slates and a verdict out, nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytestmark = pytest.mark.slow

AISLE = (sys.executable, "-c", "from streams.cli.main import main; main()")
LINES = 400


class Run(NamedTuple):
    """What one run left: its exit code, its output, the slates and the contexts."""

    code: int
    out: str
    err: str
    slates: list[dict[str, Any]]
    contexts: bytes
    raw: bytes

    @property
    def summary(self) -> dict[str, Any]:
        """Give the last line of output."""
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return found


def environment(home: Path) -> dict[str, str]:
    """Give a run a home of its own, by which its processes are known."""
    return {**os.environ, "AISLE_DATA_DIR": str(home), "AISLE_PARTITIONS": "4"}


def aisle(home: Path, *arguments: str) -> Run:
    """Run `aisle run ARGUMENTS --json` to its end."""
    slates, contexts = home / "slates.jsonl", home / "contexts.jsonl"
    done = subprocess.run(
        [*AISLE, "run", *arguments, "--json", "--slates", str(slates), "--contexts", str(contexts)],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    raw = slates.read_bytes() if slates.exists() else b""
    kept = contexts.read_bytes() if contexts.exists() else b""
    return Run(done.returncode, done.stdout, done.stderr, [json.loads(line) for line in raw.splitlines()], kept, raw)


def processes_of(home: Path) -> list[int]:
    """Find living processes that were started with this home."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            known = f"AISLE_DATA_DIR={home}".encode() in (place / "environ").read_bytes().split(b"\0")
            if known and (place / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                found.append(int(place.name))
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Share one cache of vectors; afterwards no process of a run is left."""
    path = tmp_path_factory.mktemp("run")
    yield path
    assert processes_of(path) == []


@pytest.fixture(scope="module")
def rees46(data_dir: Path) -> tuple[str, ...]:
    """Name the file and its first lines."""
    return (str(data_dir / "rees46/events_clean.csv.gz"), "--format", "rees46", "--limit", str(LINES))


@pytest.fixture(scope="module")
def on_kafka(home: Path, rees46: tuple[str, ...]) -> Run:
    """Run once on the embedded broker."""
    return aisle(home, *rees46, "--broker", "embedded")


@pytest.fixture(scope="module")
def in_process(home: Path, rees46: tuple[str, ...]) -> Run:
    """Run once without a broker."""
    return aisle(home, *rees46, "--in-process")


def test_a_run_says_what_it_came_to(on_kafka: Run) -> None:
    """With the keys scripts read, no dead letter, and better than both references."""
    assert on_kafka.code == 0, on_kafka.err
    summary = on_kafka.summary
    assert list(summary) == [
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
    assert (summary["events"], summary["dead_letters"]) == (LINES, 0)
    for metric in ("hr@20", "mrr@20"):
        assert summary[metric] > max(summary[f"popularity_{metric}"], summary[f"cooc_{metric}"])
    assert 0 < summary["latency_ms"]["p50"] <= summary["latency_ms"]["p99"] < 60_000


def test_every_triggering_event_gets_one_slate_per_placement(on_kafka: Run) -> None:
    """Each line of this file triggers two shelves."""
    causes = Counter((slate["cause"]["event_id"], slate["placement"]) for slate in on_kafka.slates)
    assert set(causes.values()) == {1}
    assert len(causes) == on_kafka.summary["slates"] == 2 * LINES
    assert len({slate["slate_id"] for slate in on_kafka.slates}) == 2 * LINES


def test_a_second_run_gives_the_same_slate_ids_and_contexts(on_kafka: Run, home: Path, rees46: tuple[str, ...]) -> None:
    """Whatever the batches were."""
    again = aisle(home, *rees46, "--broker", "embedded")
    assert again.code == 0, again.err
    assert {slate["slate_id"] for slate in again.slates} == {slate["slate_id"] for slate in on_kafka.slates}
    assert again.contexts == on_kafka.contexts


def test_in_process_runs_are_equal_to_the_byte(in_process: Run, home: Path, rees46: tuple[str, ...]) -> None:
    """Same events, same slates: no clock, no chance."""
    again = aisle(home, *rees46, "--in-process")
    assert (again.code, in_process.code) == (0, 0)
    assert again.raw == in_process.raw
    assert again.contexts == in_process.contexts


def test_with_and_without_a_broker_visitors_end_alike(on_kafka: Run, in_process: Run) -> None:
    """One implementation: the same slate ids, the same contexts."""
    assert {slate["slate_id"] for slate in in_process.slates} == {slate["slate_id"] for slate in on_kafka.slates}
    assert in_process.contexts == on_kafka.contexts


def test_a_file_of_a_few_lines_ends_too(home: Path, tmp_path: Path) -> None:
    """Fewer visitors than partitions; the line that cannot be read is left out."""
    file = tmp_path / "few.csv"
    file.write_text("sid,sku,ts\na,p1,2026-05-01T10:00:00Z\na,p2,2026-05-01T10:01:00Z\nb,p1,yesterday\n")
    few = aisle(home, str(file), "--format", "csv", "--columns", "session=sid,item=sku,time=ts", "--broker", "embedded")
    assert few.code == 0, few.err
    assert few.summary["events"] == 2


def test_a_run_never_writes_over_what_it_reads(tmp_path: Path) -> None:
    """The file is as it was."""
    file = tmp_path / "few.csv"
    file.write_text("sid,sku,ts\na,p1,2026-05-01T10:00:00Z\n")
    command = [*AISLE, "run", str(file), "--format", "csv", "--columns", "session=sid,item=sku,time=ts"]
    done = subprocess.run([*command, "--slates", str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "name another one to write to" in done.stderr
    assert file.read_text().startswith("sid")


def test_an_interrupted_run_leaves_no_process(home: Path, rees46: tuple[str, ...]) -> None:
    """SIGTERM in the middle: workers and broker go too, and one sentence is said."""
    process = subprocess.Popen(
        [*AISLE, "run", *rees46, "--broker", "embedded"],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while len(processes_of(home)) < 4 and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Stopped before the end of the file." in err
    deadline = time.monotonic() + 10
    while processes_of(home) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_of(home) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("absent.csv", "--format", "rees46"), "cannot be read"),
        (("absent.csv", "--format", "rees46", "--slates", "absent.csv"), "cannot be read"),
        (("pyproject.toml", "--format", "uci"), "is it really a UCI Online Retail file?"),
        (("pyproject.toml", "--format", "parquet"), "use one of serenade, rees46, uci, csv"),
        (("pyproject.toml", "--format", "csv"), "--columns must name"),
        (("README.md", "--format", "csv", "--columns", "session=sid,item=sku,time=ts"), "has no column"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_starts(
    home: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    """One sentence, exit code 1."""
    refused = aisle(home, *arguments)
    assert refused.code == 1
    assert sentence in refused.err
    assert "Traceback" not in refused.err
