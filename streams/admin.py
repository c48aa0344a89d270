"""Topics, offsets and groups of a broker, through kafka-python's admin client."""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from schemas.errors import BrokerAwayError, RefusedError
from schemas.topics import SPECS, TopicName, Topics
from streams.kafka import is_embedded, kafka_python_config
from streams.settings import Settings
from streams.topic_checks import CHECKED, RETENTION, missing_topics, refuse_wrong, wrong_configs

_CONNECT_MS = 5000
_ANSWER_MS = 8000


class Admin:
    """A connection to look at and change what a broker keeps.

    Args:
        settings: which broker and how to connect.
        embedded: it is the embedded broker; None: as this process was told by its environment.

    Raises:
        BrokerAwayError: no broker answers.
    """

    def __init__(self, settings: Settings, *, embedded: bool | None = None) -> None:
        from kafka import KafkaAdminClient

        self._servers = settings.kafka_bootstrap_servers
        self._embedded = is_embedded() if embedded is None else embedded
        config = kafka_python_config(settings, embedded=self._embedded)
        with self._answered():
            self._client: Any = KafkaAdminClient(
                **config, bootstrap_timeout_ms=_CONNECT_MS, request_timeout_ms=_ANSWER_MS
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def topics(self) -> dict[str, int]:
        """Give the number of partitions by topic name, as the broker names them."""
        with self._answered():
            found = self._client.describe_topics()
        return {topic["name"]: len(topic["partitions"]) for topic in found if not topic["error_code"]}

    def configs(self, names: Collection[str]) -> dict[str, dict[str, str]]:
        """Give what holds of `CHECKED` and `RETENTION`, by topic and name, as far as the broker tells."""
        from kafka.admin import ConfigFilterType, ConfigResource, ConfigResourceType

        if not names or self._embedded:
            return {}
        asked = [ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys((*CHECKED, RETENTION))) for name in names]
        with self._answered():
            found = self._client.describe_configs(asked, config_filter=ConfigFilterType.ALL)
        return {
            name: {key: str(entry["value"]) for key, entry in entries.items()}
            for name, entries in found.get("topic", {}).items()
        }

    def set_configs(self, topics: Topics, wanted: Collection[TopicName]) -> None:
        """Set what `CHECKED` names on topics that are there, as their specifications say.

        Raises:
            RefusedError: the broker did not take a change.
        """
        from kafka.admin import ConfigResource, ConfigResourceType

        if not wanted:
            return
        self._refuse_embedded()
        changes = [
            ConfigResource(
                ConfigResourceType.TOPIC,
                topics[spec.name],
                {name: value for name, value in spec.config.items() if name in CHECKED},
            )
            for spec in SPECS
            if spec.name in wanted
        ]
        with self._answered():
            answers = self._client.alter_configs(changes, raise_on_unknown=False)["topic"]
        if unchanged := [f"{name} ({answer})" for name, answer in answers.items() if answer != "OK"]:
            raise RefusedError(f"{self._servers} did not change {', '.join(unchanged)}.")

    def create(self, topics: Topics, *, replication: int = 1) -> list[str]:
        """Create the topics of an installation that are missing.

        Returns:
            the names that were created.

        Raises:
            RefusedError: a topic exists with another number of partitions or is kept otherwise; nothing was created.
        """
        there = self.topics()
        missing = missing_topics(topics, there)
        refuse_wrong(wrong_configs(topics, self.configs([name for name in topics.names if name in there])))
        if missing:
            self._refuse_embedded()
            wanted = {
                topics[spec.name]: {
                    "num_partitions": topics.partitions_of(spec),
                    "replication_factor": replication,
                    "configs": spec.config,
                }
                for spec in SPECS
                if topics[spec.name] in missing
            }
            with self._answered():
                self._client.create_topics(wanted, wait_for_metadata=True)
        return missing

    def grow(self, names: Collection[str], partitions: int) -> None:
        """Give topics more partitions; those that have them stay as they are."""
        self._refuse_embedded()
        there = self.topics()
        wanted = {name: partitions for name in names if there.get(name, partitions) < partitions}
        if wanted:
            with self._answered():
                self._client.create_partitions(wanted)
        deadline = time.monotonic() + _ANSWER_MS / 1000
        while any(self.topics()[name] < partitions for name in wanted) and time.monotonic() < deadline:
            time.sleep(0.05)

    def delete(self, names: Collection[str]) -> None:
        """Delete topics with all their records, and wait until they are gone."""
        if not names:
            return
        self._refuse_embedded()
        with self._answered():
            self._client.delete_topics(list(names))
        deadline = time.monotonic() + _ANSWER_MS / 1000
        while set(names) & set(self.topics()) and time.monotonic() < deadline:
            time.sleep(0.05)

    def delete_prefix(self, prefix: str) -> list[str]:
        """Delete every topic whose name begins with `prefix`, which must not be empty."""
        if not prefix:
            raise ValueError("an empty prefix would delete every topic of the broker")
        names = [name for name in self.topics() if name.startswith(prefix)]
        self.delete(names)
        return names

    def delete_before(self, name: str, offsets: Mapping[int, int]) -> None:
        """Delete the records of a topic before these offsets, by partition; nothing else of a log can be taken out."""
        from kafka import TopicPartition

        self._refuse_embedded()
        with self._answered():
            self._client.delete_records({TopicPartition(name, partition): at for partition, at in offsets.items()})

    def ends(self, name: str) -> dict[int, int]:
        """Give the next offset of each partition of a topic."""
        from kafka import TopicPartition
        from kafka.admin import OffsetSpec

        partitions = range(self.topics().get(name, 0))
        with self._answered():
            found = self._client.list_partition_offsets(
                {TopicPartition(name, partition): OffsetSpec.LATEST for partition in partitions}
            )
        return {tp.partition: answer.offset for tp, answer in found.items()}

    def offsets_at(self, name: str, at_ms: int) -> dict[int, int]:
        """Give the first offset of each partition that came at this time or later; its end where there is none.

        Args:
            name: of the topic.
            at_ms: milliseconds since 1970.
        """
        from kafka import TopicPartition

        ends = self.ends(name)
        with self._answered():
            found = self._client.list_partition_offsets({TopicPartition(name, partition): at_ms for partition in ends})
        at = {tp.partition: answer.offset for tp, answer in found.items()}
        return {p: at[p] if at.get(p) is not None and at[p] >= 0 else end for p, end in ends.items()}

    def committed(self, group: str, name: str) -> dict[int, int]:
        """Give what a group has committed of a topic: the next offset it needs, by partition."""
        from kafka import TopicPartition
        from kafka.errors import CoordinatorNotAvailableError

        wanted = [TopicPartition(name, partition) for partition in range(self.topics().get(name, 0))]
        with self._answered():
            try:
                found: Mapping[Any, Any] = self._client.list_group_offsets({group: wanted})
            except CoordinatorNotAvailableError:  # no group has ever committed on this broker
                return {}
        return {tp.partition: at.offset for tp, at in found[group].items() if at.offset >= 0}

    def lag(self, group: str, name: str) -> dict[int, int]:
        """Give how many records each partition of a topic is ahead of what a group has committed."""
        committed = self.committed(group, name)
        return {partition: end - committed.get(partition, 0) for partition, end in self.ends(name).items()}

    def members(self, group: str) -> int:
        """Count who is in a group now."""
        from kafka.errors import CoordinatorNotAvailableError

        with self._answered():
            try:
                found: Mapping[str, Any] = self._client.describe_groups([group])
            except CoordinatorNotAvailableError:  # no group has ever been on this broker
                return 0
        return len(found[group].get("members") or ())

    def commit(self, group: str, name: str, offsets: Mapping[int, int]) -> None:
        """Commit the next offsets of a topic for a group that nobody is in."""
        from kafka import TopicPartition
        from kafka.structs import OffsetAndMetadata

        wanted = {TopicPartition(name, p): OffsetAndMetadata(offset, "", -1) for p, offset in offsets.items()}
        with self._answered():
            answers = self._client.alter_group_offsets(group, wanted)
        if refused := [error for error in answers.values() if getattr(error, "errno", 0)]:
            raise RefusedError(f"{self._servers} did not take the offsets of group {group} ({refused[0].__name__}).")

    def version(self) -> str:
        """Give the broker's version as far as its protocol tells it, such as 4.1."""
        with self._answered():
            return ".".join(map(str, self._client.get_broker_version_data(self._any_broker()).broker_version))

    def _any_broker(self) -> int:
        return int(self._client.describe_cluster()["brokers"][0]["broker_id"])

    def _refuse_embedded(self) -> None:
        if self._embedded:
            raise RefusedError(
                "The embedded broker has no admin API: its topics are made by the command that started it."
            )

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """Say in one sentence what a broker's failure means."""
        from kafka.errors import (
            AuthorizationError,
            BrokerResponseError,
            KafkaError,
            SaslAuthenticationFailedError,
        )

        try:
            yield
        except SaslAuthenticationFailedError:
            raise RefusedError(
                f"{self._servers} refuses the user: check AISLE_KAFKA_SASL_USERNAME, _PASSWORD and _MECHANISM."
            ) from None
        except AuthorizationError as error:
            raise RefusedError(
                f"{self._servers} does not let this user do that ({type(error).__name__}): give it the rights to "
                "describe and create topics and to read its group."
            ) from None
        except BrokerResponseError as error:
            raise RefusedError(f"{self._servers} refused ({type(error).__name__}: {error}).") from None
        except (KafkaError, OSError) as error:
            raise BrokerAwayError(
                f"No Kafka broker answers at {self._servers} ({type(error).__name__}): start it, or set "
                "KAFKA_BOOTSTRAP_SERVERS and AISLE_KAFKA_SECURITY_PROTOCOL to reach yours."
            ) from None


def check_topics(settings: Settings) -> None:
    """Look whether the installation's topics are as they must be, before a client's asking could create them.

    Raises:
        BrokerAwayError: no broker answers.
        RefusedError: topics are missing, or have another number of partitions.
    """
    with Admin(settings) as admin:
        missing = missing_topics(settings.topics, admin.topics())
    if missing:
        more = f" and {len(missing) - 1} more topics are" if len(missing) > 1 else " is"
        raise RefusedError(
            f"Topic {missing[0]}{more} missing at {settings.kafka_bootstrap_servers}: run `aisle topics create`."
        )
