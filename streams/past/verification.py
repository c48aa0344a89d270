"""Prove the past: every slate with evidence is decided again, and the visitor's state behind it is rebuilt.

Two steps. Partition by partition, events are applied again and each state is held against its evidence; what a slate
is decided from is put aside on disk. Then the slates, sorted by their place in the logs of the world, are decided again
while one world at a time goes through those logs.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from schemas.errors import DecodeError
from schemas.slates import Evidence, Slate
from streams.bootstrap import clicks_rules
from streams.deciding import ClicksRules, event_of
from streams.erased import read_erased
from streams.generations import has_grown
from streams.past.again import Recorded, answers_of, context_after, decide_again, state_of, written
from streams.past.case import Case, Selection, Task
from streams.past.differences import slate_difference
from streams.past.gathering import Partition
from streams.past.positions import Positions, chains
from streams.past.report import Report, undated
from streams.past.spool import Spool
from streams.past.worlds import Inputs
from streams.runs.display import Watch
from streams.settings import Settings
from streams.snapshots import open_store
from streams.world import World


class Quiet:
    """A watch that looks away."""

    def stage(self, name: str, total: int) -> None:
        """Begin a stage."""

    def reached(self, done: int) -> None:
        """Go on."""


async def verify_past(
    settings: Settings,
    client: Mapping[str, Any],
    selection: Selection,
    *,
    watch: Watch | None = None,
    rules: ClicksRules | None = None,
) -> Report:
    """Decide the selected slates again.

    Args:
        settings: the installation's, as its workers have them.
        client: keyword arguments that every aiokafka client takes.
        selection: which slates.
        watch: told how far it is.
        rules: constants to decide by; those of the settings where absent.
    """
    with Spool() as spool:
        rules, grown = rules or clicks_rules(settings), await has_grown(client, settings.topics)
        case = Case(settings, client, selection, rules, spool, watch or Quiet(), grown)
        await _gather(case)
        await _decide(case)
        return case.report


async def _gather(case: Case) -> None:
    """Read the partitions one after the other."""
    erased = await read_erased(case.client, case.settings.topics)
    partitions = case.selection.partitions
    for partition in range(case.settings.partitions) if partitions is None else partitions:
        await Partition(case, partition, erased).gather()
    case.tasks.sort()
    if case.selection.limit is not None:
        del case.tasks[case.selection.limit :]


async def _decide(case: Case) -> None:
    """Take a world through the logs once per chain of slates."""
    async with Inputs(case.settings, case.client, open_store(case.settings)) as inputs:
        at: defaultdict[Positions, list[Task]] = defaultdict(list)
        for task in case.tasks:
            if (log := inputs.missing(task.at)) is None:
                at[task.at].append(task)
            else:
                case.report.missing[log] += 1
        found = chains(at)
        case.report.passes = len(found)
        reach = sum(offset + 1 for chain in found for _, offset in chain[-1].at)
        case.stage("deciding", reach + sum(map(len, at.values())))
        for chain in found:
            past = await inputs.world(chain[0])
            for place in chain:
                world = await past.to(place, moved=case.moved)
                for task in at[place]:
                    _one(case, task, world)
                case.moved(len(at[place]))
                await asyncio.sleep(0)  # or Ctrl-C is not heard until all is decided


def _one(case: Case, task: Task, world: World) -> None:
    """Decide one slate again."""
    data = case.spool.get(task.slate)
    slate, evidence = Slate.decode(data), Evidence.decode(case.spool.get(task.evidence))
    try:
        event = event_of(case.spool.get_record(task.event))
        context = context_after(state_of(evidence), event, case.rules.session)
    except DecodeError:
        case.report.missing["evidence of another build"] += 1
        return
    recorded = Recorded(slate, event, context, answers_of(evidence, world.knowledge))
    again = written(slate, decide_again(recorded, world.knowledge, case.rules).decided)
    difference = slate_difference(data, again)
    case.report.slate(slate.slate_id, undated(again), difference, revision=slate.revision)
