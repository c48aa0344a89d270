"""Stock Faust as its documentation shows it: per event, write the visitor's state to a table and send the answer.

With `--decide` the answer is not copied but decided by aisle's own handler: the full job on Faust's record path.
"""

import tempfile
from collections.abc import Callable
from typing import Any

import mode.loop

mode.loop.use("uvloop")

import faust  # noqa: E402  the loop is chosen before
from faust.worker import Worker  # noqa: E402
from job import JobArguments  # noqa: E402
from tape import Copyist  # noqa: E402
from telling import tell  # noqa: E402

from schemas.topics import CHANGELOG, EVENTS, LEARNING, SLATES, TopicName  # noqa: E402

Answered = tuple[bytes, list[tuple[TopicName, int, bytes]]]
"""The visitor's new state; and what to send: topic, partition, value."""

Decide = Callable[[Any], Answered]


def main() -> None:
    """Work until told to stop."""
    arguments = JobArguments.parse()
    topics = arguments.topics
    data = tempfile.TemporaryDirectory(prefix="aisle-bench-faust-")
    app = faust.App(
        f"{topics.prefix}faust",
        broker=f"kafka://{arguments.bootstrap}",
        store="memory://",
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=topics.partitions,
        web_enabled=False,
        datadir=data.name,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=1.0,
    )
    decide = _deciding(arguments) if arguments.decide else _copying(arguments)
    channels = {name: _raw(app, topics[name]) for name in (EVENTS, SLATES, LEARNING, CHANGELOG)}
    table = app.Table(
        "visitors",
        key_type=bytes,
        value_type=bytes,
        partitions=topics.partitions,
        changelog_topic=app.topic(topics[CHANGELOG], key_type=bytes, value_type=bytes, partitions=topics.partitions),
    )

    async def answer(stream: Any) -> None:
        async for event in stream.events():
            state, outputs = decide(event)
            table[event.key] = state
            for topic, partition, value in outputs:
                await channels[topic].send(key=event.key, value=value, partition=partition)

    async def say(*_: object, **__: object) -> None:
        tell("ready")

    app.agent(channels[EVENTS])(answer)
    app.on_rebalance_complete.connect(say, weak=False)
    Worker(app, loglevel="info", quiet=True, redirect_stdouts=False).execute_from_commandline()


def _raw(app: faust.App, name: str) -> Any:
    return app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")


def _copying(arguments: JobArguments) -> Decide:
    copyist = Copyist(arguments.answers)

    def decide(event: Any) -> Answered:
        partition = event.message.partition
        slates = copyist.slates(event.value, partition, event.message.offset)
        return copyist.state(event.value, event.message.offset), [(SLATES, partition, slate) for slate in slates]

    return decide


def _deciding(arguments: JobArguments) -> Decide:
    """Run aisle's handler record by record; what it learns is known at once."""
    from handler import Handler

    from streams.flow import LogRecord

    handler = Handler(arguments.history, arguments.topics.partitions)

    def decide(event: Any) -> Answered:
        message = event.message
        at_ms = int(message.timestamp * 1000)
        outcome = handler.handle([LogRecord(message.partition, message.offset, at_ms, event.key, event.value)])
        outputs = [(out.topic, out.partition, out.value or b"") for out in outcome.outputs]
        handler.learn(outcome.outputs)
        return outcome.touched[event.key] or b"", [out for out in outputs if out[0] in {SLATES, LEARNING}]

    return decide


if __name__ == "__main__":
    main()
