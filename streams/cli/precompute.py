"""`aisle precompute`: judgements before anybody asks, and slates of campaigns."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import RefusedError

if TYPE_CHECKING:
    from streams.precompute.asked import Asked
    from streams.precompute.running import Done, Planned
    from streams.settings import Settings


def precompute(
    segments: Annotated[str | None, typer.Option(help="Segments, as loyal.mid.outdoor,any; with --intents.")] = None,
    intents: Annotated[str | None, typer.Option(help="Intents, as outdoor/kids,outdoor/kids.low.browsing.")] = None,
    visitors: Annotated[Path | None, typer.Option(help="Instead: a file of visitor ids, one a line.")] = None,
    campaign: Annotated[str | None, typer.Option(help="With --visitors: names the campaign of their slates.")] = None,
    placements: Annotated[str, typer.Option(help="With --visitors: which slates.")] = "email,push",
    no_judge: Annotated[bool, typer.Option("--no-judge", help="Slates by what is judged already.")] = False,
    most_usd: Annotated[
        float | None,
        typer.Option(
            min=0, help="What this run may cost; AISLE_LLM_BUDGET_USD_PER_HOUR by default.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and do nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
) -> None:
    """Fill the judgements of segments and intents, or decide the slates of a campaign's visitors, ahead of time.

    It says first what it will cost. Started again, it goes on where it stopped; nothing is judged or written twice.
    """
    from streams.generations import current
    from streams.kafka import bootstrap_servers
    from streams.settings import Settings

    settings = Settings()
    most = settings.llm_budget_usd_per_hour if most_usd is None else most_usd
    asked = _asked((segments, intents), visitors, campaign, placements, judges=not no_judge, most_usd=most)
    if asked.judges and not dry_run and not settings.llm_on:
        raise RefusedError(
            "There is no language model to ask: set OPENAI_API_KEY or OPENAI_BASE_URL, or take what is judged already "
            "with --visitors and --no-judge."
        )
    bootstrap_servers(settings)
    try:
        found, done = _run(current(settings), asked, dry_run=dry_run, quiet=as_json)
    except KeyboardInterrupt:
        raise RefusedError("Stopped. The same command goes on from here.") from None
    _tell(found, done, as_json=as_json)


def _asked(
    pairs: tuple[str | None, str | None],
    visitors: Path | None,
    campaign: str | None,
    placements: str,
    *,
    judges: bool,
    most_usd: float,
) -> "Asked":
    from streams.precompute.asked import ask_keys, ask_visitors

    if (visitors is None) == (pairs == (None, None)):
        raise RefusedError("Name keys (--segments and --intents) or visitors (--visitors and --campaign).")
    if visitors is not None:
        return ask_visitors(visitors, campaign, placements, judges=judges, most_usd=most_usd)
    if campaign is not None or not judges:
        raise RefusedError("--campaign and --no-judge belong to --visitors FILE.")
    return ask_keys(*pairs, most_usd=most_usd)


def _run(settings: "Settings", asked: "Asked", *, dry_run: bool, quiet: bool) -> "tuple[Planned, Done | None]":
    from streams.admin import check_topics
    from streams.judging.opening import make_caller
    from streams.precompute.running import plan, work
    from streams.precompute.showing import planned_lines
    from streams.replay.opening import on
    from streams.replay.replaying import Installation
    from streams.runs.display import Bars

    check_topics(settings)
    with Bars() as bars:

        async def act(site: Installation) -> "tuple[Planned, Done | None]":
            found = await plan(asked, site, clock=_now)
            bars.rest()
            if not quiet:
                print("\n".join(planned_lines(found)), flush=True)  # before anything is paid for, in a pipe too
            if dry_run:
                return found, None
            caller = make_caller(settings) if asked.judges else None
            try:
                return found, await work(found, site, caller=caller, clock=_now)
            finally:
                if caller is not None:
                    await caller.close()

        return on(settings, bars, act)


def _tell(found: "Planned", done: "Done | None", *, as_json: bool) -> None:
    from streams.precompute.running import plain
    from streams.precompute.showing import done_line

    if as_json:
        print(json.dumps(plain(found, done)))
    elif done is not None:
        print(done_line(found, done))


def _now() -> datetime:
    return datetime.now(UTC)
