"""What `aisle doctor` says."""

from pathlib import Path

import pytest

from schemas.topics import SPECS, Topics
from streams.findings import (
    keys_finding,
    model_finding,
    qdrant_finding,
    retention_findings,
    snapshots_finding,
    topics_finding,
    weights_finding,
)
from streams.kafka import partition_of
from streams.settings import Settings
from streams.snapshot_store import SnapshotStore

BARE = Settings(_env_file=None, openai_api_key=None, qdrant_url=None)
ALL = {Topics()[spec.name]: Topics().partitions_of(spec) for spec in SPECS}


def test_missing_topics_are_named_with_the_command_that_creates_them() -> None:
    """Every missing topic, by the name it would have."""
    found = topics_finding(BARE, {name: count for name, count in ALL.items() if name != "learning"})

    assert (found.level, found.found, found.step) == ("problem", "missing: learning", "run `aisle topics create`")


def test_a_topic_with_other_partitions_is_named_with_both_numbers() -> None:
    """A wrong count comes before missing topics: it is the harder one."""
    found = topics_finding(BARE, {"clickstream.events": 3})

    assert found.level == "problem"
    assert "clickstream.events (3 partitions, needs 8)" in found.found


def test_all_topics_there_is_all_right() -> None:
    """Nothing to do."""
    assert topics_finding(BARE, ALL).level == "ok"


def test_a_topic_that_is_kept_otherwise_is_named_with_the_command_that_mends_it() -> None:
    """A changelog that is cut by age forgets visitors; what the broker does not tell is taken to be right."""
    right = {Topics()[spec.name]: spec.config for spec in SPECS}
    kept = right | {
        "visitors.changelog": {"cleanup.policy": "delete"},
        "clickstream.events": {"cleanup.policy": "delete", "message.timestamp.type": "CreateTime"},
    }

    assert topics_finding(BARE, ALL, right).level == "ok"
    found = topics_finding(BARE, ALL, kept)
    assert found.level == "problem"
    assert "visitors.changelog has cleanup.policy=delete and needs compact" in found.found
    assert "clickstream.events has message.timestamp.type=CreateTime and needs LogAppendTime" in found.found
    command = "aisle topics create --set-configs clickstream.events --set-configs visitors.changelog"
    assert found.step == f"run `{command}`"


def test_learning_is_kept_past_the_snapshots() -> None:
    """Three snapshots and three intervals more; nothing is said without snapshots or without a word of the broker."""
    daily = BARE.model_copy(update={"snapshot_url": "file:///s", "snapshot_interval_s": 86_400})
    day = 86_400_000
    (short,) = retention_findings(daily, {"retention.ms": str(5 * day)})
    assert (short.level, short.found) == ("problem", "learning is kept for 5.0 days; 3 snapshots need 6.0")
    assert f"set retention.ms={6 * day} or more on learning" in short.step
    for enough in (6 * day, -1):
        (found,) = retention_findings(daily, {"retention.ms": str(enough)})
        assert found.level == "ok"
    assert retention_findings(BARE, {"retention.ms": "1"}) == retention_findings(daily, {}) == []


def test_keys_in_the_wrong_partition_name_the_producers_setting() -> None:
    """Half a session on each of two workers is what it would come to."""
    keys = [f"v{number}".encode() for number in range(8)]
    right = {part: [key for key in keys if partition_of(key, 4) == part] for part in range(4)}
    wrong = {part: right[(part + 1) % 4] for part in range(4)}

    assert keys_finding(right).level == "ok"
    assert keys_finding(wrong).found == "8 of the last 8 events are in the wrong partition"
    assert "partitioner=murmur2_random" in keys_finding(wrong).step
    assert keys_finding({0: []}).level == "note"


def test_events_without_a_key_name_the_key_they_need() -> None:
    """Where there is one partition, all of a visitor's events are in it anyway."""
    found = keys_finding({0: [None, None], 1: []})

    assert (found.level, found.found) == ("problem", "2 of the last 2 events have no key")
    assert "visitor_id" in found.step
    assert keys_finding({0: [None]}).level == "ok"


def test_weights_are_found_without_torch(tmp_path: Path) -> None:
    """By package, by directory, or not at all; each with the next step."""
    packaged = weights_finding(BARE, lambda _name: object())
    nothing = weights_finding(BARE, lambda _name: None)
    other = BARE.model_copy(update={"embedding_model": "nobody/nothing"})
    directory = BARE.model_copy(update={"embedding_model": str(tmp_path)})

    assert packaged.level == "ok"
    assert (nothing.level, "'.[embed]'" in nothing.step) == ("note", True)
    absent = weights_finding(other, lambda _name: object())
    assert (absent.level, "downloads" in absent.step) == ("note", True)
    assert weights_finding(directory, lambda _name: object()).level == "ok"


def test_a_qdrant_that_is_away_is_a_problem_only_where_one_is_set() -> None:
    """Without one the index is in the worker."""
    away = BARE.model_copy(update={"qdrant_url": "http://127.0.0.1:1"})

    assert qdrant_finding(BARE).level == "note"
    assert qdrant_finding(away).level == "problem"


def test_snapshots_have_an_age(tmp_path: Path) -> None:
    """No store and an empty one are worth a note, one that nobody writes to any more is a problem."""
    settings = BARE.model_copy(update={"snapshot_url": str(tmp_path)})
    nowhere = BARE.model_copy(update={"snapshot_url": "pigeon://roof"})

    def at(seconds: float) -> tuple[str, str]:
        finding = snapshots_finding(settings, lambda: 1_790_000_000 + seconds)
        return finding.level, finding.found

    assert (snapshots_finding(BARE).level, at(0)[0]) == ("note", "note")
    SnapshotStore(str(tmp_path), "learning").write([b"x"], 41, 1_790_000_000_000)
    assert at(120) == ("ok", f"1 in {tmp_path}, the newest 2 min old, up to offset 41")
    assert at(4 * 3600)[0] == "problem"
    assert snapshots_finding(nowhere).level == "problem"


def test_neither_the_key_nor_the_address_of_a_language_model_is_shown() -> None:
    """An address may hold a password: only its host is named, with the model and what it may cost."""
    settings = Settings(
        _env_file=None, openai_api_key="sk-very-secret", openai_base_url="https://me:secret@llm.example:1/secret/v1"
    )
    found = model_finding(settings, lambda _: object())

    assert (found.level, found.step) == ("ok", "")
    assert "gpt-4.1-mini at llm.example, at most 1 USD an hour" in found.found
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("changed", "step"),
    [
        ({"openai_api_key": None}, "set OPENAI_API_KEY"),
        ({"llm_budget_usd_per_hour": 0}, "AISLE_LLM_BUDGET_USD_PER_HOUR is 0"),
        ({"judged_placements": ""}, "AISLE_JUDGED_PLACEMENTS is empty"),
    ],
)
def test_why_no_language_model_is_asked_is_told(changed: dict[str, object], step: str) -> None:
    """With the setting that says so."""
    settings = Settings(_env_file=None, **{"openai_api_key": "sk-1", "openai_base_url": None} | changed)
    found = model_finding(settings, lambda _: object())

    assert found.level == "note"
    assert step in found.step
    assert (
        "pip install" in model_finding(BARE.model_copy(update={"openai_base_url": "http://x/v1"}), lambda _: None).step
    )


def test_what_aisle_writes_bears_the_brokers_time() -> None:
    """Kafka 4 refuses records from more than an hour ahead, so that a worker's clock must not be what they carry."""
    by_shops = {"catalog.products", "rules"}
    for spec in SPECS:
        kind = spec.config.get("message.timestamp.type")
        assert kind == (None if spec.name in by_shops else "LogAppendTime"), spec.name
