"""Stock Faust as its documentation shows it: per event, raise the visitor's count in a table and send the answer.

`TAKE=yes` is its other way: take many events at once and send with `send_soon`. That one keeps no count: a table cannot
be written to in there.
"""

import argparse
import json
import os
import tempfile
from typing import Any

from schemas.topics import CHANGELOG, EVENTS, SLATES, Topics
from streams.leaving import die_with_parent
from streams.settings import Settings
from streams.worker_files import files_of, group_of
from tests.stock.switches import Switches

PAD = "." * 1000


def main() -> None:
    """Work until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    die_with_parent(parser.parse_args().parent)
    settings, switches = Settings(), Switches.of_environment()
    switches.slow_produce()
    with tempfile.TemporaryDirectory(prefix="aisle-stock-faust-") as data:
        app = build(settings, switches, data, take=os.environ.get("TAKE") == "yes")
        files = files_of(settings, "clicks")
        (files / "status.new").write_text(json.dumps({"pid": os.getpid()}))
        (files / "status.new").replace(files / "status.json")
        from faust.worker import Worker

        Worker(app, loglevel="info", quiet=True, redirect_stdouts=False).execute_from_commandline()


def build(settings: Settings, switches: Switches, data: str, *, take: bool) -> Any:
    """Build the application; everything that is not named here is Faust's default."""
    import faust

    topics = settings.topics
    app = faust.App(
        group_of(settings, "clicks"),
        broker=f"kafka://{settings.kafka_bootstrap_servers}",
        datadir=data,
        topic_allow_declare=False,  # they are there
        topic_disable_leader=True,
        topic_partitions=topics.partitions,
        web_enabled=False,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.heartbeat_s,
    )
    raw = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
    events, slates = (app.topic(topics[name], **raw) for name in (EVENTS, SLATES))
    app.agent(events)(_many(switches, slates) if take else _each(app, switches, slates, topics))
    return app


def _each(app: Any, switches: Switches, slates: Any, topics: Topics) -> Any:
    json_topic = {"key_type": str, "key_serializer": "json", "value_serializer": "json"}  # as a table makes its own
    changelog = app.topic(topics[CHANGELOG], partitions=topics.partitions, **json_topic)
    visitors = app.Table("visitors", key_type=str, partitions=topics.partitions, changelog_topic=changelog)

    async def answer(stream: Any) -> None:
        async for event in stream.events():
            switches.check(json.loads(event.value))
            visitor = event.key.decode()
            count = (visitors.get(visitor) or {"count": 0})["count"] + 1
            visitors[visitor] = {"count": count, "pad": PAD}
            await slates.send(**_slate(event))

    return answer


def _many(switches: Switches, slates: Any) -> Any:
    async def answer(stream: Any) -> None:
        async for events in stream.take_events(100, within=0.1):
            for event in events:
                switches.check(json.loads(event.value))
                slates.send_soon(**_slate(event))

    return answer


def _slate(event: Any) -> dict[str, Any]:
    value = json.dumps({"offset": event.message.offset, "pad": PAD}).encode()
    return {"key": event.key, "value": value, "partition": event.message.partition}


if __name__ == "__main__":
    main()
