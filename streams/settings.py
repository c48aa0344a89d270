"""All settings, in one class; `docs/settings.md` is generated from it."""

from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, PrivateAttr, SecretStr, ValidationError, field_validator
from pydantic_settings import SettingsConfigDict

from models.placements import PLACEMENTS
from schemas.errors import RefusedError
from schemas.topics import Topics
from streams.web_settings import WebSettings


class Settings(WebSettings):
    """What an installation can set, by environment variable (prefix `AISLE_`) or `.env` file.

    Constants of the session context, of learning and of slates are grouped in `models` (`SessionRules`, `ModelRules`,
    `SlateRules`) and may stand in a file that `constants_file` names; these are the ones that belong to an
    installation.

    Raises:
        RefusedError: a value cannot be used.
    """

    model_config = SettingsConfigDict(env_prefix="AISLE_", env_file=".env", extra="ignore", populate_by_name=True)

    kafka_bootstrap_servers: str | None = Field(
        None,
        validation_alias=AliasChoices("KAFKA_BOOTSTRAP_SERVERS", "kafka_bootstrap_servers"),
        description="Brokers, host:port separated by commas. Unset: the ladder of `aisle doctor` finds or starts one.",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How every Kafka client connects."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="Used with SASL_PLAINTEXT and SASL_SSL."
    )
    kafka_sasl_username: str | None = Field(None, description="SASL user.")
    kafka_sasl_password: SecretStr | None = Field(None, description="SASL password.")
    kafka_ssl_ca: Path | None = Field(None, description="PEM file with the CA that signed the brokers' certificates.")
    kafka_ssl_cert: Path | None = Field(None, description="PEM file with the client's certificate (mutual TLS).")
    kafka_ssl_key: Path | None = Field(None, description="PEM file with the client's key (mutual TLS).")
    topic_prefix: str = Field("", max_length=64, description="Put before every topic name; separates installations.")
    partitions: int = Field(8, ge=1, le=1024, description="Partitions of clickstream.events and all that follow it.")
    replication_factor: int = Field(1, ge=1, le=9, description="Copies of each partition to create.")
    group: str = Field("aisle", description="Consumer group; the prefix is put before it.")
    worker_slot: str | None = Field(
        None,
        description="Stable, unique name of this worker: one that died and is back in time keeps its partitions.",
    )
    session_timeout_s: float = Field(10.0, ge=1, le=300, description="A silent worker is out of the group after this.")
    heartbeat_s: float = Field(1.0, ge=0.1, le=60, description="Heartbeats to the group coordinator.")
    max_batch_records: int = Field(4096, ge=1, le=65536, description="Most records handled as one batch.")
    fetch_min_bytes: int = Field(1, ge=1, le=1 << 24, description="A fetch waits for this much while it may wait.")
    fetch_max_wait_ms: int = Field(500, ge=1, le=5000, description="Longest wait of an idle fetch.")
    evidence_share: float = Field(0.01, ge=0, le=1, description="Share of slates with an evidence record.")
    training_share: float = Field(1.0, ge=0, le=1, description="Share of events that carry a training row.")
    training_per_s: int = Field(200, ge=0, le=100_000, description="Most training rows a worker computes a second.")
    dead_letter_limit: float = Field(
        0.5, ge=0, le=1, description="Above this share of dead letters in the last 1,000 events the worker stops."
    )
    follower_lag_limit: int = Field(
        100_000, ge=1, description="A worker further behind a log it follows is not ready; about 10 s of learning."
    )
    snapshot_url: str | None = Field(None, description="Directory or object store (fsspec URL) of model snapshots.")
    snapshot_interval_s: float = Field(3600, ge=1, description="Time between model snapshots.")
    constants_file: Path | None = Field(
        None, description="TOML file of constants that differ from the defaults; the same one for every worker."
    )
    http_host: str = Field("127.0.0.1", description="Address of /metrics, /livez and /readyz.")
    http_port: int = Field(9464, ge=0, le=65535, description="Port of the above; 0 takes a free one.")
    data_dir: Path = Field(Path(".aisle"), description="Local files: vector cache, embedded index, death counts.")
    qdrant_url: str | None = Field(
        None,
        validation_alias=AliasChoices("QDRANT_URL", "qdrant_url"),
        description="Qdrant server. Unset: an index inside the worker.",
    )
    qdrant_api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("QDRANT_API_KEY", "qdrant_api_key"), description="Key of the Qdrant server."
    )
    qdrant_timeout_ms: int = Field(50, ge=1, le=10_000, description="A slower answer of Qdrant is served without.")
    index: Literal["auto", "numpy", "edge"] = Field(
        "auto", description="Index inside the worker: exact numpy (`auto` too), or Qdrant embedded (`edge`)."
    )
    embedding_model: str = Field("all-MiniLM-L6-v2", description="Any sentence-transformers model name or directory.")
    openai_api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("OPENAI_API_KEY", "openai_api_key"), description="Key of the LLM's API."
    )
    openai_base_url: str | None = Field(
        None,
        validation_alias=AliasChoices("OPENAI_BASE_URL", "openai_base_url"),
        description="OpenAI-compatible endpoint. Neither key nor endpoint set: no language model.",
    )
    llm_model: str = Field(
        "gpt-4.1-mini", min_length=1, max_length=256, description="Language model, as its server names it."
    )
    llm_timeout_s: float = Field(10, ge=0.1, le=600, description="Longest wait for one answer of the language model.")
    llm_output: Literal["auto", "json_schema", "json_object", "text"] = Field(
        "auto", description="How the language model is held to JSON; `auto` finds out what its server takes."
    )
    llm_usd_per_million_prompt: float = Field(
        0.40,
        ge=0,
        le=10_000,
        description="Price of a million tokens of the question, in USD; 0 for your own model.",
    )
    llm_usd_per_million_completion: float = Field(
        1.60, ge=0, le=10_000, description="Price of a million tokens of the answer, in USD."
    )
    llm_budget_usd_per_hour: float = Field(
        1.0, ge=0, le=1e6, description="Most that the language model may cost in any hour, in USD; 0 is no calls."
    )
    llm_concurrency: int = Field(4, ge=1, le=64, description="Most calls of the language model at the same time.")
    judgement_ttl_s: float = Field(604_800, ge=1, description="A judgement of the language model is kept for so long.")
    judgement_deadline_ms: int = Field(
        800, ge=1, le=60_000, description="A slate waits no longer than this for judgements."
    )
    judged_placements: str = Field(
        "home", description="Placements that the language model is asked for, separated by commas; empty is none."
    )
    audit_amplification: float = Field(
        1.3, gt=0, description="`aisle audit`: greatest ratio of the Gini of exposure to that of demand."
    )
    audit_top_decile: float = Field(
        1.5, gt=0, description="`aisle audit`: greatest ratio of the top decile's shares of exposure and demand."
    )
    audit_gini_rise: float = Field(0.1, ge=0, le=1, description="`aisle audit`: greatest rise of exposure's Gini.")
    audit_bubble: float = Field(
        0.8, ge=0, le=1, description="`aisle audit`: greatest filter-bubble index, the mean over visitors."
    )
    audit_narrowing: float = Field(
        0.005, ge=0, le=1, description="`aisle audit`: greatest narrowing from one slate to the next."
    )
    audit_exposure_ratio: float = Field(
        0.5, ge=0, le=1, description="`aisle audit`: a group is under-exposed below this ratio of exposure to demand."
    )
    audit_stale_share: float = Field(
        0.01, ge=0, le=1, description="`aisle audit`: greatest share of products without a vector of their text."
    )
    audit_cold_share: float = Field(
        0.02, ge=0, le=1, description="`aisle audit`: least share of what is shown that goes to cold products."
    )
    audit_coverage: float = Field(
        0.2, ge=0, le=1, description="`aisle audit`: least share of the catalogue that is shown at all."
    )
    audit_unknown_share: float = Field(
        0.05, ge=0, le=1, description="`aisle audit`: greatest share of shown products the catalogue does not hold."
    )
    audit_new_days: float = Field(30, gt=0, le=3650, description="`aisle audit`: on sale for less is new.")
    audit_evidence: int = Field(
        100, ge=2, description="`aisle audit`: fewest slates, touches or visitors that a figure is judged from."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_format: Literal["json", "text"] = Field("text", description="JSON for machines, text for people.")

    @field_validator("judged_placements")
    @classmethod
    def _known(cls, names: str) -> str:
        """Refuse a name that would never be asked for."""
        known = [placement.name for placement in PLACEMENTS if placement.triggers]
        if unknown := {name.strip() for name in names.split(",") if name.strip()} - {*known}:
            raise ValueError(f"no placement is called {min(unknown)}: the names are {', '.join(known)}")
        return names

    @field_validator("openai_base_url")
    @classmethod
    def _an_address(cls, url: str | None) -> str | None:
        """Refuse an address that no question could be sent to; an empty one, as compose files set it, is none."""
        if url and not _is_address(url):
            raise ValueError("it must begin with http:// or https://, name a host, and end with the path, as in /v1")
        return url

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            why = first["msg"].removeprefix("Value error, ")
            raise RefusedError(
                f"{_variable(str(first['loc'][0]))} cannot be used ({why}): see docs/settings.md."
            ) from None

    _generation: str = PrivateAttr("")

    @property
    def topics(self) -> Topics:
        """Give the topic names of this installation, and of the generation it serves."""
        return Topics(prefix=self.topic_prefix, partitions=self.partitions, generation=self._generation)

    @property
    def llm_on(self) -> bool:
        """Say whether there is a language model to ask: a key or an endpoint is set, and not to nothing."""
        return bool(self.openai_api_key or self.openai_base_url)

    @property
    def judged(self) -> frozenset[str]:
        """Give the names in `judged_placements`."""
        return frozenset(name.strip() for name in self.judged_placements.split(",") if name.strip())

    @property
    def generation(self) -> str:
        """Name the generation of states and model; "" is the first."""
        return self._generation

    def of_generation(self, name: str, partitions: int) -> "Settings":
        """Give the same settings for a generation."""
        other = self.model_copy(update={"partitions": partitions})
        other._generation = name  # noqa: SLF001  its own class
        return other


def _variable(field: str) -> str:
    """Name a field's variable; those with a name of their own, in capitals, come without our prefix."""
    found = Settings.model_fields.get(field)
    own = found.validation_alias if found else None
    if isinstance(own, AliasChoices):
        return str(own.choices[0])
    return field if field.isupper() else f"AISLE_{field.upper()}"


def _is_address(url: str) -> bool:
    """Tell an HTTP address from what only looks like one: brackets left open, ports that are none, spaces, queries."""
    try:
        parts = urlsplit(url)
        fine = parts.port != 0  # reading the port is what checks it
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    return fine and plain and parts.scheme in {"http", "https"} and bool(parts.hostname) and "?" not in url
