"""`aisle precompute`, from what was asked to what was done."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

from models.campaign import Departments
from models.intent import JudgementKey
from schemas.errors import RefusedError
from schemas.record import epoch_ms
from schemas.topics import LEARNING
from streams.bootstrap import build_world, constants_of
from streams.judging.caller import Caller
from streams.judging.prices import Prices
from streams.precompute.asked import Asked
from streams.precompute.campaign import Campaign, Needs
from streams.precompute.estimate import Estimate, Want, estimate, wants_of
from streams.precompute.filling import Filling, Tables, read_tables
from streams.precompute.room import with_room
from streams.replay.past import catalogue_ends, learn_before, model_before, read_catalogue
from streams.replay.replaying import Installation, counting
from streams.snapshots import open_store
from streams.world import World


@dataclass(frozen=True)
class Planned:
    """What is to be done, and what it will take.

    `empty` are keys whose department sells nothing that can be judged; for `crowded` more there is no room.
    """

    asked: Asked
    world: World
    wants: Sequence[Want]
    tables: Tables
    estimate: Estimate
    empty: tuple[JudgementKey, ...] = ()
    crowded: int = 0
    departments: tuple[str, ...] = ()
    campaign: Campaign | None = None
    needs: Needs | None = None


@dataclass(frozen=True)
class Done:
    """What a run came to."""

    tables: int = 0
    products: int = 0
    calls: int = 0
    usd: float = 0.0
    slates: int = 0
    already: int = 0
    seconds: float = 0.0


async def plan(asked: Asked, site: Installation, *, clock: Callable[[], datetime]) -> Planned:
    """Read the installation and say what is to be done; nothing is asked, nothing is written.

    Args:
        asked: what the command was given.
        site: the installation.
        clock: the time.

    Raises:
        RefusedError: the model cannot be had whole, or another build wrote the states.
    """
    world = await _world(site)
    at = clock()
    campaign = needs = None
    empty: tuple[JudgementKey, ...] = ()
    names: tuple[str, ...] = ()
    if asked.campaign:
        campaign = Campaign(site, world, asked, at=at, clock=clock)
        await campaign.read()
        needs = await campaign.needs()
        wanted = needs.wanted if asked.judges else {}
    else:
        departments = Departments(world.knowledge, at)
        names = tuple(departments.names())
        wanted = {key: departments.fitting(key) for key in asked.keys}
        empty = tuple(key for key, items in wanted.items() if not items)
    tables = await read_tables(site, list(wanted))
    wants = wants_of(wanted, tables, world.knowledge, at_ms=epoch_ms(at))
    roomy = with_room(wants, world.knowledge.judgements.keys)
    settings = site.settings
    prices = Prices(settings.llm_usd_per_million_prompt, settings.llm_usd_per_million_completion)
    told = estimate(roomy, world.knowledge, prices)
    crowded = len(wants) - len(roomy)
    return Planned(asked, world, roomy, tables, told, empty, crowded, names, campaign, needs)


async def work(planned: Planned, site: Installation, *, caller: Caller | None, clock: Callable[[], datetime]) -> Done:
    """Fill the tables, then write the campaign's slates, if there is one.

    Args:
        planned: of `plan`.
        site: the same installation.
        caller: asks the language model; None where nothing is judged.
        clock: the time.

    Raises:
        RefusedError: there is nothing to do it for, or judging was not brought to its end; what was done is kept.
    """
    began, asked, campaign = monotonic(), planned.asked, planned.campaign
    _refuse_nothing(planned)
    filling = None
    if caller is not None and asked.judges:
        filling = Filling(site, planned.world, caller, most_usd=asked.most_usd, clock=clock)
        await filling.fill(planned.wants, planned.tables)
    if campaign is not None:
        await _catch_up(planned.world, site)
        await campaign.write()
    return Done(
        tables=filling.filled if filling else 0,
        products=filling.products if filling else 0,
        calls=filling.purse.calls if filling else 0,
        usd=round(filling.purse.spent_usd, 6) if filling else 0.0,
        slates=campaign.written if campaign else 0,
        already=campaign.already if campaign else 0,
        seconds=round(monotonic() - began, 3),
    )


def plain(planned: Planned, done: Done | None) -> dict[str, Any]:
    """Give all of it for scripts; `done` is absent from a dry run."""
    said: dict[str, Any] = {"dry_run": done is None, "estimate": planned.estimate._asdict(), "crowded": planned.crowded}
    if planned.campaign is None:
        keys = {
            "asked": len(planned.asked.keys),
            "left_out": planned.asked.left_out,
            "without_products": len(planned.empty),
        }
        said["keys"] = keys
    else:
        people, needs = planned.campaign.people, planned.needs
        said["campaign"] = planned.asked.campaign
        said["visitors"] = {
            "asked": len(planned.asked.visitors), "repeated": planned.asked.repeated, "found": len(people.found),
            "unknown": people.unknown, "forgotten": people.forgotten, "expired": people.expired,
            "judged": needs.covered if needs else 0, "nothing_to_judge_by": needs.keyless if needs else 0,
        }  # fmt: skip
        said["slates"] = {
            "written": done.slates if done else 0,
            "already": planned.campaign.already,
            "placements": [placement.name for placement in planned.asked.placements],
        }
    if done is not None:
        said["judged"] = {"tables": done.tables, "products": done.products, "calls": done.calls, "usd": done.usd}
        said["seconds"] = done.seconds
    return said


def _refuse_nothing(planned: Planned) -> None:
    """Refuse a run that could do nothing for anybody."""
    if planned.campaign is not None and not planned.campaign.people.found:
        raise RefusedError(
            "None of these visitors has a state: the file takes visitor ids as in the events, not users or e-mail "
            "addresses, and only who gave consent is known."
        )
    if planned.empty and len(planned.empty) == len(planned.asked.keys):
        there = ", ".join(planned.departments[:12]) or "none"
        raise RefusedError(f"Nothing that is sold fits any of these keys: the departments are {there}.")


async def _world(site: Installation) -> World:
    """Build the folds as a worker that starts now would have them; its index is in memory, and exact."""
    logs, topics = site.logs, site.topics
    end = (await logs.bounds(topics[LEARNING], 1))[0][1]
    rules = constants_of(site.settings).model
    model = await asyncio.to_thread(model_before, open_store(site.settings), site.client, end, rules, whole=True)
    world = build_world(site.quiet, model=model)
    ends = await catalogue_ends(logs, topics)
    total = sum(sum(by_partition.values()) for by_partition in ends.values())
    await read_catalogue(world, logs, topics, ends, counting(site.watch, "catalogue", total))
    await learn_before(world, logs, topics, end=end, erased=None, told=counting(site.watch, "model", end))
    return world


async def _catch_up(world: World, site: Installation) -> None:
    """Follow catalogue and judgements to their ends: judging takes long, and slates are decided from both."""
    ends = await catalogue_ends(site.logs, site.topics)
    await read_catalogue(world, site.logs, site.topics, ends, lambda _: None)
