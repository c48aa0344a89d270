"""`aisle doctor`: what is there, what is missing, and the next step."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

_MARKS = {"ok": "ok ", "note": "-  ", "problem": "!! "}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
) -> None:
    """Look at the broker, topics, keys, snapshots, Qdrant, models and the gateway; say the next step for each.

    Exits with 1 when something is broken; what is optional and not there is not.
    """
    from streams.findings import examine
    from streams.settings import Settings

    findings = examine(Settings())
    if as_json:
        print(json.dumps({"findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            print(f"{_MARKS[finding.level]}{finding.name}: {finding.found}")
            if finding.step:
                print(f"     next: {finding.step}")
    if any(finding.level == "problem" for finding in findings):
        raise typer.Exit(1)
