"""Which broker to use: yours, one in Docker, Apache Kafka by Maven, or the embedded one."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from schemas.errors import RefusedError
from streams.brokers.broker import Broker, Kind, Progress
from streams.kafka import KIND_VARIABLE
from streams.settings import Settings

Choice = Literal["auto", "external", "docker", "maven", "embedded"]
Opener = Callable[[Settings, Progress], Broker]


def _external(settings: Settings, progress: Progress) -> Broker:
    from streams.brokers.external import open_external

    return open_external(settings, progress)


def _docker(settings: Settings, progress: Progress) -> Broker:
    from streams.brokers.docker import open_docker

    return open_docker(settings, progress)


def _maven(settings: Settings, progress: Progress) -> Broker:
    from streams.brokers.maven import open_maven

    return open_maven(settings, progress)


def _embedded(settings: Settings, progress: Progress) -> Broker:
    from streams.brokers.embedded import open_embedded

    return open_embedded(settings, progress)


RUNGS: Mapping[Kind, Opener] = {
    "external": _external,
    "docker": _docker,
    "maven": _maven,
    "embedded": _embedded,
}


def climb(
    choice: str, settings: Settings, progress: Progress = lambda _: None, *, rungs: Mapping[Kind, Opener] = RUNGS
) -> Broker:
    """Open the first broker that can be had.

    Args:
        choice: a rung's name, or `auto`: the broker that is set and no other, else the first rung that holds.
        settings: of the installation.
        progress: told what is done and why a rung did not hold.
        rungs: what opens each, in order.

    Raises:
        RefusedError: no rung held; with the reason of each that was tried.
    """
    if choice != "auto" and choice not in rungs:
        raise RefusedError(f"There is no broker {choice}: choose auto, {', '.join(rungs)}.")
    if choice == "auto" and settings.kafka_bootstrap_servers:
        choice = "external"
    reasons = []
    for kind, opener in rungs.items():
        if choice not in {kind, "auto"} or (choice == "auto" and kind == "external"):
            continue
        try:
            return opener(settings, progress)
        except RefusedError as error:
            reasons.append(str(error))
            if choice == "auto":
                progress(f"Not by {kind}: {error}")
    raise RefusedError(" ".join(reasons))


@contextmanager
def open_broker(choice: str, settings: Settings, progress: Progress = lambda _: None) -> Iterator[Broker]:
    """Open a broker as `climb` does, tell this process and its children what it is, and close it."""
    with climb(choice, settings, progress) as broker:
        before = os.environ.get(KIND_VARIABLE)
        os.environ[KIND_VARIABLE] = broker.kind
        try:
            yield broker
        finally:
            os.environ.pop(KIND_VARIABLE)
            if before is not None:
                os.environ[KIND_VARIABLE] = before
