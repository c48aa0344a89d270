"""The alerts and the page that explains them, held against the code."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from prometheus_client import Counter, Histogram

from streams.reference import variable
from streams.settings import Settings
from streams.telemetry import METRICS, MetricName

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
ALERTS = (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text()
RULES: list[dict[str, Any]] = [rule for group in yaml.safe_load(ALERTS)["groups"] for rule in group["rules"]]
LABELS = {"job", "instance", "le"}
"""What Prometheus itself puts on."""


def series(name: MetricName) -> Iterable[str]:
    """Give the names under which Prometheus stores a metric."""
    kind = METRICS[name].kind
    endings = {Counter: ("_total",), Histogram: ("", "_bucket", "_sum", "_count")}.get(kind, ("",))
    return (f"aisle_{name}{ending}" for ending in endings)


def rules() -> list[Any]:
    """Give each alert by its name."""
    return [pytest.param(rule, id=rule["alert"]) for rule in RULES]


@pytest.mark.parametrize("text", [PAGE, ALERTS], ids=["page", "alerts"])
def test_every_metric_that_is_named_exists(text: str) -> None:
    """As Prometheus stores it: a counter ends in `_total`."""
    named = set(re.findall(r"\baisle_[a-z_]+", text))
    assert len(named) > 10
    assert named <= {one for name in get_args(MetricName) for one in series(name)}


def test_every_setting_that_is_named_exists() -> None:
    """A renamed setting is renamed here, too."""
    named = set(re.findall(r"\bAISLE_[A-Z_]+", PAGE))
    assert named <= {variable(name, field) for name, field in Settings.model_fields.items()}


@pytest.mark.parametrize("rule", rules())
def test_an_alert_is_explained_where_it_says(rule: dict[str, Any]) -> None:
    """Under a heading of its own, with the expression that fires it."""
    name = rule["alert"]
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
    assert f"### {name}\n```promql\n{rule['expr']}\n```\n" in PAGE
    assert rule["labels"]["severity"] in {"critical", "warning"}


@pytest.mark.parametrize("rule", rules())
def test_an_alert_asks_for_labels_that_there_are(rule: dict[str, Any]) -> None:
    """Of the metrics in its expression, or of every scrape; and its brackets close."""
    expr = rule["expr"]
    metrics = [name for name in get_args(MetricName) if set(series(name)) & set(re.findall(r"\w+", expr))]
    known = LABELS.union(*(METRICS[name].labels for name in metrics))
    by = [label for found in re.findall(r"by \(([^)]*)\)", expr) for label in found.split(", ")]
    summary = re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])
    matched = re.findall(r"[{,](\w+)=", expr)
    assert {*by, *summary, *matched} <= known
    assert all(expr.count(a) == expr.count(b) for a, b in ("()", "[]", "{}"))


def test_links_within_the_page_lead_somewhere() -> None:
    """Each anchor is a heading, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) <= anchors
