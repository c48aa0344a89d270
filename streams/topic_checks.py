"""What a broker has is held against what an installation needs: topics, partitions, and how they are kept."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.errors import RefusedError
from schemas.topics import SPECS, TopicName, Topics

CHECKED = ("cleanup.policy", "message.timestamp.type")
"""A compacted log that is cut by age forgets visitors and products; a time that the producer sets is no arrival."""

RETENTION = "retention.ms"
"""Read too, and held against the settings."""


@dataclass(frozen=True)
class WrongConfig:
    """A topic that is kept otherwise than it must be."""

    topic: TopicName
    on_broker: str
    config: str
    found: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.on_broker} has {self.config}={self.found} and needs {self.wanted}"


def wrong_configs(topics: Topics, found: Mapping[str, Mapping[str, str]]) -> list[WrongConfig]:
    """Compare what `CHECKED` names; what the broker does not tell is taken to be right.

    Args:
        topics: of the installation.
        found: values by topic, as the broker names it, and config.
    """
    return [
        WrongConfig(spec.name, topics[spec.name], config, has, wanted)
        for spec in SPECS
        for config, wanted in spec.config.items()
        if config in CHECKED and (has := found.get(topics[spec.name], {}).get(config, wanted)) != wanted
    ]


def mending(wrong: list[WrongConfig]) -> str:
    """Name the command that mends them; no record is lost by it (what a wrong policy deleted is gone already)."""
    names = dict.fromkeys(one.topic for one in wrong)
    return " ".join(["aisle topics create", *(f"--set-configs {name}" for name in names)])


def refuse_wrong(wrong: list[WrongConfig]) -> None:
    """Refuse topics that are kept otherwise: a topic that is there is never changed without being told to.

    Raises:
        RefusedError: naming each, and the command.
    """
    if wrong:
        raise RefusedError(f"{'; '.join(map(str, wrong))}: run `{mending(wrong)}`.")


def missing_topics(topics: Topics, found: Mapping[str, int]) -> list[str]:
    """Give the names an installation still lacks.

    Args:
        topics: of the installation.
        found: number of partitions by name, as the broker has them.

    Raises:
        RefusedError: one is there with another number of partitions.
    """
    for spec in SPECS:
        name, wanted = topics[spec.name], topics.partitions_of(spec)
        has = found.get(name, wanted)
        if has != wanted:
            finish = f"finish `aisle repartition --partitions {has}` if it was begun, else " if has > wanted else ""
            follow = "" if spec.partitions else f"{finish}set AISLE_PARTITIONS={has}, or "
            raise RefusedError(
                f"Topic {name} has {has} partitions and needs {wanted}: {follow}run "
                f"`aisle topics create --recreate {spec.name}`, which loses its records."
            )
    return [topics[spec.name] for spec in SPECS if topics[spec.name] not in found]
