"""`aisle replay --verify`: prove that recorded slates come out again, byte for byte."""

import asyncio
import json
from typing import TYPE_CHECKING

import typer

from schemas.errors import RefusedError

if TYPE_CHECKING:
    from streams.past.case import Selection


def verify(selection: "Selection", *, as_json: bool) -> None:
    """Decide every recorded slate again and rebuild the visitor's state behind it; exits with 1 when one differs.

    Raises:
        RefusedError: there is no such partition.
    """
    from streams.generations import current
    from streams.past.reach import client_of
    from streams.past.telling import print_report
    from streams.past.verification import verify_past
    from streams.runs.display import Bars
    from streams.settings import Settings

    settings = current(Settings())
    outside = [one for one in selection.partitions or () if one >= settings.partitions]
    if outside:
        raise RefusedError(f"There is no partition {outside[0]}: there are {settings.partitions}, from 0 on.")
    with Bars() as bars:
        report = asyncio.run(verify_past(settings, client_of(settings), selection, watch=bars))
    if as_json:
        print(json.dumps(report.plain()))
    else:
        print_report(report)
    if not report.proven:
        raise typer.Exit(1)
