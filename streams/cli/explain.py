"""`aisle explain`: why a visitor saw what they saw."""

import asyncio
import json
import time
from typing import Annotated

import typer

from schemas.errors import RefusedError


def explain(
    slate_id: Annotated[str | None, typer.Argument(help="The slate's id.", show_default=False)] = None,
    visitor: Annotated[str | None, typer.Option(help="Instead: a visitor's newest slate.", show_default=False)] = None,
    at: Annotated[str | None, typer.Option(help="With --visitor: the newest at or before this time.")] = None,
    placement: Annotated[str | None, typer.Option(help="With --visitor: of this placement alone.")] = None,
    revision: Annotated[
        int | None, typer.Option(min=0, help="Which revision of it: 0 as it was first, 1 with judgements; the newest.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, max=100, help="Candidates named per source and filter.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
) -> None:
    """Explain a recorded slate: session, candidates, filters, blend and order, decided again from its lineage."""
    from streams.cli.moments import moment_ms
    from streams.generations import current
    from streams.past.explaining import explain as explained
    from streams.past.finding import Wanted
    from streams.past.reach import client_of
    from streams.past.showing import show
    from streams.runs.display import Bars
    from streams.settings import Settings

    if (slate_id is None) == (visitor is None):
        raise RefusedError("Name a slate, or a visitor: aisle explain SLATE_ID, or aisle explain --visitor V --at T.")
    settings = current(Settings())
    now_ms = int(time.time() * 1000)
    at_ms = now_ms if at is None else moment_ms(at, option="--at", now_ms=now_ms)
    wanted = Wanted(slate_id, visitor, at_ms, placement, revision)
    with Bars() as bars:
        found = asyncio.run(explained(settings, client_of(settings), wanted, most=top, watch=bars))
    if as_json:
        print(json.dumps(found.plain()))
    else:
        show(found)
