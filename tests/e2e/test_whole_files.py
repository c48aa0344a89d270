"""Public files through the whole engine: what the README promises, held."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

AISLE = (sys.executable, "-c", "from streams.cli.main import main; main()")


def run(home: Path, *arguments: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run `aisle run ARGUMENTS`; gives the last line it printed, and the slates."""
    slates = home / "slates.jsonl"
    done = subprocess.run(
        [*AISLE, "run", *arguments, "--json", "--slates", str(slates)],
        env={**os.environ, "AISLE_DATA_DIR": str(home)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), [json.loads(line) for line in slates.read_bytes().splitlines()]


def check(said: dict[str, Any], slates: list[dict[str, Any]]) -> None:
    """Hold a run to what every run must keep."""
    assert said["dead_letters"] == 0
    once = Counter((slate["cause"]["partition"], slate["cause"]["offset"], slate["placement"]) for slate in slates)
    assert set(once.values()) == {1}
    assert len(slates) == said["slates"]
    for metric in ("hr@20", "mrr@20"):
        assert said[metric] > max(said[f"popularity_{metric}"], said[f"cooc_{metric}"])


@pytest.mark.kafka
def test_rees46_on_apache_kafka(data_dir: Path, tmp_path: Path, kafka_broker: object) -> None:
    """2,000 events, two slates for each, none refused, better than popularity and co-occurrence."""
    del kafka_broker  # a run climbs the ladder by itself; without a real broker this is skipped
    file = data_dir / "rees46/events_clean.csv.gz"
    said, slates = run(tmp_path, str(file), "--format", "rees46", "--limit", "2000")
    assert said["events"] == 2_000
    assert said["slates"] == 2 * 2_000
    check(said, slates)


def test_invoices_of_uci(data_dir: Path, tmp_path: Path) -> None:
    """Each line is a cart event and each invoice a purchase, and all of them get their slates."""
    file = data_dir / "uci_online_retail/online_retail_clean_sales.csv.gz"
    said, slates = run(tmp_path, str(file), "--format", "uci", "--limit", "3000", "--in-process")
    placements = Counter(slate["placement"] for slate in slates)
    assert placements["cart"] == 3_000
    assert placements["home"] == said["events"] == 3_000 + placements["confirmation"]
    check(said, slates)
