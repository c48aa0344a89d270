"""Which broker is taken."""

import os
from collections.abc import Callable

import pytest

from schemas.errors import RefusedError
from streams.brokers import Broker, Kind, open_broker
from streams.brokers.broker import Progress
from streams.brokers.ladder import climb
from streams.kafka import KIND_VARIABLE
from streams.settings import Settings

OURS = Settings(_env_file=None, kafka_bootstrap_servers="kafka-1:9092")
NONE_SET = Settings(_env_file=None, kafka_bootstrap_servers=None)


def rungs(*holding: Kind) -> dict[Kind, Callable[[Settings, Progress], Broker]]:
    """Give a ladder of which only some rungs hold."""

    def rung(kind: Kind) -> Callable[[Settings, Progress], Broker]:
        def opener(settings: Settings, _progress: Progress) -> Broker:
            if kind not in holding:
                raise RefusedError(f"{kind} is not here.")
            return Broker(kind, settings)

        return opener

    return {kind: rung(kind) for kind in ("external", "docker", "maven", "embedded")}


def test_the_broker_that_is_set_is_taken() -> None:
    """KAFKA_BOOTSTRAP_SERVERS comes before everything that could be started."""
    assert climb("auto", OURS, rungs=rungs("external", "docker", "embedded")).kind == "external"


def test_a_broker_that_is_set_and_away_is_not_replaced() -> None:
    """Whoever names a broker wants no other, least of all silently."""
    with pytest.raises(RefusedError, match=r"^external is not here\.$"):
        climb("auto", OURS, rungs=rungs("docker", "embedded"))


@pytest.mark.parametrize(
    ("holding", "taken"),
    [(("docker", "maven", "embedded"), "docker"), (("maven", "embedded"), "maven"), (("embedded",), "embedded")],
)
def test_the_first_rung_that_holds_is_taken(holding: tuple[Kind, ...], taken: Kind) -> None:
    """Docker, then Java and Maven, then embedded; the reasons of those before are told."""
    said: list[str] = []

    broker = climb("auto", NONE_SET, said.append, rungs=rungs(*holding))

    assert broker.kind == taken
    assert len(said) == 3 - len(holding)


def test_a_rung_that_is_asked_for_is_the_only_one_tried() -> None:
    """A choice is a choice."""
    with pytest.raises(RefusedError, match=r"^maven is not here\.$"):
        climb("maven", NONE_SET, rungs=rungs("docker", "embedded"))


def test_when_nothing_holds_every_reason_is_given() -> None:
    """One sentence each."""
    with pytest.raises(RefusedError, match=r"^docker is not here\. maven is not here\. embedded is not here\.$"):
        climb("auto", NONE_SET, rungs=rungs())


def test_an_unknown_broker_is_refused_by_name() -> None:
    """With the names there are."""
    with pytest.raises(RefusedError, match="There is no broker redpanda: choose auto, external, docker"):
        climb("redpanda", NONE_SET)


def test_this_process_and_its_children_are_told_what_broker_it_is() -> None:
    """And no longer than the broker is open."""
    before = os.environ.get(KIND_VARIABLE)
    with open_broker("embedded", NONE_SET) as broker:
        assert os.environ[KIND_VARIABLE] == "embedded"
        assert broker.environment == {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap, KIND_VARIABLE: "embedded"}
    assert os.environ.get(KIND_VARIABLE) == before
