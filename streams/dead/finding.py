"""Find a letter by what a person typed."""

from collections.abc import Callable

from schemas.dead import DeadLetter
from schemas.errors import DecodeError
from schemas.letter_id import Place
from schemas.record import epoch_ms
from schemas.topics import DEAD_OF
from streams.dead.letters import Head, is_note, read_letter
from streams.dead.reading import Reader


async def find_letters(reader: Reader, place: Place, *, advance: Callable[[int], None]) -> list[DeadLetter]:
    """Look through the one partition that can hold it.

    Args:
        reader: of the broker.
        place: where the refused record stood.
        advance: is told how many records were read.

    Returns:
        the letter; several where the topic was created anew, the newest last.
    """
    dead = DEAD_OF[place.topic]
    found: dict[int, DeadLetter] = {}
    ends = {partition: end for partition, end in (await reader.ends(dead)).items() if partition == place.partition}
    async for records in reader.records(dead, {}, ends):
        for record in records:
            if is_note(record):
                continue
            try:
                if Head.decode(record.value).source.offset == place.offset:
                    letter = read_letter(record)
                    found.setdefault(epoch_ms(letter.source.timestamp), letter)
            except DecodeError:
                continue
        advance(len(records))
    return [found[arrived_ms] for arrived_ms in sorted(found)]
