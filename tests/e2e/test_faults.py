"""The short plan of the fault suite; `make faults` stages the long one."""

from pathlib import Path

import pytest
from rich.console import Console

from models.warm_up import warm_up
from schemas.errors import RefusedError
from tests.conftest import absent
from tests.faults.plan import in_order
from tests.faults.registry import SHORT
from tests.faults.run import run
from tests.faults.stage import open_stage


@pytest.mark.kafka
@pytest.mark.timeout(900)
def test_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    """Killed at each marked point, joined, and outlived by a stopped worker: contexts, slates and models are exact."""
    warm_up()
    plan = in_order(SHORT, seed=1)
    try:
        with open_stage(seed=1, rate=30.0, folder=tmp_path) as stage:
            report = run(plan, stage, Console(stderr=True, width=160))
    except RefusedError as error:
        absent(f"Apache Kafka cannot be started here: {error}")
    assert report.findings() == []
    assert report.exact
    assert len(report.staged) == len(SHORT)
