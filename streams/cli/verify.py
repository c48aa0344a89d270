"""Prove that recorded slates come out again, byte for byte."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from schemas.errors import RefusedError


def verify(
    since: Annotated[str | None, typer.Option("--from", help="Events that arrived at or after this time.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Events that arrived before this time.")] = None,
    partition: Annotated[list[int] | None, typer.Option(min=0, help="Only this partition; may be repeated.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many slates, the oldest.")] = None,
    sample: Annotated[float, typer.Option(min=0, max=1, help="Only this share of the slates, by their id.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
) -> None:
    """Decide every recorded slate again and rebuild the visitor's state behind it; exits with 1 when one differs."""
    from streams.past.case import NEVER_MS, Selection
    from streams.past.reach import client_of
    from streams.past.telling import print_report
    from streams.past.verification import verify_past
    from streams.runs.display import Bars
    from streams.settings import Settings

    settings = Settings()
    selection = Selection(
        since_ms=0 if since is None else moment_ms(since),
        until_ms=NEVER_MS if until is None else moment_ms(until),
        partitions=partition,
        limit=limit,
        share=sample,
    )
    outside = [one for one in partition or () if one >= settings.partitions]
    if outside:
        raise RefusedError(f"There is no partition {outside[0]}: AISLE_PARTITIONS is {settings.partitions}.")
    with Bars() as bars:
        report = asyncio.run(verify_past(settings, client_of(settings), selection, watch=bars))
    if as_json:
        print(json.dumps(report.plain()))
    else:
        print_report(report)
    if not report.proven:
        raise typer.Exit(1)


def moment_ms(text: str) -> int:
    """Read a time; one without an offset is UTC.

    >>> moment_ms("2026-05-01T12:00:00Z"), moment_ms("2026-05-01")
    (1777636800000, 1777593600000)

    Raises:
        RefusedError: it is none.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise RefusedError(f"{text!r} is no time: write it as 2026-05-01T12:00:00Z.") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
