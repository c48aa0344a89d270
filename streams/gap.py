"""Whether restored state and its source meet: an offset between them is an event lost, or one counted twice."""

from dataclasses import replace
from typing import NamedTuple

from schemas.errors import RefusedError
from streams.partitions import PartitionState, rebased


class Source(NamedTuple):
    """The source partition as the broker has it: the group's committed offset, the log's bounds and the topic's id."""

    committed: int | None
    start: int
    end: int
    topic_id: str = ""


def check_gap(state: PartitionState, source: Source, *, accept: bool = False) -> PartitionState:
    """Hold restored state against the source it belongs to.

    Args:
        state: as restored; `mark` -1 without any.
        source: what the broker says.
        accept: take the source as it is and go on, losing what lies between.

    Returns:
        the state to go on with.

    Raises:
        RefusedError: with both numbers, or both ids, and the command that accepts it.
    """
    mark, first = state.mark, source.start
    how = "accept what is missing with: aisle worker clicks --accept-gap"
    where = f"partition {state.partition} of clickstream.events"
    if state.topic_id and source.topic_id and state.topic_id != source.topic_id:
        why = f"{where}: state belongs to the topic with id {state.topic_id}, but the broker's has {source.topic_id}"
        state = _accepted(accept, f"{why}: the topic was created anew; {how}", _anew(state), first - 1)
    elif source.committed is not None and mark < source.committed - 1:
        why = f"{where}: state ends at offset {mark}, but the group has committed {source.committed}"
        lost = f"{state.unreadable} watermarks are unreadable" if state.unreadable else "the changelog lost its end"
        state = _accepted(accept, f"{why}: {lost}; {how}", state, source.committed - 1)
    elif state.unreadable and mark < 0 and source.committed is None:
        why = f"{where}: {state.unreadable} watermarks are unreadable and the group has committed nothing"
        state = _accepted(accept, f"{why}: nobody knows where the state ends; {how}", state, first - 1)
    elif mark >= source.end and mark >= 0:
        why = f"{where}: state ends at offset {mark}, but the log ends at {source.end}"
        state = _accepted(accept, f"{why}: the topic was created anew; {how}", _anew(state), first - 1)
    elif 0 <= mark < first - 1:
        why = f"{where}: state ends at offset {mark}, but the log starts at {first}"
        state = _accepted(accept, f"{why}: {first - mark - 1} events are gone; {how}", state, first - 1)
    return replace(state, topic_id=source.topic_id or state.topic_id)


def _anew(state: PartitionState) -> PartitionState:
    """Begin an epoch: visitors are kept, offsets mean other records."""
    visitors = {key: rebased(value) for key, value in state.visitors.items()}
    return replace(state, epoch=state.epoch + 1, visitors=visitors, emitted=set(), requeued=state.requeued.rebased())


def _accepted(accept: bool, why: str, state: PartitionState, mark: int) -> PartitionState:  # noqa: FBT001
    if not accept:
        raise RefusedError(why)
    return replace(state, mark=mark)
