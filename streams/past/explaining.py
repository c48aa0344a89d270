"""Explain a slate: find it, bring a world to its lineage, decide it again, and tell the way."""

from collections.abc import Callable, Mapping
from typing import Any

from models.knowledge import Knowledge
from models.retrieval import retrieve
from schemas.errors import DecodeError
from schemas.record import nearest_time, rfc3339
from schemas.slates import Slate
from schemas.topics import LEARNING, TopicName
from streams.bootstrap import clicks_rules
from streams.deciding import Answers, ClicksRules, answered, answers_in, event_of
from streams.generations import FIRST
from streams.past.accounts import Titles, tell_context, tell_session, tell_sources, tell_way
from streams.past.again import Recorded, context_after, decide_again, recorded_answers, written
from streams.past.differences import slate_difference
from streams.past.explanation import DecisionTold, Explanation, PlaceTold
from streams.past.finding import Scene, Wanted, find
from streams.past.judged import tell_judged, tell_moves
from streams.past.positions import Positions, positions_of, reaches
from streams.past.worlds import Inputs
from streams.reading import assigned_consumer
from streams.runs.display import Watch
from streams.settings import Settings
from streams.snapshots import open_store
from streams.world import World

TOLD = 8
"""Candidates named per source and per filter."""


async def explain(
    settings: Settings,
    client: Mapping[str, Any],
    wanted: Wanted,
    *,
    most: int = TOLD,
    watch: Watch | None = None,
    rules: ClicksRules | None = None,
) -> Explanation:
    """Explain a slate.

    Args:
        settings: the installation's, as its workers have them.
        client: keyword arguments that every aiokafka client takes.
        wanted: which slate.
        most: candidates named per source and per filter.
        watch: told how many records of the world's logs were applied, now and then.
        rules: constants to decide by; those of the settings where absent.

    Raises:
        RefusedError: the slate or its event is not kept, or the visitor asked to be forgotten.
    """
    rules = rules or clicks_rules(settings)
    scene = await find(settings, client, wanted, rules.session)
    generation = scene.slate.lineage.generation or ""
    if generation != settings.generation:
        settings = settings.of_generation(generation, settings.partitions)
        if not await _is_there(client, settings.topics[LEARNING]):
            return _told(scene, rules, None, None, (), (_deleted(generation),))
    async with Inputs(settings, client, open_store(settings)) as inputs:
        positions = positions_of(scene.slate.lineage)
        if (gone := inputs.missing(positions)) is not None:
            return _told(scene, rules, None, None, await _places(scene.slate, inputs), (_gone(gone),))
        answers = recorded_answers(scene.evidence) if scene.evidence else None
        first = positions if answers else _searched_at(scene, positions)
        past = await inputs.world(first)
        moved = _counting(watch, past.left(positions))
        if first != positions:
            answers = _searched(scene, rules, await past.to(first, moved=moved))
        world = await past.to(positions, moved=moved)
        places = await _places(scene.slate, inputs)
    try:
        decision = _decision(scene, rules, world, answers, most)
    except DecodeError as error:
        return _told(scene, rules, world.knowledge, None, places, (f"It cannot be decided again: {error.detail}.",))
    return _told(scene, rules, world.knowledge, decision, places, ())


def _searched_at(scene: Scene, positions: Positions) -> Positions:
    """Say where the index was searched: a revision is decided from what it answered when the slate was."""
    first = positions_of(scene.revisions[0].lineage)
    return first if scene.revisions[0].revision == 0 and reaches(positions, first) else positions


def _searched(scene: Scene, rules: ClicksRules, world: World) -> Answers:
    """Search again for what the slate was first decided from."""
    event = event_of(scene.record)
    context = context_after(scene.visitor, event, rules.session)
    return answers_in(retrieve(context, event, world.knowledge), world.knowledge)


def _counting(watch: Watch | None, total: int) -> Callable[[int], object]:
    """Begin a stage, and give what moves it on."""
    if watch is None:
        return lambda _records: None
    watch.stage("logs", total)
    done = 0

    def moved(records: int) -> None:
        nonlocal done
        done += records
        watch.reached(done)

    return moved


async def _is_there(client: Mapping[str, Any], topic: str) -> bool:
    consumer = assigned_consumer(client)
    await consumer.start()
    try:
        return topic in await consumer.topics()
    finally:
        await consumer.stop()


def _deleted(generation: str) -> str:
    return f"Generation {generation or FIRST}, which decided this slate, was deleted: its candidates cannot be had."


def _gone(log: TopicName) -> str:
    return f"{log} no longer reaches back to this slate: its candidates and scores cannot be had."


def _told(
    scene: Scene,
    rules: ClicksRules,
    knowledge: Knowledge | None,
    decision: DecisionTold | None,
    places: tuple[PlaceTold, ...],
    missing: tuple[str, ...],
) -> Explanation:
    event, titles = event_of(scene.record), Titles(knowledge)
    context = context_after(scene.visitor, event, rules.session)
    size = next((one.size for one in rules.placements if one.name == scene.slate.placement), 0)
    return Explanation(
        slate=scene.slate.model_dump(mode="json", exclude_none=True),
        event=event.model_dump(mode="json", exclude_none=True),
        arrived_at=rfc3339(nearest_time(scene.record.timestamp_ms)),
        state_from=scene.state_from,
        session=tell_session(scene.visitor, context, event, rules.session, titles),
        lineage=places,
        decision=decision,
        missing=(*scene.missing, *missing),
        revisions=tuple(one.revision for one in scene.revisions),
        moves=tell_moves(scene.revisions, size, titles),
    )


def _decision(scene: Scene, rules: ClicksRules, world: World, answers: Answers | None, most: int) -> DecisionTold:
    knowledge, slate, event = world.knowledge, scene.slate, event_of(scene.record)
    context = context_after(scene.visitor, event, rules.session)
    retrieved = None if answers is None else answered(answers, knowledge)
    found = decide_again(Recorded(slate, event, context, retrieved), knowledge, rules)
    first = slate_difference(scene.data, written(slate, found.decided))
    titles = Titles(knowledge)
    way = tell_way(found, knowledge, rules.slates, titles, most)
    explored = found.decided.decision.explored
    return DecisionTold(
        outcome=_outcome(slate, world, equal=first is None),
        equal=first is None,
        difference=None if first is None else tuple(first),
        context=tell_context(context, knowledge, titles),
        sources=tell_sources(found, context, event, knowledge, titles, most),
        timed_out=found.retrieved.timed_out,
        removed=way.removed,
        candidates=len(found.candidates.rows),
        weights=knowledge.model.blend.weights,
        learned_rows=knowledge.model.blend.learned,
        shown=found.decided.request.placement.size,
        items=way.items,
        explored=None if explored is None else explored.model_dump(),
        judged=tell_judged(found, knowledge),
    )


def _outcome(slate: Slate, world: World, *, equal: bool) -> str:
    own = world.lineage()
    others = [
        name for name in ("generation", "settings", "build") if getattr(own, name) != getattr(slate.lineage, name)
    ]
    if others:
        theirs = ", ".join(f"{name} {getattr(slate.lineage, name)}" for name in others)
        so = "it comes out equal here all the same" if equal else "what follows is what this installation makes of it"
        return f"The slate was decided by another ({theirs}): {so}."
    if equal:
        return "Decided again it is equal to the recorded slate, byte for byte."
    return "Decided again it DIFFERS from the recorded slate; what follows is what came out now."


async def _places(slate: Slate, inputs: Inputs) -> tuple[PlaceTold, ...]:
    told = []
    for (log, partition), offset in positions_of(slate.lineage).at:
        known = (log, partition) in inputs.places
        record = await inputs.logs.at(inputs.settings.topics[log], partition, offset) if known else None
        at = None if record is None else rfc3339(nearest_time(record.timestamp_ms))
        told.append(PlaceTold(log, partition, offset, at))
    return tuple(told)
