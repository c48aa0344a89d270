"""Requeue on a broker: who must be left out, what is newer, and a connection to write on."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from schemas.errors import RefusedError
from schemas.topics import PRODUCTS, SPECS, TopicName
from streams.dead.fixes import Fix
from streams.dead.letters import Selection
from streams.dead.mending import Mending
from streams.dead.newest import Newest
from streams.dead.reading import KafkaReader
from streams.dead.requeue import Report, Requeuer
from streams.erased import read_erased
from streams.generations import read_pointers
from streams.replay.seeding import grown_of
from streams.writer import AiokafkaWriter


@dataclass(frozen=True)
class Order:
    """Which letters of a topic to send again, and how to mend them; see `Mending`."""

    topic: TopicName
    selection: Selection
    fix: Fix | None = None
    origin: str | None = None
    handler: bool = False


async def send_again(
    reader: KafkaReader, orders: Sequence[Order], *, send: bool, advance: Callable[[int], None]
) -> list[Report]:
    """Carry out orders one after the other.

    Args:
        reader: of the broker.
        orders: of different topics.
        send: else say only what would be sent.
        advance: is told how many records of dead topics were read.

    Raises:
        RefusedError: the broker did not take something.
    """
    from aiokafka.errors import KafkaError

    client, topics = reader.client, reader.topics
    erased = await read_erased(client, topics)
    grown = grown_of((await read_pointers(client, topics)).current) if topics.generation else None
    moved_ms = 0 if grown is None else grown.until_ms
    async with AsyncExitStack() as open_now:
        catalogue = await open_now.enter_async_context(KafkaReader(client, topics))
        writer = AiokafkaWriter(client) if send else None
        if writer is not None:
            await writer.start()
            open_now.push_async_callback(writer.stop)
        reports = []
        for order in orders:
            partitions = next(topics.partitions_of(spec) for spec in SPECS if spec.name == order.topic)
            mending = Mending(
                order.topic, partitions, erased, order.fix, order.origin, handler=order.handler, moved_ms=moved_ms
            )
            requeuer = Requeuer(
                reader,
                writer,
                topics,
                mending=mending,
                selection=order.selection,
                newest=Newest(catalogue) if order.topic == PRODUCTS else None,
                advance=advance,
            )
            try:
                reports.append(await requeuer.run())
            except KafkaError as error:
                raise RefusedError(
                    f"The broker failed ({type(error).__name__}): the same command goes on where this one stopped."
                ) from None
    return reports
